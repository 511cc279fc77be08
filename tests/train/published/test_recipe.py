"""`emoscope train attentive` and `segmental`, tiny, on a few made clips."""

import math
import os
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from emoscope.models import load_model
from emoscope.models.cards import read_card
from emoscope.models.errors import UsageError
from emoscope.models.systems import SEGMENTAL_ROWS
from emoscope.streamer import Config, VadConfig, replay
from emoscope.streamer.cli.main import main
from emoscope.train.corpora import list_ravdess
from emoscope.train.errors import CheckpointInvalid, Interrupted, LossNotFinite
from emoscope.train.evaluation.scores import macro_f1
from emoscope.train.fit import Position
from emoscope.train.fit.checkpoint import read_state
from emoscope.train.published import fitting
from emoscope.train.published import recipe as published
from emoscope.train.published.fitting import alpha, draw_epoch, factor, fit, target
from emoscope.train.published.recipe import RECIPES, new_model, train_published
from emoscope.train.published.sampling import subsampled

torch.set_num_threads(1)


def tiny(system, **changes):
    return replace(RECIPES[system], **{"size": "tiny", "epochs": 1, **changes})


@pytest.fixture
def data(tmp_path, make_ravdess):
    """One actor to learn from, one to choose by."""
    make_ravdess(tmp_path / "corpora" / "ravdess", ("01", "21"), flat=True, seconds=0.3)
    return tmp_path / "corpora"


@pytest.fixture
def sides(data):
    """Few clips of each class, to learn from and to choose by."""
    clips = list_ravdess(data / "ravdess")
    some = [clip for clip in clips if clip.name.split("-")[4] == "01" and clip.name.split("-")[3] == "01"]
    return [c for c in some if c.speaker == "01"], [c for c in some if c.speaker == "21"]


def command(*given):
    return main(["train", *(str(one) for one in given)])


@pytest.mark.parametrize("system", ["attentive", "segmental", "camulenet"])
def test_one_command_trains_saves_loads_and_streams(system, tmp_path, data, capsys):
    """All phases, the card that tells what was done, and readings of a clip through the live path."""
    given = ("--data", data, "--work", tmp_path / "work", "--size", "tiny", "--epochs", 1, "--threads", 1)
    assert command(system, *given) == 0
    assert "written" in capsys.readouterr().err
    folder = tmp_path / "work" / "model"
    card, model = read_card(folder), load_model(folder)
    assert card.training["epochs_of_stages"] == [1] * len(RECIPES[system].stages)
    assert [(corpus.name, corpus.speakers) for corpus in card.data] == [("ravdess", ["01"])]
    assert card.licence == "CC BY-NC-SA 4.0"
    assert any("dry run" in note for note in card.notes)
    f1 = "weighted F1" if system == "camulenet" else "macro F1"
    measured = [score for score in card.scores if score.source == "measured here"]
    assert [score.metric for score in measured] == ["UAR", f1, "UAR", f1, "agreement"]
    assert 0 <= measured[-1].value <= 1
    assert {score.corpus for score in measured} == {"ravdess, development speakers 21"}
    # A second run with --resume finds everything done, and writes the same weights.
    assert command(system, *given, "--resume", "--out", tmp_path / "again") == 0
    assert read_card(tmp_path / "again").weights_sha256 == card.weights_sha256
    finals = [
        event
        for event in replay(
            data / "ravdess" / "03-01-05-01-01-01-21.flac", model, config=Config(vad=VadConfig(backend="webrtc"))
        )
        if event.type == "emotion.final"
    ]
    assert finals and set(finals[0].scores) == set(model.contract.labels)


@pytest.mark.parametrize("system", ["attentive", "segmental", "camulenet"])
def test_a_training_lowers_its_loss(system, tmp_path, sides):
    """At a rate that shows in seconds, each recipe's own loss falls from epoch to epoch."""
    stages = tuple(replace(one, rate=3e-3) for one in RECIPES[system].stages[-1:])
    recipe = tiny(system, stages=stages, epochs=4, batch=7, warm_up=None, patience=None)
    model = new_model(recipe)
    fit(model, sides[0], sides[1], recipe, tmp_path / "x.safetensors", resume=False)
    losses = read_state(tmp_path / "x.safetensors")["losses"]
    assert len(losses) == 4 and losses[-1] < losses[0]


@pytest.mark.parametrize(("system", "steps"), [("attentive", 3), ("attentive", 4), ("segmental", 1)])
def test_a_training_that_is_stopped_and_resumed_equals_the_unbroken_one(system, steps, tmp_path, sides, monkeypatch):
    """Ctrl+C in the middle of an epoch or at the end of a phase: the same weights, to the bit."""
    recipe = tiny(system, batch=8)
    whole, broken, resumed = (new_model(recipe) for _ in range(3))
    told = fit(whole, sides[0], sides[1], recipe, tmp_path / "whole.safetensors", resume=False)
    plain, count = fitting.step, [0]

    def counted(*args):
        value = plain(*args)
        count[0] += 1
        if count[0] == steps:
            os.kill(os.getpid(), signal.SIGINT)
        return value

    path = tmp_path / "broken.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(fitting, "step", counted)
        with pytest.raises(Interrupted, match="saved"):
            fit(broken, sides[0], sides[1], recipe, path, resume=False)
    again = fit(resumed, sides[0], sides[1], recipe, path, resume=True)
    assert again["development"] == told["development"]
    for name, value in whole.state_dict().items():
        torch.testing.assert_close(resumed.state_dict()[name], value, rtol=0, atol=0)
    with pytest.raises(CheckpointInvalid, match="other settings"):
        fit(resumed, sides[0], sides[1], replace(recipe, seed=2), path, resume=True)


def test_a_loss_that_is_no_number_names_the_step(tmp_path, sides):
    """And the weights are not spoilt by it: the error comes before the step."""
    recipe = tiny("segmental")
    model: Any = new_model(recipe)
    with torch.no_grad():
        model.head.bias[0] = math.nan
    before = model.head.weight.clone()
    with pytest.raises(LossNotFinite, match=r"nan in phase 'transformer', epoch 1 of 1, step 1"):
        fit(model, sides[0], sides[1], recipe, tmp_path / "x.safetensors", resume=False)
    assert torch.equal(model.head.weight, before)


def test_the_best_epoch_is_kept_and_a_phase_ends_by_itself(tmp_path, sides, monkeypatch):
    """The scores .1 .3 .2 end a phase of patience 1, and the weights of .3 are what the next begins with."""
    scores, seen = iter([0.1, 0.3, 0.2, 0.2, 0.1]), []

    def score(model, clips, batch):
        seen.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(scores)

    monkeypatch.setattr(fitting, "selection_score", score)
    stages = tuple(replace(one, rate=1e-3) for one in RECIPES["attentive"].stages[:2])
    recipe = tiny("attentive", stages=stages, epochs=9, patience=1, batch=16)
    model = new_model(recipe)
    told = fit(model, sides[0], sides[1], recipe, tmp_path / "x.safetensors", resume=False)
    assert told["development"] == [[0.1, 0.3, 0.2], [0.2, 0.1]]
    for name, value in model.state_dict().items():
        assert torch.equal(value, seen[1][name])
    assert not torch.equal(seen[1]["classifier.1.weight"], seen[2]["classifier.1.weight"])


def test_calm_is_neutral_and_contempt_weighs_nothing(sides):
    """RAVDESS's eight labels among the eight of MSP-Podcast; balanced, each class is there as often."""
    model = new_model(tiny("attentive"))
    calm = next(clip for clip in sides[0] if clip.label == "calm")
    assert model.contract.labels[target(model, calm)] == "neutral"
    weights = alpha(model, sides[0])
    assert weights[model.contract.labels.index("contempt")] == 0
    assert (weights > 0).sum() == 7
    names = [model.contract.labels[target(model, clip)] for clip in sides[1]]
    counts = np.bincount([target(model, clip) for clip in subsampled(sides[1], names, 1.0)])
    assert len(set(counts[counts > 0].tolist())) == 1


def test_an_epoch_holds_every_clip_once():
    """In batches, and in another order in another epoch; the rate follows the recipe's schedule."""
    recipe = tiny("segmental", batch=4)
    clips: list[Any] = list(range(10))
    first = draw_epoch(clips, recipe, Position())
    assert [len(batch) for batch in first] == [4, 4, 2]
    assert sorted(clip for batch in first for clip in batch) == clips
    assert first != draw_epoch(clips, recipe, Position(epoch=1))
    assert factor(recipe, 100)(99) == 1.0
    rising = factor(tiny("attentive"), 100)
    assert rising(9) == 1.0 > rising(60)


def test_recipes_are_the_papers():
    """Rates, phases, epochs and batch as published; rows of table 1 with their alpha."""
    segmental = RECIPES["segmental"]
    assert (segmental.epochs, segmental.batch) == (30, 12)
    models: dict[str, Any] = {row: new_model(tiny("segmental", row=row)) for row in SEGMENTAL_ROWS}
    alphas = {row: model.config.alpha for row, model in models.items()}
    assert (alphas["tri(W)"], alphas["seg+tri(S)"], alphas["seg+tri(W)"]) == (0.7, 0.1, 0.2)
    assert [one.rate for one in RECIPES["attentive"].stages] == [1e-5, 3e-6, 1e-6]
    with pytest.raises(UsageError, match="baseline, seg"):
        new_model(tiny("segmental", row="AS"))


def test_the_published_size_says_what_it_misses(tmp_path, data, monkeypatch, capsys):
    """Without the pretrained encoder nothing is trained: one line with the ways out."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(
        "emoscope.train.published.recipe.new_model", lambda recipe: new_model(replace(recipe, size="tiny"))
    )
    missing = str(tmp_path / "nowhere")
    given = ("--data", data, "--work", tmp_path, "--encoders", missing)
    assert command("segmental", *given) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--encoders DIR" in said and missing in said


@pytest.mark.parametrize("system", ["attentive", "segmental", "camulenet"])
def test_the_pretrained_encoder_is_in_the_model_that_is_trained(system, tmp_path, data, monkeypatch):
    """A folder in the hub's layout is read into the encoder before the first step, every weight."""
    torch.manual_seed(99)
    pretrained = new_model(tiny(system, seed=99)).speech.model
    pretrained.save_pretrained(tmp_path / "encoder")
    begun = {}

    def caught(model, *rest):
        begun.update({name: value.clone() for name, value in model.speech.model.state_dict().items()})
        raise Interrupted("enough")

    monkeypatch.setattr(published, "new_model", lambda recipe: new_model(replace(recipe, size="tiny")))
    monkeypatch.setattr(published, "fit", caught)
    recipe = RECIPES[system]
    with pytest.raises(Interrupted):
        train_published(recipe, data, tmp_path, tmp_path / "out", encoder=tmp_path / "encoder", threads=1)
    assert begun and begun.keys() == pretrained.state_dict().keys()
    assert all(torch.equal(begun[name], value) for name, value in pretrained.state_dict().items())


@pytest.mark.parametrize(
    "given",
    [
        ("small", "--size", "tiny"),
        ("segmental", "--part", "all"),
        ("attentive", "--size", "tiny", "--download"),
        ("segmental", "--row", "AS"),
    ],
)
def test_an_option_that_would_not_be_used_is_refused(given, tmp_path, capsys):
    """Rather than a training that is not the one asked for."""
    assert command(*given, "--work", tmp_path) == (1 if "AS" in given else 2)
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "leave" in said or "Unknown option" in said or "seg+tri(W)" in said


def test_a_device_that_is_not_there_is_named(tmp_path, data):
    """One line, not a traceback out of torch."""
    recipe = tiny("segmental")
    with pytest.raises(UsageError, match="--device toaster"):
        train_published(recipe, data, tmp_path, tmp_path / "out", threads=1, device="toaster")


def test_macro_f1_is_the_mean_over_the_true_classes():
    """Found by hand: .8 and .667 and 0; an answer outside the true classes only misses."""
    truth, said = np.array([0, 0, 1, 1, 2]), np.array([0, 0, 0, 1, 5])
    assert macro_f1(said, truth) == pytest.approx((0.8 + 2 / 3 + 0) / 3)
