"""Interrupted trainings and their checkpoints."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from emoscope.train.errors import CheckpointInvalid, Interrupted, TrainingError
from emoscope.train.fit import fit
from emoscope.train.fit.checkpoint import read_state

from .trainings import BATCHES, EPOCHS, KINDS, assert_same, training, weights


class Killed(BaseException):
    """Stands for the end of the process in the middle of a step."""


@pytest.mark.parametrize("number", [signal.SIGINT, None], ids=["ctrl-c", "killed"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_ends_at_any_step_goes_on_to_the_same_weights(kind, number, tmp_path):
    """Ctrl+C saves after the step; a kill leaves the checkpoint of the epoch before, or none. Both to the bit."""
    steps: list[Any] = []
    whole = training(kind, steps.append)
    fitted = fit(whole, tmp_path / "whole.safetensors")
    assert len(steps) >= EPOCHS * BATCHES

    for last in range(len(steps)):
        path, count = tmp_path / f"{last}.safetensors", [0]

        def interrupt(at, last=last, count=count):
            count[0] += 1
            if count[0] == last + 1:
                if number is None:
                    raise Killed
                os.kill(os.getpid(), number)

        with pytest.raises((Interrupted, Killed)) as stopped:
            fit(training(kind, interrupt), path)
        if number is not None:
            assert str(stopped.value).endswith("saved") and path.is_file()
        resumed = training(kind)
        if path.is_file():
            torch.manual_seed(99)  # another process need not have the state that this one had
        again = fit(resumed, path, resume=True)
        assert_same(weights(whole), weights(resumed))
        assert (again.losses, again.scores) == (fitted.losses, fitted.scores)


def test_a_process_that_is_killed_leaves_a_whole_checkpoint(tmp_path):
    """SIGKILL from outside, in the second epoch: what was saved leads to the same weights."""
    path = tmp_path / "killed.safetensors"
    program = (
        "import os, sys; sys.path.insert(0, sys.argv[1]); from trainings import training\n"
        "from pathlib import Path\n"
        "from emoscope.train.fit import fit\n"
        "die = lambda at: os.kill(os.getpid(), 9) if (at.epoch, at.step) == (1, 1) else None\n"
        "fit(training('average', die), Path(sys.argv[2]))\n"
    )
    here = str(Path(__file__).parent)
    ended = subprocess.run([sys.executable, "-c", program, here, str(path)], timeout=120, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert read_state(path)["position"] == {"phase": 0, "epoch": 1, "step": 0}
    whole, resumed = training("average"), training("average")
    fit(whole, tmp_path / "whole.safetensors")
    fit(resumed, path, resume=True)
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=1e-5, atol=1e-6)


def test_a_finished_training_that_is_resumed_stays_as_it_is(tmp_path):
    """Nothing is left to do, and the weights are those of the checkpoint."""
    first = training("average")
    fit(first, tmp_path / "x.safetensors")
    again = training("average", before_step=lambda at: pytest.fail("a step was made"))
    fit(again, tmp_path / "x.safetensors", resume=True)
    assert_same(weights(first), weights(again))


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    """Other settings, another model, another format, a torn file: each says what it is."""
    path = tmp_path / "x.safetensors"
    fit(training(), path)
    with pytest.raises(CheckpointInvalid, match="other settings"):
        fit(replace(training(), settings={"kind": "other"}), path, resume=True)
    other = training()
    with pytest.raises(CheckpointInvalid, match="another model"):
        fit(replace(other, model=nn.Linear(3, 3)), path, resume=True)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CheckpointInvalid, match="not a whole checkpoint"):
        fit(training(), path, resume=True)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    """The new one is written beside it and moved over; when that fails, the old one is whole."""
    path = tmp_path / "x.safetensors"
    fit(training(), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(TrainingError, match="No space left"):
        fit(training(), path)
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.safetensors"]


def test_checkpoints_are_written_after_so_many_epochs_and_at_the_end(tmp_path, monkeypatch):
    """`save_every` spares a training with short epochs most of the writing."""
    from emoscope.train.fit import run

    written = []
    monkeypatch.setattr(run, "write_checkpoint", lambda path, tensors, state: written.append(state["position"]))
    one = training(save_every=2)
    fit(replace(one, phases=[replace(one.phases[0], epochs=5)]), tmp_path / "x.safetensors")
    assert [(at["phase"], at["epoch"]) for at in written] == [(0, 2), (0, 4), (1, 0)]


def test_a_checkpoint_holds_no_pickle(tmp_path):
    """A safetensors file, whose header holds the state as JSON."""
    path = tmp_path / "x.safetensors"
    fit(training("average"), path)
    state = read_state(path)
    assert state["settings"] == {"kind": "average"} and len(state["losses"]) == EPOCHS
    content = path.read_bytes()
    assert content[8:9] == b"{" and b"torch._utils" not in content and b"\x80\x02" not in content[:2]
