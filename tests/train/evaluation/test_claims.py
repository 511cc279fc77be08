"""`emoscope evaluate --corpus read|sounds`: what a model claims where no emotion is played."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_voice import sentence
from synthetic_voice import write

from emoscope.models.reading import Calibration
from emoscope.streamer.cli.main import main as run_command
from emoscope.train.corpora import LABELS, Clip
from emoscope.train.evaluation.calibration_inputs import Model
from emoscope.train.evaluation.claims import answers_of
from emoscope.train.evaluation.predictions import ClipPredictions, Prediction, UtterancePredictions


def main(*arguments):
    return run_command(["evaluate", *(str(argument) for argument in arguments)])


@pytest.fixture
def unacted(tmp_path):
    """Three speakers who read, one of them a child, and two kinds of sounds, of which one is silent."""
    read, sounds = tmp_path / "corpora" / "read", tmp_path / "corpora" / "sounds"
    rows = ["file,corpus,speaker,gender,age,text"]
    for place, (gender, age) in enumerate((("f", "9"), ("m", "30"), ("f", ""))):
        read.mkdir(parents=True, exist_ok=True)
        soundfile.write(read / f"r{place}.wav", sentence(place), 16_000)
        rows.append(f"r{place}.wav,speechocean762,{place},{gender},{age},HELLO")
    (read / "clips.csv").write_text("\n".join(rows) + "\n")
    write(sounds / "hum_00.wav", 2.0, 150)
    write(sounds / "hum_01.wav", 2.0, 160)
    soundfile.write(sounds / "nothing_00.wav", np.zeros(32_000), 16_000)
    return tmp_path / "corpora"


def test_read_speech_is_counted_by_age_and_gender(model, unacted, capsys):
    """One line of JSON: all recordings first, then those of children, of adults, of women and of men."""
    assert main("--model", model, "--corpus", "read", "--data", unacted, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    groups = {group["name"]: group for group in report["groups"]}
    assert list(groups) == ["all", "0 to 12 years", "18 to 120 years", "female", "male"]
    assert groups["all"]["clips"] == 3 and groups["female"]["clips"] == 2 and groups["0 to 12 years"]["clips"] == 1
    assert groups["all"]["finals"] == sum(report["answers"].values()) >= 3
    claimed = sum(n for answer, n in report["answers"].items() if answer not in ("neutral", "calm", "bored", "unsure"))
    assert groups["all"]["claims"] == pytest.approx(claimed / groups["all"]["finals"])


def test_sounds_are_counted_by_kind_and_minute(model, unacted, capsys):
    """Every utterance of a sound is a false one; a kind that the detector leaves alone has none."""
    assert main("--model", model, "--corpus", "sounds", "--data", unacted, "--vad", "webrtc") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "3 recordings" in lines[0] and "voice detector webrtc" in lines[0]
    [hum] = [line.split() for line in lines if line.startswith("hum")]
    [nothing] = [line.split() for line in lines if line.startswith("nothing")]
    assert hum[1] == "2" and int(hum[2]) >= 2 and float(hum[3]) == pytest.approx(int(hum[2]) / (4.8 / 60), rel=0.01)
    assert nothing[1:4] == ["1", "0", "0.0"] and nothing[4] == "-"
    assert main("--model", model, "--corpus", "sounds", "--data", unacted) == 0
    lines = capsys.readouterr().out.splitlines()
    [hum] = [line.split() for line in lines if line.startswith("hum")]
    assert "voice detector both" in lines[0] and hum[1:3] == ["2", "0"], "the default takes no hum for a voice"


def test_an_option_of_acted_corpora_is_refused(model, unacted, capsys):
    """The error is one line that names it."""
    assert main("--model", model, "--corpus", "sounds", "--data", unacted, "--protocol", "four") == 2
    assert "--protocol does not apply" in capsys.readouterr().err
    assert main("--model", model, "--corpus", "read", "--data", unacted, "--baseline", "enrolled") == 2
    assert "--baseline enrolled does not apply" in capsys.readouterr().err


def test_a_corpus_of_which_nothing_can_be_read_is_one_line(model, unacted, capsys):
    """No traceback, and exit code 1."""
    for path in (unacted / "sounds").iterdir():
        path.write_bytes(b"no sound")
    assert main("--model", model, "--corpus", "sounds", "--data", unacted) == 1
    assert "none of 3 recordings can be read" in capsys.readouterr().err.splitlines()[-1]


def test_a_final_below_the_threshold_claims_nothing():
    """The same rule as in the stream: below `unsure_below` the answer is `unsure`, whatever is likeliest."""
    model = Model(LABELS, (), Calibration(unsure_below=0.4))
    clip = Clip("read", "a", Path("a.wav"), "1", "neutral")

    def final(best: str, p: float) -> UtterancePredictions:
        rest = (1 - p) / (len(LABELS) - 1)
        return UtterancePredictions(Prediction(1.0, tuple(p if label == best else rest for label in LABELS)))

    predictions = ClipPredictions(clip, (final("sad", 0.39), final("sad", 0.41), final("calm", 0.9)))
    assert answers_of(predictions, model) == ["unsure", "sad", "calm"]
