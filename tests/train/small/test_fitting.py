"""A training of `small` that is stopped loses nothing, and one that breaks says where."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel
from emoscope.train.acted.batches import BatchConfig
from emoscope.train.acted.utterances import Utterance
from emoscope.train.corpora import Clip
from emoscope.train.errors import Interrupted, LossNotFinite
from emoscope.train.small import fitting
from emoscope.train.small.fitting import FitConfig, Material, fit, schedule

LABELS = ("angry", "calm", "sad")
CONTRACT = ModelContract(
    id="x", labels=LABELS, dimensions=("arousal", "valence", "dominance"), baseline=True,
    window=25_600, hop=12_800, frame=640, lookback=480, tail=4_800,
)  # fmt: skip
ALLOWED = {"emodb": ("angry", "sad")}
BATCHES = BatchConfig(steps=3, voices=2, size=3, shares={"emodb": 0.5, "emotale": 0.5}, lengths=((1.0, 40, 60),))
CONFIG = FitConfig(epochs=3, batches=BATCHES, bf16=False, seed=7)


@pytest.fixture(autouse=True)
def one_thread():
    """Sums in one order, so that equal means equal."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model() -> SmallModel:
    torch.manual_seed(1)
    return SmallModel(SmallConfig(channels=(4, 6, 8, 8), dim=16, memory=2), CONTRACT, Calibration())


def material(spoilt: bool = False) -> Material:
    rng = np.random.default_rng(0)
    found = []
    for i in range(16):
        corpus, told = ("emodb", None) if i < 8 else ("emotale", (0.1 * i - 1, 0.2, -0.1 * (i % 3)))
        clip = Clip(corpus, f"clip{i}", Path("x.wav"), "1", LABELS[2 * (i % 2)], dimensions=told)
        sound = rng.normal(-40 + 10 * (i % 2), 5, size=(80, 112)).astype(np.float16)
        if spoilt and i % 2 == 1:
            sound[:] = np.nan
        found.append(Utterance(clip, 0, 80 * 160, sound))
    return Material(found, ALLOWED, sounds=torch.full((30, 64), -50.0))


def stop_after(monkeypatch, steps: int, number: int) -> None:
    """Sends this process a signal once so many steps are done, as a person would."""
    plain, count = fitting._step, [0]

    def counted(*args):
        value = plain(*args)
        count[0] += 1
        if count[0] == steps:
            os.kill(os.getpid(), number)
        return value

    monkeypatch.setattr(fitting, "_step", counted)


@pytest.mark.parametrize("steps", [2, 3, 4])
def test_a_training_that_is_stopped_and_resumed_equals_the_unbroken_one(tmp_path, monkeypatch, steps):
    """Ctrl+C in the middle of an epoch or at its end: the same weights, to the bit."""
    whole = model()
    whole_fit = fit(whole, material(), CONFIG, tmp_path / "whole.safetensors", resume=False)
    broken = model()
    with monkeypatch.context() as patch:
        stop_after(patch, steps, signal.SIGINT)
        with pytest.raises(Interrupted, match="saved"):
            fit(broken, material(), CONFIG, tmp_path / "broken.safetensors", resume=False)
    resumed = model()
    again = fit(resumed, material(), CONFIG, tmp_path / "broken.safetensors", resume=True)
    assert again.losses == whole_fit.losses
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)


def test_a_loss_that_is_no_number_names_the_step(tmp_path):
    """And the weights are not spoilt by it: the error comes before the step."""
    with pytest.raises(LossNotFinite, match=r"nan in epoch 1 of 3, step \d"):
        fit(model(), material(spoilt=True), CONFIG, tmp_path / "x.safetensors", resume=False)


def test_the_learning_rate_rises_and_falls():
    """From next to nothing to all of it at the warm-up's end, and down to nothing."""
    assert schedule(0, 0.1) < 0.02
    assert schedule(0.1, 0.1) == pytest.approx(1)
    assert schedule(1, 0.1) == pytest.approx(0, abs=1e-6)
