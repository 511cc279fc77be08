"""`emoscope train small`, on corpora of a minute."""

import argparse
from dataclasses import replace

import pytest

from emoscope.models import SmallConfig, load_model
from emoscope.models.card import read_card
from emoscope.train.augment import AugmentConfig
from emoscope.train.batches import BatchConfig
from emoscope.train.cli import command
from emoscope.train.errors import SpeakerLeak
from emoscope.train.loop import FitConfig
from emoscope.train.recipes.small import Recipe, train_small

TINY = Recipe(
    fit=FitConfig(
        epochs=1,
        batches=BatchConfig(size=16, per_epoch={"ravdess": 32, "emodb": 14, "nemo": 12}, shortest=40),
        augment=AugmentConfig(),
        bf16=False,
    ),
    calibration_epochs=1,
    model=SmallConfig(channels=(4, 6, 8, 8), dim=16),
    speeds=(1.0,),
    held_out={"ravdess": ("02",), "emodb": ("08",), "nemo": ("CD0",)},
    evaluation={"ravdess": ("03",)},
)


@pytest.fixture
def data(tmp_path, make_ravdess, make_emodb, make_nemo):
    folder = tmp_path / "corpora"
    make_ravdess(folder / "ravdess", ("01", "02", "03"), flat=False)
    make_emodb(folder / "emodb", ("03", "08"), flat=False)
    make_nemo(folder / "nemo", ("AB0", "CD0"), flat=True)
    return folder


def test_one_command_gives_a_model_that_loads_with_a_card_that_tells_all(tmp_path, data):
    """Listening, two trainings, calibration, scores through the stream, weights and card."""
    card = train_small(data, tmp_path / "work", tmp_path / "model", TINY, threads=1)
    model = load_model(tmp_path / "model")
    assert read_card(tmp_path / "model") == card
    assert model.contract.licence == "CC BY-NC-SA 4.0"
    assert {c.name: c.speakers for c in card.data} == {
        "ravdess": ["01", "02"],
        "emodb": ["03", "08"],
        "nemo": ["AB0", "CD0"],
    }
    assert {s.metric for s in card.scores} == {"UAR"}
    live = [s for s in card.scores if "stream" in s.protocol]
    assert [s.n for s in live] == [60, 60]
    assert all(s.ci95 is not None for s in card.scores)
    assert len(card.calibration.temperature) == len(card.calibration.seconds) > 1
    # A second run with --resume finds everything done, and writes the same weights.
    again = train_small(data, tmp_path / "work", tmp_path / "again", TINY, resume=True, threads=1)
    assert again.weights_sha256 == card.weights_sha256


def test_an_evaluation_speaker_who_also_tunes_is_refused(tmp_path, data):
    """Before anything is trained."""
    leaky = replace(TINY, held_out={"ravdess": ("03",)})
    with pytest.raises(SpeakerLeak, match="speaker 03 of ravdess"):
        train_small(data, tmp_path / "work", tmp_path / "model", leaky)


def test_the_command_says_in_one_line_what_is_missing(tmp_path, capsys):
    """No traceback for a wrong folder, and exit code 1."""
    parser = argparse.ArgumentParser()
    command.register(parser)
    code = command.run(parser.parse_args(["small", "--data", str(tmp_path / "nowhere"), "--work", str(tmp_path)]))
    said = capsys.readouterr()
    assert code == 1
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--data" in said.err
