"""Every paper's recipe on a made corpus of its own, through every phase; overrides; what is said of bad input."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from made_corpora import make_crema_d, make_emospeech, make_iemocap, make_msp_podcast
from synthetic_voice import write

from emoscope.models import load_model
from emoscope.models.cards import read_card
from emoscope.models.errors import UsageError
from emoscope.streamer.cli.main import main
from emoscope.train.errors import OutOfMemory
from emoscope.train.published import fitting
from emoscope.train.published.augment import KINDS, Augment
from emoscope.train.published.overrides import overridden
from emoscope.train.published.recipe import RECIPES, new_model, train_published
from emoscope.train.published.recipes import configured, dry
from emoscope.train.published.scoring import cut

torch.set_num_threads(1)

MAKERS: dict[str, Callable[..., Path]] = {
    "crema-d": make_crema_d,
    "emospeech": make_emospeech,
    "iemocap": make_iemocap,
    "msp-podcast": make_msp_podcast,
}


def command(*given):
    return main(["train", *(str(one) for one in given)])


@pytest.mark.parametrize(
    ("system", "corpus"),
    [
        ("attentive", "msp-podcast"),
        ("emospeech", "emospeech"),
        ("camulenet", "crema-d"),
        ("segmental", "iemocap"),
        ("attributes", "msp-podcast"),
    ],
)
def test_a_dry_run_goes_through_every_phase(system, corpus, tmp_path, capsys):
    """The corpus is read and divided, words are read, every phase has an epoch, and the model loads again."""
    MAKERS[corpus](tmp_path / corpus)
    given = ("--corpus", corpus, "--data", tmp_path, "--work", tmp_path / "work", "--threads", 1, "--dry-run")
    assert command(system, *given, "--curves", tmp_path / "curves") == 0
    assert "clips to learn from" in capsys.readouterr().err
    card, model = read_card(tmp_path / "work" / "model"), load_model(tmp_path / "work" / "model")
    assert card.training["epochs_of_stages"] == [1] * len(RECIPES[system].stages)
    assert card.data[0].name == corpus and any("dry run" in note for note in card.notes)
    measured = {score.metric for score in card.scores if score.source == "measured here"}
    assert ("CCC mean" if system == "attributes" else "agreement") in measured
    assert bool(getattr(model, "tokenizer", None)) == (system in ("attentive", "emospeech"))
    assert list((tmp_path / "curves").glob("events.*"))


def test_settings_of_the_command_line_reach_recipe_and_model():
    """`pooling=mqmha q=2 h=4` is the paper's row; a rate keeps the ratio of the phases."""
    recipe = overridden(RECIPES["attentive"], ["pooling=mqmha", "q=2", "h=4", "rate=2e-6", "batch=4", "hidden=32"])
    assert [stage.rate for stage in recipe.stages] == pytest.approx([2e-5, 6e-6, 2e-6])
    assert recipe.batch == 4 and configured(recipe)["pooling"] == "MQMHA-2x4"
    model: Any = new_model(dry(recipe))
    assert model.config.hidden == 32
    assert overridden(RECIPES["attributes"], ["ratio=none", "others=train"]).ratio is None


@pytest.mark.parametrize(
    ("system", "word", "said"),
    [
        ("attentive", "poling=SA", "did you mean pooling"),
        ("attentive", "pooling=mqhma", "no pooling"),
        ("segmental", "segmnt=3", "did you mean segment"),
        ("emospeech", "batch=0", "a whole number from 1"),
        ("emospeech", "batch=many", "a number"),
        ("camulenet", "epochs", "key=value"),
        ("attributes", "others=some", "none, train or both"),
    ],
)
def test_a_setting_that_is_none_names_the_nearest(system, word, said):
    """One line each."""
    with pytest.raises(UsageError, match=said):
        overridden(RECIPES[system], [word])


def test_the_folder_of_another_corpus_is_named(tmp_path, capsys):
    """IEMOCAP's folder given as CREMA-D."""
    make_iemocap(tmp_path)
    given = ("--corpus", "crema-d", "--data", tmp_path, "--work", tmp_path / "work", "--dry-run")
    assert command("camulenet", *given) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "holds iemocap, not crema-d" in said


def test_an_encoder_that_is_not_cached_is_said(tmp_path, capsys, monkeypatch):
    """With the ways out, before anything is trained."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(
        "emoscope.train.published.recipe.new_model", lambda recipe: new_model(replace(recipe, size="tiny"))
    )
    make_emospeech(tmp_path / "emospeech")
    assert command("emospeech", "--data", tmp_path, "--work", tmp_path / "work") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "--dry-run" in said and "xls-r" in said


def test_a_batch_that_does_not_fit_says_what_to_set(tmp_path, monkeypatch):
    """The allocator's own refusal of more memory than any machine has."""
    make_msp_podcast(tmp_path / "msp-podcast", each=1)
    monkeypatch.setattr(fitting, "step", lambda *args: torch.empty(2**58).sum())
    with pytest.raises(OutOfMemory, match="halve batch and double accumulate"):
        train_published(RECIPES["attributes"], tmp_path, tmp_path / "w", tmp_path / "o", threads=1, dry_run=True)


def test_a_clip_is_cut_at_random_and_a_short_one_repeated():
    """5.5 s in training, the whole at inference."""
    import numpy as np

    audio = np.arange(100, dtype=np.float32)
    part = cut(audio, 0.5, None, 100, np.random.default_rng(1))
    assert len(part) == 50 and np.array_equal(np.diff(part), np.ones(49))
    longer = cut(audio, 2.5, None, 100, np.random.default_rng(1))
    assert len(longer) == 250 and np.array_equal(longer[100:200], audio)
    assert np.array_equal(cut(audio, 0.5, None, 100, None), audio)
    assert len(cut(audio, None, 0.3, 100, None)) == 30


@pytest.mark.parametrize("kind", KINDS)
def test_an_augmented_copy_depends_on_the_generator_alone(kind, tmp_path):
    """So a training that is resumed hears the same; with probability 0 a clip is itself."""
    import numpy as np

    from emoscope.train.corpora.audio import read_clip

    write(tmp_path / "a.wav", 1.0, 150)
    audio = read_clip(tmp_path / "a.wav", 16_000)
    one, other, third = (Augment(1.0, kinds=(kind,))(audio, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(one, other) and not np.array_equal(one, audio)
    assert len(one) != len(third) or not np.array_equal(one, third)
    assert one.dtype == np.float32 and np.abs(one).max() <= 1
    assert Augment(0.0)(audio, np.random.default_rng(1)) is audio
