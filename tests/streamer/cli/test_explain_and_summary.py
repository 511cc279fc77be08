"""`emoscope explain` and `emoscope summary` as a user types them."""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from real_voice import sentence

pytest.importorskip("matplotlib", reason="pictures need matplotlib")

from PIL import Image

from emoscope.streamer import RecordWriter, Session
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.events import encode
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

from ..display.made_record import events


@pytest.fixture
def talk(tmp_path) -> Path:
    """Two utterances."""
    soundfile.write(tmp_path / "talk.wav", np.concatenate([sentence(0), silence(1.0), sentence(1)]), 16_000)
    return tmp_path / "talk.wav"


@pytest.fixture
def record(tmp_path, tiny_model, talk, capsys) -> Path:
    """Its record."""
    arguments = ["replay", str(talk), "--model", str(tiny_model), "--asr", "none", "--record", str(tmp_path / "r")]
    assert main(arguments) == 0
    capsys.readouterr()
    return tmp_path / "r" / "talk.jsonl"


def lines(capsys):
    out, err = capsys.readouterr()
    return out.splitlines(), err.splitlines()


def test_a_recording_is_read_and_drawn(talk, tiny_model, tmp_path, capsys):
    picture = tmp_path / "new" / "talk.png"
    arguments = ["explain", str(talk), "-o", str(picture), "--model", str(tiny_model), "--asr", "none"]
    assert main([*arguments, "--vad", "webrtc"]) == 0
    out, err = lines(capsys)
    assert err == [] and len(out) == 1 and out[0].startswith(f"{picture}: 00:00.0 to ")
    assert Image.open(picture).width == 1430


def test_a_page_says_that_it_holds_the_sound_and_can_leave_it_out(talk, record, tmp_path, capsys):
    page = tmp_path / "talk.html"
    assert main(["explain", str(record), "--audio", str(talk), "-o", str(page), "--from", "1", "--to", "3"]) == 0
    out, err = lines(capsys)
    assert out[0].startswith(f"{page}: 00:01.0 to 00:03.0") and "holds the sound" in err[0] and "--no-audio" in err[0]
    assert "data:audio/flac" in page.read_text(encoding="utf-8")
    assert main(["explain", str(record), "--audio", str(talk), "-o", str(page), "--no-audio"]) == 0
    assert lines(capsys)[1] == [] and "data:audio/flac" not in page.read_text(encoding="utf-8")


def test_a_record_that_was_cut_off_is_drawn_as_far_as_it_is_whole(record, tmp_path, capsys):
    content = record.read_bytes()
    (tmp_path / "cut.jsonl").write_bytes(content[: len(content) * 2 // 3])
    assert main(["explain", str(tmp_path / "cut.jsonl"), "-o", str(tmp_path / "cut.svg")]) == 1
    out, [problem] = lines(capsys)
    assert "breaks off at" in problem and out and "breaks off before its end" in (tmp_path / "cut.svg").read_text()


def test_another_recording_beside_a_record_is_told(record, tmp_path, capsys):
    soundfile.write(tmp_path / "other.wav", silence(30.0), 16_000)
    arguments = ["explain", str(record), "--audio", str(tmp_path / "other.wav"), "-o", str(tmp_path / "x.svg")]
    assert main(arguments) == 1
    assert "is it the same one?" in lines(capsys)[1][0]


def made_records(folder: Path) -> dict[str, Path]:
    """Files that are no whole record, by what is wrong with them."""
    files = {name: folder / f"{name}.jsonl" for name in ("empty", "text", "version", "missing")}
    files["empty"].write_bytes(b"")
    files["text"].write_text('{"hello": 1}\n')
    files["version"].write_bytes(encode(events()[0]).replace(b"emoscope.v1", b"emoscope.v9") + b"\n")
    return {**files, "folder": folder}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("empty", "has no events"),
        ("text", "not an event of emoscope.v1"),
        ("version", "a record of emoscope.v9; this version reads emoscope.v1"),
        ("missing", "no such file"),
        ("folder", "is a folder"),
    ],
)
@pytest.mark.parametrize("command", ["explain", "summary"])
def test_what_is_no_record_is_one_line_and_exit_code_1(command, wrong, message, tmp_path, capsys):
    path = made_records(tmp_path)[wrong]
    picture = tmp_path / "pictures" / "x.png"
    assert main([command, str(path), "-o", str(picture)]) == 1
    out, [problem] = lines(capsys)
    assert out == [] and problem.startswith("emoscope: ") and message.lower() in problem.lower()
    assert not picture.exists()


def test_a_recording_is_no_record_and_the_command_that_makes_one_is_named(talk, capsys):
    assert main(["summary", str(talk)]) == 1
    assert f"emoscope replay {talk} --record DIR" in lines(capsys)[1][0]


@pytest.mark.parametrize("command", ["explain", "summary"])
def test_a_picture_that_cannot_be_written_is_said_before_anything_is_read(command, record, tmp_path, capsys):
    (tmp_path / "file").write_text("x")
    for target in (tmp_path / "file" / "x.png", tmp_path / "folder.png"):
        if target.name == "folder.png":
            target.mkdir()
        assert main([command, str(record), "-o", str(target)]) == 1
        assert "cannot be written" in lines(capsys)[1][0]


@pytest.mark.parametrize("command", ["explain", "summary"])
def test_without_matplotlib_one_line_says_how_to_get_it(command, record, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main([command, str(record), "-o", str(tmp_path / "x.png")]) == 1
    assert lines(capsys) == ([], ["emoscope: pictures need the package matplotlib: pip install 'emoscope[pictures]'"])


def test_a_summary_needs_no_matplotlib_where_no_picture_is_asked_for(record, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert main(["summary", str(record)]) == 0
    assert "strongest moments" in capsys.readouterr().out


def test_a_summary_prints_draws_and_writes_the_same_numbers(record, tmp_path, capsys):
    table, picture = tmp_path / "t.csv", tmp_path / "s.svg"
    assert main(["summary", str(record), str(record), "--json", "--csv", str(table), "-o", str(picture)]) == 0
    out, _ = lines(capsys)
    told = [json.loads(line) for line in out]
    assert len(told) == 2 and told[0] == told[1]
    assert told[0]["record"] == str(record) and told[0]["whole"] and told[0]["utterances"] == 2
    assert sum(told[0]["shares"].values()) == pytest.approx(1)
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["record"] for row in rows] == [str(record)] * 2
    assert sum(float(value) for name, value in rows[0].items() if name.startswith("share_")) == pytest.approx(1)
    assert float(rows[0]["speech_s"]) == told[0]["speech_s"]
    assert picture.read_text().startswith("<?xml")
    assert main(["summary", str(record), "--csv", str(table)]) == 1
    assert "never overwritten" in lines(capsys)[1][0]


def test_one_bad_record_of_several_is_named_and_the_others_are_summed_up(record, tmp_path, capsys):
    (tmp_path / "bad.jsonl").write_text("{}\n")
    assert main(["summary", str(tmp_path / "bad.jsonl"), str(record), "--json"]) == 1
    out, err = lines(capsys)
    assert len(out) == 1 and len(err) == 1 and "bad.jsonl, line 1" in err[0]


def test_a_record_without_speech_says_so(tmp_path, capsys):
    with RecordWriter(tmp_path / "silent.jsonl") as file:
        for event in run(Session(CONTRACT), FakeEngine(), [silence(2.0)]):
            file.write(event)
    assert main(["summary", str(tmp_path / "silent.jsonl")]) == 0
    assert "no speech" in capsys.readouterr().out


def test_words_of_a_record_cannot_steer_a_terminal_or_a_spreadsheet(tmp_path, capsys):
    said = run(Session(CONTRACT, transcribe=True), FakeEngine(), [voice(3.0)])
    with RecordWriter(tmp_path / "r.jsonl") as file:
        for event in said:
            file.write(event)
    text = (tmp_path / "r.jsonl").read_text().replace('"label":"', '"label":"=\\u001b[2J')
    (tmp_path / "r.jsonl").write_text(text)
    assert main(["summary", str(tmp_path / "r.jsonl"), "--csv", str(tmp_path / "t.csv")]) == 0
    assert "\x1b" not in capsys.readouterr().out and "\x1b" not in (tmp_path / "t.csv").read_text()


def test_of_a_record_with_several_parts_the_first_is_drawn_and_the_others_are_named(record, tmp_path, capsys):
    twice = tmp_path / "twice.jsonl"
    twice.write_bytes(record.read_bytes() * 2)
    arguments = ["explain", str(twice), "-o", str(tmp_path / "x.svg")]
    assert main(arguments) == 0
    assert "has 2 parts" in lines(capsys)[1][0]
    assert main([*arguments, "--part", "2"]) == 0
    assert lines(capsys)[1] == [] and "session 2" in (tmp_path / "x.svg").read_text()
    assert main([*arguments, "--part", "3"]) == 2
    assert "--part 3" in lines(capsys)[1][0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "99"], "--from 99"),
        (["--audio", "x.wav"], "--audio is for a record"),
        (["--part", "1"], "--part is for a record"),
    ],
)
def test_an_option_that_does_not_fit_the_file_is_a_usage_error(options, message, talk, tiny_model, tmp_path, capsys):
    arguments = ["explain", str(talk), "-o", str(tmp_path / "x.png"), "--model", str(tiny_model), "--asr", "none"]
    assert main([*arguments, *options]) == 2
    assert message in lines(capsys)[1][0] and not (tmp_path / "x.png").exists()
