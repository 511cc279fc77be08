"""Subtitles and tables: what other programs read of them."""

import csv
import html
import json
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from full_disk import room_for
from hypothesis import given
from hypothesis import strategies as st
from real_voice import sentence

from emoscope.streamer import InputError, RecordWriter, Session
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.events import EmotionFinal, Sources, WeighedWord, words_to_text
from emoscope.streamer.sinks.subtitles import Subtitles, cue
from emoscope.streamer.sinks.table import Table
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

TIME = r"\d\d:[0-5]\d:[0-5]\d\.\d\d\d"
ANY_TEXT = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["-->", "<b>", "&lt;", "a\n\nb", "=1+1", "\u2028", "\x1b[2J", "NOTE", "你好", "-", '"', "a,b", "'"]
    ),
)


@pytest.fixture
def talk(tmp_path) -> Path:
    """Two utterances."""
    soundfile.write(tmp_path / "talk.wav", np.concatenate([sentence(0), silence(1.0), sentence(1)]), 16_000)
    return tmp_path / "talk.wav"


def final(words, start=1.0, end=3.0, label="angry"):
    return EmotionFinal(
        seq=1, utterance=7, start=start, end=end, label=label, confidence=0.62, scores={"angry": 0.62, "sad": 0.38},
        dimensions={"valence": -0.5}, derived=True, segments=1, sources=Sources(audio=0.8, text=0.2), attention=[],
        baseline="off", text="used", words=words,
    )  # fmt: skip


@st.composite
def finals(draw):
    """Words of any text at any times, as another's recognizer might give them."""
    start = draw(st.floats(0, 9000))
    words = [
        WeighedWord(word=draw(ANY_TEXT), start=draw(st.floats(0, 9100)), end=draw(st.floats(0, 9100)),
                    weight=draw(st.floats(0, 1)), space=draw(st.booleans()))
        for _ in range(draw(st.integers(0, 6)))
    ]  # fmt: skip
    return final(
        words, start, start + draw(st.floats(0, 120)), draw(st.sampled_from(["angry", "un sure", "<x>", "-->"]))
    )


def seconds(clock):
    hours, minutes, rest = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def parsed(text):
    """Blocks of a WebVTT file as its grammar has them: (start, end, payload lines) of each cue."""
    assert text.startswith("WEBVTT\n\n") and "\r" not in text and "\0" not in text
    found = []
    for block in re.split(r"\n\n+", text)[1:]:
        lines = block.strip("\n").split("\n")
        if not block.strip("\n") or lines[0] in ("NOTE", "STYLE"):
            assert "-->" not in block
            continue
        assert "-->" not in lines[0]
        times = re.fullmatch(f"({TIME}) --> ({TIME})", lines[1])
        assert times, lines
        found.append((seconds(times[1]), seconds(times[2]), lines[2:]))
    return found


@given(st.lists(finals(), min_size=1, max_size=3))
def test_whatever_was_said_the_subtitles_keep_to_webvtts_grammar(events):
    """Cues that last, times that grow within them, no tag but ours; the words come back as they were."""
    text = "WEBVTT\n\n" + "".join(cue(event) for event in events)
    cues = parsed(text)
    lasting = [event for event in events if round(event.end * 1000) > round(event.start * 1000)]
    assert len(cues) == len(lasting)
    for (start, end, lines), event in zip(cues, lasting, strict=True):
        assert end > start and 1 <= len(lines) <= 2 and len(lines[0]) > 0
        body = lines[1] if len(lines) == 2 else ""
        assert "-->" not in "".join(lines)
        inner = [seconds(at) for at in re.findall(f"<({TIME})>", body)]
        assert all(a < b for a, b in zip([start, *inner], [*inner, end], strict=True))
        bare = re.sub(f"<{TIME}>|<c\\.strong>|</c>", "", body)
        assert "<" not in bare and ">" not in bare and not re.search(r"&(?!amp;|lt;|gt;)", bare)
        spoken = [" ".join(word.word.split()) for word in event.words]
        if all(word.isprintable() for word in spoken):
            assert html.unescape(bare).replace(" ", "") == "".join(spoken).replace(" ", "")


def test_a_cue_shows_label_words_times_and_what_carried():
    """As a player highlights them; words without spaces are joined."""
    words = [
        WeighedWord(word="told", start=1.0, end=1.4, weight=0.1),
        WeighedWord(word="TWICE", start=1.5, end=2.0, weight=0.8),
        WeighedWord(word="<now>", start=2.1, end=2.4, weight=0.1, space=False),
    ]
    assert cue(final(words)) == (
        "7\n00:00:01.000 --> 00:00:03.000\n<c.emotion.angry>[angry 0.62]</c>\n"
        "told <00:00:01.500><c.strong>TWICE</c><00:00:02.100>&lt;now&gt;\n\n"
    )
    assert cue(final([], start=3661.5, end=3662.0)).split("\n")[1:3] == [
        "01:01:01.500 --> 01:01:02.000",
        "<c.emotion.angry>[angry 0.62]</c>",
    ]


@given(st.lists(finals(), min_size=1, max_size=3))
def test_whatever_was_said_a_table_has_its_rows_and_no_formula(tmp_path_factory, events):
    """One line a row, the same cells in each; no cell of text that a spreadsheet would run."""
    path = tmp_path_factory.mktemp("table") / "t.csv"
    with Table(path) as table:
        for event in events:
            table.write(event)
    content = path.read_bytes().decode()
    rows = list(csv.DictReader(content.splitlines(), strict=True))
    assert len(rows) == content.count("\n") - 1 == sum(1 + len(event.words) for event in events)
    for row in rows:
        assert None not in row and None not in row.values()
        for name in ("recording", "label", "said"):
            assert not row[name].startswith(("=", "+", "-", "@", "\t"))
    readings = [row for row in rows if row["kind"] == "reading"]
    assert [float(row["valence"]) for row in readings] == [-0.5] * len(events)
    shares = [float(row["share"]) for row in rows if row["kind"] == "word"]
    assert shares == [word.weight for event in events for word in event.words]


def test_a_table_takes_one_kind_of_model_only(tmp_path):
    """Columns are the model's labels."""
    with Table(tmp_path / "t.csv") as table:
        table.write(final([]))
        [other, *_] = [e for e in run(Session(CONTRACT), FakeEngine(), [voice(2.0)]) if isinstance(e, EmotionFinal)]
        with pytest.raises(InputError, match="different labels"):
            table.write(other)


@pytest.mark.parametrize("kind", [Subtitles, Table])
def test_nothing_is_ever_overwritten(tmp_path, kind):
    """The rule of records."""
    (tmp_path / "x.vtt").write_text("mine")
    with pytest.raises(InputError, match="exists already"):
        kind(tmp_path / "x.vtt")
    assert (tmp_path / "x.vtt").read_text() == "mine"


def with_words(path):
    """The record of a session with transcription."""
    events = run(Session(CONTRACT, transcribe=True), FakeEngine(), [voice(3.0), silence(1.0), voice(2.0)])
    with RecordWriter(path) as record:
        for event in events:
            record.write(event)
    return [event for event in events if isinstance(event, EmotionFinal)]


def test_a_record_is_written_as_subtitles_and_as_a_table(tmp_path, capsys, tiny_model):
    """Without reading anything again: times, words and shares are the record's."""
    told = with_words(tmp_path / "r.jsonl")
    vtt, table = tmp_path / "r.vtt", tmp_path / "r.csv"
    arguments = [
        "replay",
        str(tmp_path / "r.jsonl"),
        "--model",
        str(tiny_model),
        "--vtt",
        str(vtt),
        "--csv",
        str(table),
    ]
    assert main(arguments) == 0
    cues = parsed(vtt.read_text())
    assert [(start, end) for start, end, _ in cues] == [(round(f.start, 3), round(f.end, 3)) for f in told]
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert (
        [row["said"] for row in rows if row["kind"] == "reading"] == [words_to_text(f.words) for f in told] != ["", ""]
    )
    assert main(arguments) in (1, 2)
    assert "exists already" in capsys.readouterr().err
    assert parsed(vtt.read_text()) == cues


def test_several_recordings_go_into_one_table_and_a_folder_of_subtitles(talk, tiny_model, tmp_path, capsys):
    """DIR/NAME.vtt each; a single file for several is refused before anything is read."""
    out = tmp_path / "subtitles"
    common = ["replay", str(talk), str(talk), "--model", str(tiny_model), "--asr", "none"]
    assert main([*common, "--vtt", str(out), "--csv", str(tmp_path / "all.csv")]) == 0
    assert sorted(path.name for path in out.iterdir()) == ["talk.2.vtt", "talk.vtt"]
    assert all(len(parsed(path.read_text())) == 2 for path in out.iterdir())
    rows = list(csv.DictReader((tmp_path / "all.csv").read_text().splitlines()))
    assert [row["kind"] for row in rows] == ["reading"] * 4 and {row["recording"] for row in rows} == {str(talk)}
    assert main([*common, "--vtt", str(tmp_path / "one.vtt")]) == 2
    assert main([*common, "--csv", str(tmp_path / "one.txt")]) == 2
    assert "folder" in (err := capsys.readouterr().err) and "ends in .csv" in err
    assert not (tmp_path / "one.vtt").exists()


def test_a_recording_that_cannot_be_read_leaves_no_empty_file(tiny_model, tmp_path, capsys):
    """Neither subtitles nor a table."""
    (tmp_path / "text.wav").write_text("hello")
    arguments = ["--vtt", str(tmp_path / "a.vtt"), "--csv", str(tmp_path / "a.csv")]
    assert main(["replay", str(tmp_path / "text.wav"), "--model", str(tiny_model), *arguments]) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["text.wav"]
    capsys.readouterr()


def test_a_word_that_stands_apart_says_nothing_of_it_on_the_wire():
    """Only a word without a space before it does."""
    from emoscope.streamer.protocol.events import encode

    apart, joined = (WeighedWord(word="a", start=0.0, end=1.0, weight=1.0, space=space) for space in (True, False))
    words = json.loads(encode(final([apart, joined])))["words"]
    assert "space" not in words[0] and words[1]["space"] is False


@pytest.mark.parametrize(
    "arguments", [["--vtt", "talk.srt"], ["--screenshot", "out.svg", "--csv", "talk.csv"], ["--csv", "talk.txt"]]
)
def test_what_would_not_be_written_as_meant_is_said_before_anything_is_read(
    talk, tiny_model, tmp_path, capsys, monkeypatch, arguments
):
    """A wrong suffix is no folder, and a picture has no table beside it."""
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert main(["replay", str(talk), "--model", str(tiny_model), *arguments]) == 2
    assert arguments[-1].rpartition(".")[2] in capsys.readouterr().err or "--csv" in arguments
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_that_broke_off_holds_whole_rows(tmp_path):
    """No half row stays, and a disk that has room again gets no row behind the gap."""
    table = Table(tmp_path / "out.csv")
    table.append(b"a,b,c\n")
    with room_for(9), pytest.raises(InputError, match="stops here"):
        table.append(b"d,e,f\n")
    with pytest.raises(InputError, match="stops here"):
        table.append(b"g,h,i\n")
    assert (tmp_path / "out.csv").read_bytes() == b"a,b,c\n"
