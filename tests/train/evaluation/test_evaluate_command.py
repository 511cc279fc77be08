"""The command `emoscope evaluate`, on corpora of a minute and a model of a few hundred weights."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile

from emoscope.streamer.cli.main import main as run_command


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


def test_the_picture_is_whole_xml_with_a_point_for_every_bin(model, data, tmp_path, capsys):
    """It opens in a browser; the report beside it holds each clip's answer."""
    svg, out = tmp_path / "picture.svg", tmp_path / "report.json"
    arguments = ("--model", model, "--corpus", "emodb", "--data", data, "--speakers", "08,11", "--vad", "webrtc")
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
