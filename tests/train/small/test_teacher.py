"""`small` learns from the `whisper` model that did not hear its held-out speakers, frame by frame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from emoscope.models import Calibration, save_model
from emoscope.models.whisper import WhisperConfig, WhisperModel
from emoscope.models.whisper.checkpoint import digests_of, keep
from emoscope.models.whisper.encoder import DIM, LowerWhisper
from emoscope.train.acted.batches import BatchConfig, Crop, Piece
from emoscope.train.acted.shipping import LABELS_OF, PARTS, Trained, fold_split
from emoscope.train.acted.utterances import Utterance
from emoscope.train.corpora import Clip, load_corpora
from emoscope.train.errors import CorpusMissing
from emoscope.train.fit import Fitted
from emoscope.train.small.fitting import FitConfig, Material, fit
from emoscope.train.small.lessons import Lessons
from emoscope.train.small.recipe import Recipe, new_model, prepare_utterances, train_small
from emoscope.train.small.teacher import Teacher, matched
from emoscope.train.whisper.recipe import CONTRACT, make_card
from emoscope.train.whisper.recipe import Recipe as WhisperRecipe


def utterance(start: int, frames: int, width: int = 112) -> Utterance:
    sound = np.random.default_rng(start).normal(size=(frames, width)).astype(np.float16)
    return Utterance(Clip("emodb", "a", Path("a.wav"), "03", "sad"), start, start + 640 * frames, sound)


def test_utterances_are_matched_by_their_start_and_are_as_long_as_in_both():
    """One that the teacher did not hear is left out; one that it heard for 5 frames has 5 frames for both."""
    ours = [utterance(0, 40), utterance(640, 12), utterance(1280, 8)]
    heard = [utterance(1280, 9, 4), utterance(0, 5, 4)]
    both, states = matched(ours, heard, 4)
    assert [(one.start, one.frames, len(own)) for one, own in zip(both, states, strict=True)] == [
        (0, 20, 5),
        (1280, 8, 2),
    ]
    np.testing.assert_array_equal(states[0], heard[1].sound[:5])


def test_the_teacher_hears_the_frames_that_the_student_hears():
    """A crop of two pieces has the states of the same stretches of the same utterances."""
    states = [np.arange(10 * DIM, dtype=np.float16).reshape(10, DIM) % 50, np.ones((6, DIM), np.float16)]
    teacher = Teacher(WhisperModel(WhisperConfig(width=8, members=1), CONTRACT, Calibration()), states, 4)
    heard = teacher.hears([Crop(0, (Piece(0, 8, 12), Piece(1, 0, 4)))])
    assert heard.shape == (1, 4, DIM)
    np.testing.assert_array_equal(heard[0, :3].numpy(), states[0][2:5].astype(np.float32))
    assert (heard[0, 3] == 1).all()


@pytest.fixture
def teachers(tmp_path, monkeypatch) -> Path:
    """The work folder of a training of `whisper` with a random encoder; each fold's head is another."""
    folder = tmp_path / "whisper"
    monkeypatch.setenv("EMOSCOPE_CACHE", str(folder / "encoder"))
    torch.manual_seed(2)
    encoder = {name: tensor.half() for name, tensor in LowerWhisper().model.state_dict().items()}
    keep(encoder)
    config = WhisperConfig(width=8, members=1, encoder=digests_of(encoder))
    for seed, part in enumerate(PARTS):
        torch.manual_seed(seed)
        model = WhisperModel(config, CONTRACT, Calibration())
        one: Any = Trained(model, Fitted([1.0]), fold_split([], 0, ()))
        card = make_card(one, replace(WhisperRecipe(), model=config), part)
        save_model(model, card, folder / "unscored" if part == "all" else folder / "folds" / part)
    return folder


def test_a_student_comes_to_say_what_its_teacher_says(tmp_path, teachers, make_read):
    """The divergence from the fold's teacher falls by a quarter within 36 steps on what both hear."""
    make_read(tmp_path / "corpora" / "read", 12, seconds=1.0)
    clips = load_corpora(tmp_path / "corpora", ["read"])
    recipe = Recipe(model=replace(Recipe().model, channels=(4, 6, 8, 8), dim=24, dropout=0.0))
    utterances = prepare_utterances(clips, recipe, tmp_path / "cache")
    lessons = Lessons.prepare(teachers, clips, utterances)
    split = fold_split(clips, 1, ["read"])
    own, teacher = lessons.of(split.train, "fold-1")
    assert own and {one.clip for one in own} <= set(split.train)
    assert len(teacher.states) == len(own)
    first, other = (lessons.of(split.train, part)[1].says(torch.ones(1, 5, DIM))[0] for part in ("fold-1", "all"))
    assert not torch.allclose(first, other), "each fold has its own teacher"
    batches = BatchConfig(steps=12, voices=2, size=4, shares={"read": 1.0}, lengths=((1.0, 40, 60),))
    config = FitConfig(epochs=3, batches=batches, bf16=False, unacted=0.0, says=4.0, average=0.5)
    model = new_model(recipe)
    fitted = fit(model, Material(own, LABELS_OF, None, teacher), config, tmp_path / "x.safetensors", resume=False)
    assert fitted.losses[-1] < 0.75 * fitted.losses[0]


def test_a_folder_without_teachers_is_named(tmp_path):
    """Before any corpus is read, in one line that says what the folder must be."""
    with pytest.raises(CorpusMissing, match="emoscope train whisper"):
        train_small(tmp_path / "no-corpora", tmp_path, tmp_path / "out", Recipe(), teachers=tmp_path / "empty")
