"""The command `emoscope evaluate`, on corpora of a minute and a model of a few hundred weights."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import soundfile

from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel, save_model
from emoscope.models.cards import Corpus as Seen
from emoscope.models.cards import read_card, write_card
from emoscope.models.store import load_model
from emoscope.streamer import Config, replay
from emoscope.streamer.cli.main import main as run_command
from emoscope.train.corpora import LABELS, load_corpora
from emoscope.train.errors import SpeakerLeak, SplitInvalid
from emoscope.train.evaluation.conditions import parse_conditions
from emoscope.train.evaluation.evaluate import Plan, evaluate
from emoscope.train.evaluation.protocols import own_protocol
from emoscope.train.evaluation.selection import fold_models, one_model
from emoscope.train.evaluation.sessions import SessionConfig
from emoscope.train.evaluation.tables import one_line


def write_model(
    folder: Path, tiny_model: Path, trained: dict[str, list[str]], seed: int = 5, baseline: bool = False
) -> Path:
    """A few hundred random weights over all nine labels, whose card names the speakers of the training data."""
    import torch

    torch.manual_seed(seed)
    card = read_card(tiny_model)
    card = msgspec.structs.replace(
        card,
        labels=list(LABELS),
        baseline=baseline,
        data=[Seen(name=name, speakers=speakers, licence="", citation="") for name, speakers in trained.items()],
        calibration=msgspec.structs.replace(card.calibration, temperature=[2.0], unsure_below=0.12),
    )
    contract: ModelContract = card.contract()
    model = SmallModel(SmallConfig(channels=(2, 2, 4, 4), dim=8), contract, Calibration())
    save_model(model, card, folder)
    return folder


@pytest.fixture
def model(tmp_path, tiny_model):
    return write_model(tmp_path / "model", tiny_model, {"emodb": ["03"]})


@pytest.fixture
def data(tmp_path, make_emodb):
    make_emodb(tmp_path / "corpora" / "emodb", ("03", "08", "11"), flat=False)
    return tmp_path / "corpora"


def main(*arguments):
    return run_command(["evaluate", *(str(argument) for argument in arguments)])


def test_json_is_one_line_with_every_figure(model, data, capsys):
    """Nothing else is written to stdout."""
    assert main("--model", model, "--corpus", "emodb", "--data", data, "--speakers", "08,11", "--json") == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    report = json.loads(out)
    assert report["n"] == 14 and report["ci95_by"] == "clip" and report["speakers"] == ["08", "11"]
    for name in ("uar", "wa", "macro_f1", "weighted_f1", "ece"):
        assert 0 <= report[name] <= 1
    assert report["ci95"][0] <= report["uar"] <= report["ci95"][1]
    assert report["ccc"] == {}  # nobody rated EmoDB
    assert np.sum(report["confusion"]) == 14
    assert set(report["by_gender"]) == {"f", "m"} and set(report["by_language"]) == {"de"}
    assert report["by_seconds"][-1]["seconds"] is None and report["by_seconds"][-1]["uar"] == report["uar"]


def test_the_figures_are_those_of_the_finals_that_replay_gives(model, data):
    """For each clip, the readings of the live path are scored."""
    clips = load_corpora(data, ["emodb"])
    report = evaluate(Plan(corpus="emodb", parts=one_model(model, clips, True), protocol=own_protocol("emodb")))
    assert [row.name for row in report.clips] == [clip.name for clip in clips]
    right = 0
    for clip, row in zip(clips, report.clips, strict=True):
        finals = [e for e in replay(clip.path, model, config=Config(pace="fast")) if e.type == "emotion.final"]
        assert len(finals) == 1
        assert row.scores == pytest.approx(finals[0].scores, abs=1e-5)
        classes = own_protocol("emodb").classes
        merged = {
            name: finals[0].scores[name] + (finals[0].scores["calm"] if name == "neutral" else 0) for name in classes
        }
        right += max(merged, key=merged.__getitem__) == clip.label
    assert report.figures.wa == pytest.approx(right / len(clips))


def test_two_processes_give_the_same_report_as_one(model, data):
    """The reports are equal to the last digit."""
    clips = load_corpora(data, ["emodb"])
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, True),
        "protocol": own_protocol("emodb"),
        "others": clips,
    }
    conditions = parse_conditions(["babble:5"])
    alone = evaluate(Plan(**plan, conditions=conditions))
    both = evaluate(Plan(**plan, conditions=conditions, jobs=2))
    assert one_line(alone) == one_line(both)
    assert alone.conditions["babble:5"].n == len(clips)


def test_a_speakers_session_gives_each_clip_the_same_reading_as_a_session_of_its_own(model, data):
    """Without a baseline, other clips change only where an utterance ends (the last moment of a recording is cut)."""
    clips = load_corpora(data, ["emodb"])
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, True),
        "protocol": own_protocol("emodb"),
    }
    alone = evaluate(Plan(**plan))
    for order in ("shuffled", "blocks"):
        together = evaluate(Plan(**plan, sessions=SessionConfig(session="speaker", order=order)))
        assert together.session == "speaker" and together.order == order
        assert together.figures.silent == 0
        for one, other in zip(alone.clips, together.clips, strict=True):
            assert one.name == other.name
            assert one.scores == pytest.approx(other.scores, abs=0.05)


def test_an_enrolled_voice_changes_the_readings_and_its_calm_clip_is_not_scored(tmp_path, tiny_model, make_emodb):
    """Alone or in a speaker's session, each clip has the same speaker profile."""
    make_emodb(tmp_path / "emodb", ("08", "11"), flat=True, seconds=1.6)
    clips = load_corpora(tmp_path, ["emodb"])
    model = write_model(tmp_path / "model", tiny_model, {}, baseline=True)
    plan: dict[str, Any] = {
        "corpus": "emodb",
        "parts": one_model(model, clips, False),
        "protocol": own_protocol("emodb"),
    }
    off = {row.name: row.scores for row in evaluate(Plan(**plan)).clips}
    enrolled = Config(pace="fast", attention=False, baseline="enrolled")
    alone, together = (
        evaluate(Plan(**plan, config=enrolled, sessions=SessionConfig(session=session, enrol=4)))
        for session in ("recording", "speaker")
    )
    assert alone.baseline == "enrolled" and alone.figures.absent == ["neutral"]
    assert [row.name for row in alone.clips] == [clip.name for clip in clips if clip.label != "neutral"]
    for one, other in zip(alone.clips, together.clips, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=0.05)
        assert one.scores != pytest.approx(off[one.name], abs=1e-4)


def test_a_baseline_of_a_model_that_learns_no_voice_is_refused(model, data, capsys):
    """The error is one line."""
    arguments = ("--corpus", "emodb", "--data", data, "--speakers", "08", "--session", "speaker")
    assert main("--model", model, *arguments, "--baseline", "running") == 1
    said = capsys.readouterr().err.splitlines()
    assert "learns no voice" in said[-1] and "Traceback" not in "".join(said)


def test_a_speaker_whom_the_model_was_trained_on_is_refused(model, data, capsys):
    """The error comes before any session and names the option; with --allow-trained the first line is a warning."""
    assert main("--model", model, "--corpus", "emodb", "--data", data) == 1
    assert "trained on 03 of emodb" in (said := capsys.readouterr().err) and "--speakers 08,11" in said
    assert main("--model", model, "--corpus", "emodb", "--data", data, "--allow-trained") == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("TRAINED ON: 03")


def test_each_fold_is_scored_by_its_own_model(tmp_path, tiny_model, make_emodb):
    """Figures are pooled over all clips; a model that was trained on its own fold is a leak."""
    make_emodb(tmp_path / "emodb", ("03", "08", "09", "10", "11", "12"), flat=True)
    clips = load_corpora(tmp_path, ["emodb"])
    sides = [{"03", "08"}, {"09", "10"}, {"11", "13", "15"}, {"12", "14", "16"}]
    everybody = {"03", "08", "09", "10", "11", "12"}
    folders = [
        write_model(tmp_path / f"fold-{i}", tiny_model, {"emodb": sorted(everybody - side)}, seed=i)
        for i, side in enumerate(sides)
    ]
    parts = fold_models(folders, clips, False)
    report = evaluate(Plan(corpus="emodb", parts=parts, protocol=own_protocol("emodb")))
    assert report.figures.n == 42 and report.figures.ci95_by == "speaker"
    assert [fold.n for fold in report.folds] == [14, 14, 7, 7]
    pooled = sum(fold.n * fold.wa for fold in report.folds) / 42
    assert report.figures.wa == pytest.approx(pooled)
    with pytest.raises(SpeakerLeak):
        fold_models([folders[1], folders[0], *folders[2:]], clips, False)
    with pytest.raises(SplitInvalid, match="in no fold: 99"):
        fold_models(folders, [changed(clips[0], speaker="99")], False)


def changed(clip, **changes):
    from dataclasses import replace

    return replace(clip, **changes)


def test_a_class_without_clips_is_reported(model, data, capsys):
    """A class without clips is left out of the means, and named."""
    for path in (data / "emodb" / "wav").glob("*L?.wav"):
        path.unlink()
    assert main("--model", model, "--corpus", "emodb", "--data", data, "--speakers", "08") == 0
    assert "no clip of bored: left out of every mean" in capsys.readouterr().out


def test_clips_that_cannot_be_scored_are_all_named_before_any_session_runs(model, data, capsys):
    """The files are empty, a tenth of a second long, and not audio at all."""
    wav = data / "emodb" / "wav"
    soundfile.write(wav / "08a01Wa.wav", np.zeros(0, np.float32), 16_000)
    soundfile.write(wav / "08a01La.wav", np.zeros(1_600, np.float32), 16_000)
    (wav / "08a01Ea.wav").write_bytes(b"no sound")
    assert main("--model", model, "--corpus", "emodb", "--data", data, "--speakers", "08") == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "3 clips that cannot be scored" in said
    assert all(part in said for part in ("08a01Wa.wav (0 ms)", "08a01La.wav (100 ms)", "08a01Ea.wav (no sound"))


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--corpus", "iemocap"), 2, "there are ravdess, emodb, nemo, emotale, urdu"),
        (("--corpus", "nemo"), 1, "no folder 'nemo'"),
        (("--corpus", "emodb", "--speakers", "08,77"), 1, "--speakers 77: not in emodb"),
        (("--corpus", "emodb", "--protocol", "nine"), 2, "--protocol nine"),
        (("--corpus", "emodb", "--model", "big"), 1, "no model 'big'"),
        (("--corpus", "emodb", "--order", "blocks"), 2, "add --session speaker"),
        (
            ("--corpus", "emodb", "--speakers", "08", "--whole", "--session", "speaker"),
            2,
            "--whole evaluates each recording",
        ),
        (
            ("--corpus", "emodb", "--speakers", "08", "--whole", "--asr", "pocketsphinx"),
            2,
            "--whole evaluates the voice alone",
        ),
        (("--corpus", "emodb", "--asr", "whisper"), 2, "--asr whisper: no such speech recognizer"),
        (
            ("--corpus", "emodb", "--speakers", "08", "--asr", "faster-whisper:/"),
            1,
            "faster-whisper:/ cannot be loaded",
        ),
        (("--corpus", "emodb", "--conditions", "rain"), 2, "--conditions rain"),
        (("--corpus", "emodb", "--svg", "/nowhere/picture.svg"), 2, "--svg /nowhere/picture.svg"),
        (("--corpus", "emodb", "--folds", "/nowhere"), 1, "fold-0"),
    ],
)
def test_bad_input_is_one_line_that_says_what_to_do(model, data, capsys, arguments, code, said):
    """There is no traceback; the exit code is 2 for usage errors and 1 for other errors."""
    assert main("--model", model, "--data", data, *arguments) == code
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and said in captured.err


def test_a_renamed_file_is_named(model, data, capsys):
    """The loader of the corpus names the file."""
    (data / "emodb" / "wav" / "08a01Wa.wav").rename(data / "emodb" / "wav" / "angry.wav")
    assert main("--model", model, "--corpus", "emodb", "--data", data) == 1
    assert "angry.wav" in capsys.readouterr().err


def test_a_speaker_without_a_final_counts_as_wrong(model, data):
    """Noise in place of speech gives no reading, counts as wrong, and its share is reported."""
    rng = np.random.default_rng(0)
    for path in (data / "emodb" / "wav").glob("08*.wav"):
        soundfile.write(path, (1e-4 * rng.standard_normal(16_000)).astype(np.float32), 16_000)
    clips = [clip for clip in load_corpora(data, ["emodb"]) if clip.speaker != "03"]
    figures = evaluate(
        Plan(corpus="emodb", parts=one_model(model, clips, False), protocol=own_protocol("emodb"))
    ).figures
    assert figures.silent == pytest.approx(0.5)
    assert np.array(figures.confusion)[:, -1].sum() == 7
    assert figures.wa <= 0.5


def test_whole_is_the_offline_answer_without_a_detector(model, data):
    """Silence around the speech is part of the input, so the answer differs from the stream's."""
    import torch

    clips = load_corpora(data, ["emodb"])[:3]
    report = evaluate(
        Plan(corpus="emodb", parts=one_model(model, clips, True), protocol=own_protocol("emodb"), how="whole")
    )
    loaded: Any = load_model(model)
    for clip, row in zip(clips, report.clips, strict=True):
        audio, _ = soundfile.read(clip.path, dtype="float32")
        with torch.inference_mode():
            scores, _ = loaded.forward_windows(torch.from_numpy(audio))
        assert list(row.scores.values()) == pytest.approx(scores.tolist(), abs=1e-5)


def test_ratings_are_compared_by_ccc(tmp_path, tiny_model, make_emotale):
    """CCC is reported for the three dimensions, with intervals."""
    folder = make_emotale(tmp_path / "emotale", ("001", "004"))
    model = write_model(tmp_path / "model", tiny_model, {})
    clips = load_corpora(tmp_path, ["emotale"])
    figures = evaluate(
        Plan(corpus="emotale", parts=one_model(model, clips, False), protocol=own_protocol("emotale"))
    ).figures
    assert folder.is_dir() and set(figures.ccc) == {"arousal", "valence", "dominance"}
    assert all(-1 <= value <= 1 for value in figures.ccc.values())
    assert set(figures.by_language) == {"da", "en"}


def test_the_picture_is_whole_xml_with_a_point_for_every_bin(model, data, tmp_path, capsys):
    """It opens in a browser; the report beside it holds each clip's answer."""
    svg, out = tmp_path / "picture.svg", tmp_path / "report.json"
    arguments = ("--model", model, "--corpus", "emodb", "--data", data, "--speakers", "08,11")
    assert main(*arguments, "--svg", svg, "--out", out) == 0
    capsys.readouterr()
    report = json.loads(out.read_text())
    root = ET.fromstring(svg.read_text())
    circles = root.findall("{http://www.w3.org/2000/svg}circle")
    assert len(circles) == len(report["figures"]["reliability"]) + 2 * (len(report["figures"]["by_seconds"]) - 1)
    assert len(report["clips"]) == 14
    assert sum(report["clips"][0]["scores"].values()) == pytest.approx(1, abs=1e-5)


SCRIPT = """
import sys
from emoscope.streamer.cli.main import main
from emoscope.train import progress
progress.QUIET_S = 0.0  # a line for each session, so that the test sees how far the run is
if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
"""


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_the_run_and_reports_the_finished_conditions(model, data, tmp_path, jobs):
    """Stopped in the first of many conditions after the clean one: the clean metrics are printed, exit code 130."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), "--model", str(model), "--corpus", "emodb", "--data", str(data), "--speakers",
         "08", "--jobs", jobs, "--out", str(tmp_path / "out.json"), "--conditions",
         ",".join(f"white:{i / 100}" for i in range(3000))],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, env=os.environ,
    )  # fmt: skip
    assert process.stderr is not None
    progress_lines = []
    for line in process.stderr:
        progress_lines.append(line)
        if "white:" in line:  # the clean condition is complete
            break
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, "".join(progress_lines) + err
    assert progress_lines[0].startswith("emodb: 1/") and "Traceback" not in err
    assert "UAR" in out and "stopped, not evaluated" in out
    assert "white:29.99" in json.loads((tmp_path / "out.json").read_text())["unfinished"]


def test_a_card_edited_after_the_models_were_made_is_noticed(tmp_path, tiny_model, data):
    """Labels of the folds' models must agree, or figures would be pooled over different things."""
    one = write_model(tmp_path / "one", tiny_model, {})
    other = write_model(tmp_path / "other", tiny_model, {}, seed=6)
    card = read_card(other)
    write_card(other, msgspec.structs.replace(card, labels=card.labels[::-1]))
    clips = load_corpora(data, ["emodb"])
    with pytest.raises(SplitInvalid, match="different labels"):
        fold_models([one, one, other, one], clips, False)  # 11 is in the third fold
