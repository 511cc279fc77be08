"""`emoscope replay` as a user types it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile
from odd_worker import exited
from real_voice import sentence
from waiting import wait_until

from emoscope.streamer import read_record
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.schema import schema
from emoscope.streamer.testing import FakeClock, silence, voice


@pytest.fixture
def talk(tmp_path) -> Path:
    """Two utterances at 44.1 kHz in stereo."""
    audio = np.concatenate([silence(0.5), sentence(0), silence(1.0), sentence(1), silence(0.7)])
    count = int(len(audio) * 2.75625)
    at_44k = np.interp(np.arange(count) / 2.75625, np.arange(len(audio)), audio)
    soundfile.write(tmp_path / "talk.wav", np.stack([at_44k, at_44k], 1), 44_100)
    return tmp_path / "talk.wav"


def events(text):
    return [json.loads(line) for line in text.splitlines()]


def test_a_recording_gives_one_line_a_final_and_a_summary(talk, tiny_model, capsys):
    """Names, times, labels; then seconds, utterances and RTF."""
    assert main(["replay", str(talk), "--model", str(tiny_model), "--asr", "none"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == str(talk) and len(lines) == 4 and err == ""
    assert lines[1].startswith("  00:00.6-") and "1 recording · 7.0 s · 2 utterances" in lines[3] and "RTF" in lines[3]


def test_json_is_the_protocols_events_and_nothing_else(talk, tiny_model, capsys):
    """Every line validates; the first names the source as given; the last is the end."""
    assert main(["replay", str(talk), "--model", str(tiny_model), "--json"]) == 0
    out, err = capsys.readouterr()
    validator = jsonschema.Draft202012Validator(schema())
    said = events(out)
    for event in said:
        validator.validate(event)
    assert said[0]["type"] == "session.created" and said[0]["source"] == str(talk)
    assert said[-1]["type"] == "session.closed" and err == ""
    assert said[0]["config"]["sample_rate"] == 44_100 and said[0]["config"]["transcript"] is False


def test_each_recording_gets_a_record(talk, tiny_model, tmp_path, capsys):
    """The record holds what --json says; a second run takes another name."""
    out = tmp_path / "records"
    arguments = ["replay", str(talk), "--model", str(tiny_model), "--record", str(out)]
    assert main(arguments) == 0 and main(arguments) == 0
    assert sorted(p.name for p in out.iterdir()) == ["talk.2.jsonl", "talk.jsonl"]
    assert [e.type for e in read_record(out / "talk.jsonl")].count("emotion.final") == 2
    capsys.readouterr()


def test_bad_files_are_named_and_the_others_still_read(talk, tiny_model, tmp_path, capsys):
    """Missing, empty, text, NaN, silent, cut: one line each on stderr, exit code 1, the good one is read."""
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("hello " * 99)
    broken = voice(3.0)
    broken[36_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", broken, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "silent.wav", np.zeros(32_000), 16_000)
    soundfile.write(tmp_path / "cut.flac", voice(6.0), 16_000)
    content = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
    names = ["missing.wav", "empty.wav", "text.wav", "nan.wav", "silent.wav", "cut.flac", "talk.wav"]
    code = main(["replay", *(str(tmp_path / n) for n in names), "--model", str(tiny_model), "--vad", "webrtc"])
    out, err = capsys.readouterr()
    assert code == 1
    complaints = err.splitlines()
    assert [next(n for n in names if n in line) for line in complaints] == [*names[:4], "cut.flac"]
    assert "2.25 s" in complaints[3] and "breaks off" in complaints[4]
    assert "no speech heard" in out and "talk.wav" in out and "5 failed" in out
    # The readable part of the broken recordings was analysed.
    assert out.count("00:00.0-") >= 2


def test_a_folder_is_read_with_its_bad_files_told(talk, tiny_model, tmp_path, capsys):
    """Recursively; text files are passed over."""
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "deep").mkdir()
    soundfile.write(tmp_path / "deep" / "more.flac", voice(1.0), 16_000)
    assert main(["replay", str(tmp_path), "--model", str(tiny_model)]) == 0
    assert "2 recordings" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["--asr", "telepathy"], ["--speed", "0"], ["--speed", "-1"], ["--threads", "0"], ["--speed", "fast"]],
)
def test_a_wrong_option_is_a_usage_error(talk, tiny_model, arguments, capsys):
    """Exit code 2 and the option's name."""
    assert main(["replay", str(talk), "--model", str(tiny_model), *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err


def test_a_model_that_is_not_here_is_one_line(talk, capsys):
    """What was looked for, and what works."""
    assert main(["replay", str(talk), "--model", "giant"]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "giant" in err and "small" in err


def test_no_recognizer_stays_behind_when_the_model_is_not_here(talk, monkeypatch, capsys):
    """It loads in a process of its own, begun before the model."""
    from emoscope.streamer.asr import recognizer

    started = []

    class Watched(recognizer.Recognizer):
        def __init__(self, *arguments, **options):
            started.append(self)
            super().__init__(*arguments, **options)

    monkeypatch.setattr(recognizer, "Recognizer", Watched)
    assert main(["replay", str(talk), "--model", "giant", "--asr", "pocketsphinx"]) == 1
    assert "giant" in capsys.readouterr().err
    assert [exited(one.pid) for one in started] == [True]


def test_words_cannot_steer_a_terminal(talk, tiny_model, tmp_path, capsys):
    """A record may come from anywhere."""
    assert main(["replay", str(talk), "--model", str(tiny_model), "--record", str(tmp_path / "out"), "--json"]) == 0
    record = tmp_path / "out" / "talk.jsonl"
    text = record.read_text()
    word = '"words":[{"word":"\\u001b[2Jgone","start":0.6,"end":1.0,"weight":1.0}]'
    assert '"words":[]' in text
    record.write_text(text.replace('"words":[]', word))
    capsys.readouterr()
    assert main(["replay", str(record), "--plain"]) == 0
    out = capsys.readouterr().out
    assert "gone" in out and "\x1b" not in out


def test_weights_that_do_not_fit_are_one_line(talk, tiny_model, tmp_path, capsys):
    """Before any recording is read."""
    import shutil

    shutil.copytree(tiny_model, tmp_path / "broken")
    with open(tmp_path / "broken" / "weights.safetensors", "ab") as file:
        file.write(b"x")
    assert main(["replay", str(talk), "--model", str(tmp_path / "broken")]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "SHA-256" in err


def test_a_paced_replay_takes_its_time_and_gives_the_same_events(talk, tiny_model):
    """At speed 2 seven seconds take half of that, on a clock that does not wait."""
    from emoscope.streamer import replay
    from emoscope.streamer.testing import differences

    clock = FakeClock()
    paced = list(replay(talk, tiny_model, speed=2.0, clock=clock))
    assert clock.seconds == pytest.approx(7.0 / 2, abs=0.1)
    assert differences(paced, replay(talk, tiny_model)) == []


def test_one_line_of_python_gives_the_events(talk, tiny_model):
    """`from emoscope.streamer import replay`."""
    from emoscope.streamer import replay

    assert [e.label for e in replay(talk, tiny_model) if e.type == "emotion.final"]


def test_a_broken_recording_ends_its_session_in_the_protocols_order(tiny_model, tmp_path, capsys):
    """The error is not fatal; the audio before the break still gets a final; `session.closed` is the last event."""
    soundfile.write(tmp_path / "cut.flac", voice(6.0), 16_000)
    content = (tmp_path / "cut.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(content[: len(content) // 2])
    arguments = ["replay", str(tmp_path / "cut.flac"), "--model", str(tiny_model), "--vad", "webrtc", "--json"]
    assert main(arguments) == 1
    said = events(capsys.readouterr().out)
    kinds = [e["type"] for e in said]
    assert kinds[-1] == "session.closed" and kinds.index("error") < kinds.index("emotion.final")
    assert next(e for e in said if e["type"] == "error")["fatal"] is False


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
@pytest.mark.parametrize("target", [">/dev/full", ">&-"])
def test_an_output_that_takes_nothing_is_no_traceback(talk, tiny_model, target):
    """A full disk behind the pipe is one line; a closed stdout is nobody's loss."""
    command = f'"{sys.executable}" -m emoscope.streamer.cli replay "{talk}" --json --model "{tiny_model}" {target}'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr
    assert "No space left" in done.stderr if "full" in target else done.returncode == 0


def test_a_name_that_is_no_text_is_shown_as_well_as_it_can_be(tiny_model, tmp_path):
    """The JSON stays UTF-8, also where the terminal is ASCII."""
    soundfile.write(tmp_path / "a.wav", voice(1.0), 16_000)
    strange = tmp_path / os.fsdecode(b"\xff\xe9.wav")
    (tmp_path / "a.wav").rename(strange)
    for arguments in (["--json"], []):
        done = subprocess.run(
            [sys.executable, "-m", "emoscope.streamer.cli", "replay", str(tmp_path), "--model", str(tiny_model),
             *arguments],
            capture_output=True, timeout=120, check=False, env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )  # fmt: skip
        assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr


def test_a_reader_that_goes_away_is_no_traceback(talk, tiny_model):
    """`emoscope replay ... --json | head -1`."""
    command = f'"{sys.executable}" -m emoscope.streamer.cli replay "{talk}" --json --model "{tiny_model}" | head -1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True)
    assert json.loads(done.stdout)["type"] == "session.created"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr


def test_control_c_leaves_a_whole_record(tiny_model, tmp_path):
    """SIGINT in the first utterance of a paced replay gives exit code 130, no traceback and a readable record."""
    import signal

    soundfile.write(tmp_path / "long.wav", np.concatenate([sentence(0), sentence(1), silence(300.0)]), 16_000)
    record = tmp_path / "records" / "long.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "emoscope.streamer.cli", "replay", str(tmp_path / "long.wav"), "--model",
         str(tiny_model), "--speed", "1", "--record", str(record.parent)],
        stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    wait_until(lambda: process.poll() is not None or (record.exists() and b"speech.started" in record.read_bytes()))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130 and "Traceback" not in err
    kinds = [event.type for event in read_record(record)]
    assert kinds[0] == "session.created" and "speech.started" in kinds


def test_the_first_frame_of_listen_imports_nothing_slow_and_no_other_command():
    program = (
        "import sys; from emoscope.streamer.cli.main import app_of; from emoscope.streamer.cli.parser import parse\n"
        "parse(app_of(['listen']), ['listen'])\n"
        "from emoscope.streamer.display.screen import show_screen\n"
        "from emoscope.streamer.display.state import ScreenState\n"
        "from emoscope.streamer.display import draw\n"
        "from emoscope.streamer.runtime.product import product\n"
        "draw(ScreenState(product=product()), 80, 24)\n"
        "slow = ('torch', 'numpy', 'sounddevice', 'emoscope.streamer.session', 'emoscope.streamer.cli.bench')\n"
        "print([module for module in slow if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [["--help"], ["listen", "--help"]])
def test_help_imports_nothing_slow(arguments):
    """Neither torch nor numpy nor soundfile is loaded for `--help`, nor by importing the package."""
    program = (
        "import sys; from emoscope.streamer.cli.main import main\n"
        f"main({arguments})\n"
        "import emoscope.streamer\n"
        "slow = ('torch', 'transformers', 'numpy', 'soundfile', 'webrtcvad', 'sklearn', 'matplotlib')\n"
        "print([module for module in slow if module in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    if arguments == ["--help"]:
        assert "replay" in done.stdout and "train" in done.stdout and "AI Act" in done.stdout


def test_a_users_own_models_module_does_not_shadow_ours(talk, tiny_model, tmp_path):
    """The packages live under one namespace: a `models.py` beside the user's recording is not imported."""
    (tmp_path / "models.py").write_text("raise SystemExit('wrong models')\n")
    (tmp_path / "streamer.py").write_text("raise SystemExit('wrong streamer')\n")
    done = subprocess.run(
        [sys.executable, "-m", "emoscope.streamer.cli", "replay", "talk.wav", "--model", str(tiny_model)],
        capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_words_are_read_offline_with_pocketsphinx(conversation, tmp_path, capsys):
    """The demo's first three utterances: interims, finals with words, and how much these counted."""
    import soundfile

    audio, rate = soundfile.read(conversation, dtype="float32", frames=13 * 16_000)
    soundfile.write(tmp_path / "three.flac", audio, rate)
    assert main(["replay", str(tmp_path / "three.flac"), "--asr", "pocketsphinx", "--json"]) == 0
    out, err = capsys.readouterr()
    said = events(out)
    validator = jsonschema.Draft202012Validator(schema())
    for event in said:
        validator.validate(event)
    kinds = [event["type"] for event in said]
    assert err == "" and kinds.count("transcript.final") == kinds.count("emotion.final") == 3
    assert "transcript.interim" in kinds and said[0]["config"]["transcript"] and said[0]["config"]["language"] == "en"
    finals = [event for event in said if event["type"] == "emotion.final"]
    assert [final["text"] for final in finals] == ["used", "used", "used"]
    assert [word["word"] for word in finals[0]["words"]][-3:] == ["by", "the", "door"]
    assert all(abs(sum(word["weight"] for word in final["words"]) - 1) < 1e-4 for final in finals)
    assert all(abs(final["sources"]["audio"] + final["sources"]["text"] - 1) < 1e-4 for final in finals)


def test_a_model_folder_that_is_none_is_told_and_emotions_go_on(talk, tiny_model, tmp_path, capsys):
    """One line says why there are no words, the record too."""
    (tmp_path / "empty").mkdir()
    asr = f"faster-whisper:{tmp_path / 'empty'}"
    assert main(["replay", str(talk), "--model", str(tiny_model), "--asr", asr, "--json"]) == 0
    out, err = capsys.readouterr()
    said = events(out)
    assert said[0]["config"]["transcript"] is False and said[1]["code"] == "text_disabled"
    assert "no converted Whisper model" in said[1]["message"] and err == ""
    assert [event["text"] for event in said if event["type"] == "emotion.final"] == ["off", "off"]
