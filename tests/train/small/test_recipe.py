"""`emoscope train small`, on corpora of a minute."""

import pytest
from msgspec.structs import replace

from emoscope.models import SmallConfig, load_model
from emoscope.models.cards import read_card
from emoscope.streamer import VadConfig
from emoscope.streamer.cli.main import main
from emoscope.train.acted import scores
from emoscope.train.acted.batches import BatchConfig
from emoscope.train.corpora.folds import fold_speakers
from emoscope.train.small.augment import AugmentConfig
from emoscope.train.small.fitting import FitConfig
from emoscope.train.small.recipe import Recipe, train_small

TINY = Recipe(
    fit=FitConfig(
        epochs=1,
        batches=BatchConfig(
            steps=3,
            voices=2,
            size=4,
            shares={"ravdess": 1.0, "emodb": 1.0, "nemo": 1.0, "emotale": 1.0, "read": 1.0},
            lengths=((1.0, 40, 60),),
        ),
        augment=AugmentConfig(),
        bf16=False,
    ),
    model=SmallConfig(channels=(4, 6, 8, 8), dim=16),
    evaluation={"ravdess": ("21",)},
)


PEOPLE = [f"speechocean762-{n}" for n in range(12)]


@pytest.fixture
def data(tmp_path, make_ravdess, make_emodb, make_nemo, make_emotale, make_read, make_sounds):
    folder = tmp_path / "corpora"
    make_ravdess(folder / "ravdess", ("01", "03", "05", "07", "21"), flat=False)
    make_emodb(folder / "emodb", ("03", "09", "11", "12"), flat=False)
    make_nemo(folder / "nemo", ("EB0", "KD0", "MK0", "MP0"), flat=True)
    make_emotale(folder / "emotale", ("001", "003", "007", "010"))
    make_read(folder / "read", 12)
    make_sounds(folder / "sounds")
    return folder


def test_one_command_writes_a_model_that_loads_and_has_a_complete_card(tmp_path, data, monkeypatch):
    """Features, five trainings, calibration, scores through the stream, weights and card."""
    # New processes for each of the fifteen tables would cost more than the tables; the evaluation's tests have them.
    monkeypatch.setattr(scores, "JOBS", 1)
    webrtc = VadConfig(backend="webrtc")  # the default detector refuses made voices
    settings = [(how, replace(config, vad=webrtc), sessions) for how, config, sessions in scores.SETTINGS]
    monkeypatch.setattr(scores, "SETTINGS", settings)
    for part in ("fold-3", "all"):  # alone, as on two machines
        assert train_small(data, tmp_path / "work", tmp_path / "model", TINY, threads=1, only_part=part) is None
    # And the folds are scored while the weights that ship still train elsewhere.
    assert train_small(data, tmp_path / "work", tmp_path / "model", TINY, threads=1, only_part="scores") is None
    assert not (tmp_path / "model").exists()
    scored = {path: path.stat().st_mtime_ns for path in (tmp_path / "work" / "scores").iterdir()}
    assert len(scored) == 13
    card = train_small(data, tmp_path / "work", tmp_path / "model", TINY, resume=True, threads=1)
    model = load_model(tmp_path / "model")
    assert read_card(tmp_path / "model") == card
    assert model.contract.licence == "CC BY-NC-SA 4.0"
    assert {c.name: c.speakers for c in card.data} == {
        "ravdess": ["01", "03", "05", "07"],
        "emodb": ["03", "09", "11", "12"],
        "nemo": ["EB0", "KD0", "MK0", "MP0"],
        "emotale": ["001", "003", "007", "010"],
        "read": sorted(PEOPLE),
        "sounds": ["hum_00"],
    }
    assert {(s.corpus, s.metric) for s in card.scores} >= {
        *((corpus, "UAR") for corpus in ("ravdess", "emodb", "nemo")),
        *(("emotale", f"CCC {name}") for name in ("arousal", "valence", "dominance")),
    }
    folded = [s for s in card.scores if s.corpus == "ravdess" and "4 folds" in s.protocol and s.metric == "UAR"]
    assert {s.n for s in folded} == {300}
    assert [s.n for s in card.scores if "speakers 21" in s.protocol and s.ci95] == [60, 60]
    assert len(card.calibration.temperature) == len(card.calibration.seconds) > 1
    # No fold was trained on the speakers that it is scored on.
    for fold in range(4):
        trained = {c.name: set(c.speakers) for c in read_card(tmp_path / "work" / "folds" / f"fold-{fold}").data}
        assert trained.keys() == {"ravdess", "emodb", "nemo", "emotale", "read", "sounds"}
        del trained["sounds"]  # noise has no speakers
        people = {name: fold_speakers(name, fold, PEOPLE) for name in trained}
        assert all(trained[name] and trained[name].isdisjoint(people[name]) for name in trained)
    # Scores are not computed again, and another run resumes everything and writes the same weights.
    assert {path: path.stat().st_mtime_ns for path in scored} == scored
    again = train_small(data, tmp_path / "work", tmp_path / "again", TINY, resume=True, threads=1)
    assert again is not None and again.weights_sha256 == card.weights_sha256


def test_the_command_says_in_one_line_what_is_missing(tmp_path, capsys):
    """No traceback for a wrong folder, and exit code 1."""
    code = main(["train", "small", "--data", str(tmp_path / "nowhere"), "--work", str(tmp_path)])
    said = capsys.readouterr()
    assert code == 1
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "--data" in said.err
