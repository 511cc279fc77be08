"""`emoscope replay` on folders, channels, pipes, and what goes wrong in between."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from full_disk import room_for
from real_voice import sentence
from waiting import wait_until

from emoscope.streamer import read_record
from emoscope.streamer.cli.main import main
from emoscope.streamer.testing import silence, voice
from emoscope.streamer.testing.ordinary_user import ordinary_user

TALK = np.concatenate([silence(0.5), sentence(0), silence(0.7)])
COMMAND = [sys.executable, "-m", "emoscope.streamer.cli", "replay"]


@pytest.fixture
def options(tiny_model: Path) -> list[str]:
    return options_of(tiny_model)


def options_of(tiny_model: Path) -> list[str]:
    return ["--model", str(tiny_model), "--asr", "none", "--vad", "webrtc"]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Names with spaces, a line break and other alphabets; files that are no recordings among them."""
    inside = tmp_path / "in"
    (inside / "deep er").mkdir(parents=True)
    for name in ("a.wav", "deep er/b c.flac", "d\ne.wav", "голос 声.wav"):
        soundfile.write(inside / name, TALK, 16_000)
    (inside / "notes.txt").write_text("x")
    (inside / "picture.png").write_bytes(b"\x89PNG")
    (inside / "program").write_bytes(b"\x7fELF")
    return inside


def test_a_folder_goes_into_a_folder(folder: Path, tmp_path: Path, options: list[str], capsys) -> None:
    """A file a recording in each format, laid as the recordings are, and a table; one line names what may be one."""
    out = tmp_path / "out"
    arguments = ["replay", str(folder), "--out", str(out), "--format", "csv", "--format", "vtt", *options]
    assert main(arguments) == 0
    told = capsys.readouterr()
    assert told.err == "emoscope: 1 file passed over, by name no recordings: program\n"
    assert "4 recordings" in told.out and "unsure" in told.out and "\n  d" not in told.out
    names = {name.removesuffix(".csv") for name in files_of(out) if name.endswith(".csv")}
    assert names == {"a", "deep er/b c", "d\ne", "голос 声", "summary"}
    rows = list(csv.DictReader((out / "summary.csv").read_text(encoding="utf-8").splitlines(), strict=True))
    assert len(rows) == 4 and all(float(row["speech_s"]) > 1 and row["first"] for row in rows)
    assert main(arguments) == 1 and "--skip-done" in capsys.readouterr().err


def test_several_processes_give_what_one_gives(folder: Path, tmp_path: Path, options: list[str], capsys) -> None:
    """In the same order, with the same files."""
    for jobs in ("1", "2"):
        arguments = ["--jobs", jobs, "--no-interim", "--record", str(tmp_path / f"record{jobs}")]
        out = ["--out", str(tmp_path / f"out{jobs}"), "--format", "json"]
        assert main(["replay", str(folder), *out, *arguments, *options]) == 0
    assert files_of(tmp_path / "out1") == files_of(tmp_path / "out2")
    assert files_of(tmp_path / "record1").keys() == files_of(tmp_path / "record2").keys()
    capsys.readouterr()


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> tuple[list[str], Path]:
    """The arguments that read 200 recordings, and what a run writes that nobody stops."""
    inside, whole = tmp_path_factory.mktemp("in"), tmp_path_factory.mktemp("out") / "whole"
    for number in range(200):
        soundfile.write(inside / f"{number:03d}.wav", TALK, 16_000)
    arguments = [str(inside), "--no-interim", "--format", "csv", *options_of(tiny_model)]
    assert main(["replay", *arguments, "--out", str(whole)]) == 0
    return arguments, whole


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_where_it_was(
    tmp_path: Path, many: tuple[list[str], Path], capsys, how: signal.Signals
) -> None:
    """What is done stays, and the rest is read by --skip-done; the end is that of a run that was not stopped."""
    out, (arguments, whole) = tmp_path / "out", many
    capsys.readouterr()
    process = subprocess.Popen([*COMMAND, *arguments, "--out", str(out)], stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    wait_until(lambda: process.poll() is not None or (out / "004.csv").exists())
    process.send_signal(how)
    _, err = process.communicate(timeout=120)
    assert "Traceback" not in err and not (out / "199.csv").exists()
    if how == signal.SIGINT:
        assert process.returncode == 130 and "not read to the end: " in err and "--skip-done" in err
        assert not list(out.glob(".*.part"))
    done = (out / "000.csv").stat().st_mtime_ns
    assert main(["replay", *arguments, "--out", str(out), "--skip-done"]) == 0
    assert "done before" in capsys.readouterr().out and (out / "000.csv").stat().st_mtime_ns == done
    assert files_of(out) == files_of(whole)


def test_two_speakers_are_read_apart(tmp_path: Path, options: list[str], capsys) -> None:
    """Each channel's finals are those of that channel alone, and the lines come in the order of time."""
    late = np.concatenate([silence(1.5), TALK])
    both = np.stack([np.concatenate([TALK, silence(1.5)]), late], 1)
    soundfile.write(tmp_path / "both.wav", both, 16_000, subtype="FLOAT")
    soundfile.write(tmp_path / "late.wav", late, 16_000, subtype="FLOAT")

    def finals(*arguments: str) -> list[dict]:
        assert main(["replay", *arguments, "--json", *options]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [event for event in events if event["type"] == "emotion.final"]

    split = finals(str(tmp_path / "both.wav"), "--channels", "split")
    assert [final["channel"] for final in split] == [0, 1]
    alone = finals(str(tmp_path / "late.wav"))
    chosen = finals(str(tmp_path / "both.wav"), "--channels", "1")
    for final, other in ((split[1], alone[0]), (chosen[0], alone[0])):
        assert (final["start"], final["end"], final["label"]) == (other["start"], other["end"], other["label"])
        assert final["scores"] == pytest.approx(other["scores"], abs=1e-5)


def test_a_pipe_gives_what_its_file_gives(tmp_path: Path, options: list[str]) -> None:
    """Standard input, with a header and without one."""
    soundfile.write(tmp_path / "a.wav", TALK, 16_000, subtype="PCM_16")
    whole = (tmp_path / "a.wav").read_bytes()
    raw = soundfile.read(tmp_path / "a.wav", dtype="int16")[0].tobytes()

    def lines(data: bytes | None, *arguments: str) -> list[bytes]:
        done = subprocess.run([*COMMAND, *arguments, *options, "--plain"], input=data, capture_output=True, check=True)
        return done.stdout.splitlines()[1:-1]

    expected = lines(None, str(tmp_path / "a.wav"))
    assert expected and lines(whole, "-") == expected
    assert lines(raw, "-", "--encoding", "pcm_s16le", "--rate", "16000") == expected


def test_json_is_utf_8_whatever_the_console_is(tmp_path: Path, options: list[str]) -> None:
    soundfile.write(tmp_path / "Ü.flac", TALK, 16_000)
    done = subprocess.run([*COMMAND, str(tmp_path / "Ü.flac"), "--json", *options], capture_output=True, check=True,
                          env={**os.environ, "PYTHONIOENCODING": "cp1252"})  # fmt: skip
    first = json.loads(done.stdout.splitlines()[0].decode("utf-8"))
    assert first["source"].endswith("Ü.flac")


@pytest.mark.parametrize(
    ("audio", "code"),
    [
        (np.zeros(16_000 * 600, np.float32), "too_quiet: no signal"),
        (1.5e-4 * np.sign(TALK), "too_quiet: the recording is too quiet: its peaks are at -76 dBFS"),
        (np.clip(30 * np.concatenate([TALK, TALK]), -1, 1), "clipping: "),
        (np.stack([TALK, -TALK], 1), "channels_cancel: "),
        (np.full(16_000 * 8, 0.5, np.float32), "no speech heard"),
    ],
    ids=["ten minutes of silence", "quiet", "clipped", "opposite phase", "DC"],
)
def test_what_is_wrong_with_the_sound_is_said(
    tmp_path: Path, options: list[str], capsys, audio: np.ndarray, code: str
) -> None:
    """Beside the readings; and nothing of it is an error."""
    soundfile.write(tmp_path / "a.wav", audio, 16_000, subtype="FLOAT")
    assert main(["replay", str(tmp_path / "a.wav"), *options]) == 0
    assert code in capsys.readouterr().out


def test_a_constant_offset_changes_no_label(tmp_path: Path, options: list[str], capsys) -> None:
    """Sound cards have one; a voice is found above it, and read as without it."""
    finals = []
    for name, offset in (("a.wav", 0.0), ("b.wav", 0.3)):
        soundfile.write(tmp_path / name, 0.5 * TALK + np.float32(offset), 16_000, subtype="FLOAT")
        assert main(["replay", str(tmp_path / name), "--json", *options]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        finals.append([event for event in events if event["type"] == "emotion.final"])
    [[plain], [moved]] = finals
    assert moved["label"] == plain["label"] and moved["start"] == pytest.approx(plain["start"], abs=0.1)


def test_a_telephones_rate_is_said_once(tmp_path: Path, options: list[str], capsys) -> None:
    soundfile.write(tmp_path / "a.wav", np.tile(TALK[::2], 20), 8_000)
    assert main(["replay", str(tmp_path / "a.wav"), *options]) == 0
    assert capsys.readouterr().out.count("narrow_band: ") == 1


def test_a_record_that_is_no_text_is_one_line(tmp_path: Path, options: list[str], capsys) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"type":"status","x":"\xff\xfe"}\n')
    (tmp_path / "b.txt").write_bytes(b"{\xff\n")
    for name in ("a.jsonl", "b.txt"):
        assert main(["replay", str(tmp_path / name), *options]) == 1
        assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_one_line(tmp_path: Path, options: list[str]) -> None:
    """An export to standard output that takes nothing."""
    soundfile.write(tmp_path / "a.wav", TALK, 16_000)
    for name in ("csv", "json", "textgrid"):
        command = " ".join(f"'{word}'" for word in [*COMMAND, str(tmp_path / "a.wav"), "--format", name, *options])
        done = subprocess.run(["bash", "-c", f"{command} >/dev/full"], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "Traceback" not in done.stderr and "No space left" in done.stderr


def test_a_disk_that_fills_leaves_no_half_written_recording(tmp_path: Path, options: list[str], capsys) -> None:
    """What fits is there; the rest is named, and read once there is room."""
    inside, out = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    for name, audio in (("a.wav", TALK), ("b.wav", np.tile(TALK, 6)), ("c.wav", TALK)):
        soundfile.write(inside / name, audio, 16_000)
    arguments = ["replay", str(inside), "--no-interim", "--format", "csv", "--format", "json", *options]
    with room_for(1_500):
        assert main([*arguments, "--out", str(out)]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("emoscope: ") and "/b.json: not written: " in line and "File too large" in line
    assert sorted(path.name for path in out.iterdir()) == ["a.csv", "a.json", "c.csv", "c.json", "summary.csv"]
    rows = list(csv.DictReader((out / "summary.csv").read_text().splitlines(), strict=True))
    assert ["File too large" in row["error"] for row in rows] == [False, True, False]
    assert main([*arguments, "--out", str(out), "--skip-done"]) == 0
    assert main([*arguments, "--out", str(tmp_path / "whole")]) == 0
    assert files_of(out) == files_of(tmp_path / "whole")
    capsys.readouterr()


def test_a_second_run_on_a_folder_is_refused_and_harms_nothing(tmp_path: Path, options: list[str], capsys) -> None:
    """The first one waits for its standard input meanwhile, and ends as if it had been alone."""
    soundfile.write(tmp_path / "a.wav", TALK, 16_000)
    out = tmp_path / "out"
    first = subprocess.Popen([*COMMAND, "-", "--out", str(out), *options], stdin=subprocess.PIPE,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)  # fmt: skip
    wait_until(lambda: first.poll() is not None or (out / "summary.csv").exists())
    for more in ([], ["--skip-done"]):
        assert main(["replay", str(tmp_path / "a.wav"), "--out", str(out), *more, *options]) == 1
        assert "another run writes there" in capsys.readouterr().err
    _, told = first.communicate((tmp_path / "a.wav").read_bytes(), timeout=120)
    assert (first.returncode, told) == (0, b"")
    assert sorted(files_of(out)) == ["-.csv", "summary.csv"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="root's rights are put aside as Linux does it")
def test_a_file_or_folder_without_permission_is_one_line(tmp_path: Path, options: list[str], capsys) -> None:
    """By name, in a folder, and for an output; the others are still read."""
    (tmp_path / "in" / "closed").mkdir(parents=True)
    for name in ("a.wav", "b.wav"):
        soundfile.write(tmp_path / "in" / name, TALK, 16_000)
    (tmp_path / "in" / "a.wav").chmod(0)
    (tmp_path / "in" / "closed").chmod(0)
    (tmp_path / "out").mkdir(mode=0o500)
    with ordinary_user():
        assert main(["replay", str(tmp_path / "in"), *options]) == 1
        told = capsys.readouterr()
        assert main(["replay", str(tmp_path / "in" / "b.wav"), "--out", str(tmp_path / "out"), *options]) == 1
    assert [line.split(": ", 1)[1] for line in told.err.splitlines()] == [
        f"{tmp_path / 'in' / 'closed'}: cannot be searched: Permission denied",
        f"{tmp_path / 'in' / 'a.wav'}: cannot be opened: Permission denied",
    ]
    assert "b.wav" in told.out and "2 failed" in told.out
    assert capsys.readouterr().err == f"emoscope: {tmp_path / 'out'}: cannot be written: Permission denied\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--channels", "left"], ["--rate", "8000"], ["--encoding", "pcm_s16le", "--rate", "1"], ["--jobs", "0"],
        ["--skip-done"], ["--frames"], ["--format", "csv", "--json"], ["--format", "csv", "--format", "vtt"],
        ["--format", "parquet"], ["--out", "x.docx"], ["--format", "csv", "--out", "x.vtt"],
        ["--jobs", "2", "--speed", "1"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_options_that_make_no_sense_are_usage_errors(tmp_path: Path, options: list[str], capsys, arguments) -> None:
    """Before anything is read or written."""
    soundfile.write(tmp_path / "a.wav", voice(1.0), 16_000)
    assert main(["replay", str(tmp_path / "a.wav"), *arguments, *options]) == 2
    assert capsys.readouterr().err.startswith("emoscope: ") and len(list(tmp_path.iterdir())) == 1


def test_a_broken_recordings_outputs_hold_what_could_be_read(tmp_path: Path, options: list[str], capsys) -> None:
    """The table names the error, and the record ends as every record."""
    soundfile.write(tmp_path / "a.flac", np.tile(TALK, 3), 16_000)
    content = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(content[: len(content) // 2])
    out = tmp_path / "out"
    arguments = ["--out", str(out), "--record", str(tmp_path / "records"), *options]
    assert main(["replay", str(tmp_path / "a.flac"), *arguments]) == 1
    assert "breaks off" in capsys.readouterr().err and (out / "a.csv").read_text().count("reading") >= 1
    [row] = csv.DictReader((out / "summary.csv").read_text().splitlines())
    assert "breaks off" in row["error"]
    assert list(read_record(tmp_path / "records" / "a.jsonl"))[-1].type == "session.closed"
