"""Every format of exports: whole, readable by others' parsers, and in the order of time where two people speak."""

import csv
import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet
import pytest
from full_disk import room_for
from praatio import textgrid

from emoscope.streamer import Config, InputError, Session, UsageError
from emoscope.streamer.protocol.colours import COLOURS
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal, EmotionInterim
from emoscope.streamer.runtime.drive import Drive
from emoscope.streamer.runtime.split import SharedBlocks, merged
from emoscope.streamer.sinks.data_files import timedelta
from emoscope.streamer.sinks.exports import FORMATS, ExportGroup, FormatName, format_of
from emoscope.streamer.sinks.stretches import channel_of
from emoscope.streamer.sinks.text_grid import covering
from emoscope.streamer.testing import CONTRACT, FakeEngine, silence, voice

TIME = r"(\d\d):(\d\d):(\d\d)[.,](\d\d\d)"


@pytest.fixture(scope="module")
def two_voices() -> list[AnyEvent]:
    """Two channels that speak by turns and at once, with words."""
    left = np.concatenate([silence(0.5), voice(3.0), silence(3.0), voice(4.0), silence(1.0)])
    right = np.concatenate([silence(4.0), voice(2.0, 200.0), silence(1.5), voice(3.0, 200.0), silence(1.0)])
    audio = np.stack([left, right], 1)
    blocks = (audio[begin : begin + 16_000] for begin in range(0, len(audio), 16_000))
    drivers = [Drive(Session(CONTRACT, Config(pace="fast"), transcribe=True), FakeEngine(), "a=b.wav") for _ in (0, 1)]
    shared = SharedBlocks(blocks, 2)
    return list(merged(drivers, [shared.channel(0), shared.channel(1)]))


def exported(events: list[AnyEvent], name: FormatName, path: Path, frames: bool) -> Path:
    path = path / f"x{FORMATS[name].suffix}"
    with FORMATS[name].open(path, frames) as file:
        group = ExportGroup([file])
        for event in events:
            group.write(event)
    return path


def readings(events: list[AnyEvent], frames: bool) -> list[EmotionFinal | EmotionInterim]:
    kinds = (EmotionFinal, EmotionInterim) if frames else (EmotionFinal,)
    return [event for event in events if isinstance(event, kinds)]  # type: ignore[misc]


def test_the_events_of_two_channels_come_in_the_order_of_time(two_voices: list[AnyEvent]) -> None:
    """Each channel has its own utterances and words, and ends for itself."""
    finals = [event for event in two_voices if isinstance(event, EmotionFinal)]
    assert [channel_of(event) for event in finals] in ([0, 1, 0, 1], [0, 1, 1, 0])
    assert all(event.words for event in finals)
    assert [event.type for event in two_voices].count("session.closed") == 2
    assert {channel_of(event) for event in two_voices} == {0, 1}


@pytest.mark.parametrize("frames", [False, True])
def test_json_has_an_object_for_each_reading(two_voices: list[AnyEvent], tmp_path: Path, frames: bool) -> None:
    rows = json.loads(exported(two_voices, "json", tmp_path, frames).read_bytes())
    assert len(rows) == len(readings(two_voices, frames))
    assert {row["recording"] for row in rows} == {"a=b.wav"} and {row["channel"] for row in rows} == {0, 1}
    assert [row["start"] for row in rows if row["kind"] == "reading"] == sorted(
        event.start for event in readings(two_voices, False)
    )


@pytest.mark.parametrize("frames", [False, True])
def test_a_csv_has_a_row_for_each_reading_and_word(two_voices: list[AnyEvent], tmp_path: Path, frames: bool) -> None:
    text = exported(two_voices, "csv", tmp_path, frames).read_text()
    rows = list(csv.DictReader(text.splitlines(), strict=True))
    finals = [event for event in two_voices if isinstance(event, EmotionFinal)]
    assert sum(row["kind"] == "reading" for row in rows) == len(finals)
    assert sum(row["kind"] == "word" for row in rows) == sum(len(event.words) for event in finals)
    assert sum(row["kind"] == "interim" for row in rows) == frames * (len(readings(two_voices, True)) - len(finals))


@pytest.mark.parametrize("name", ["vtt", "srt"])
@pytest.mark.parametrize("frames", [False, True])
def test_cues_follow_one_another_and_name_their_channel(
    two_voices: list[AnyEvent], tmp_path: Path, name: FormatName, frames: bool
) -> None:
    """A cue's start is never before that of the cue above it, which WebVTT asks for."""
    text = exported(two_voices, name, tmp_path, frames).read_text()
    times = [[int("".join(part)) for part in (m[:4], m[4:])] for m in re.findall(f"{TIME} --> {TIME}", text)]
    assert all(start < end for start, end in times) and times == sorted(times, key=lambda pair: pair[0])
    assert len(times) >= len(readings(two_voices, False)) and "channel 0" in text and "channel 1" in text
    if name == "vtt":
        assert all(f"::cue(.{label}) {{\n  color: {colour};" in text for label, colour in COLOURS.items())
        assert not re.search(r"-->", text.split("STYLE")[0])
    else:
        assert re.match(r"1\n00:", text) and [int(n) for n in re.findall(r"^(\d+)$", text, re.M)] == list(
            range(1, len(times) + 1)
        )


@pytest.mark.parametrize("frames", [False, True])
def test_a_text_grid_opens_in_anothers_parser(two_voices: list[AnyEvent], tmp_path: Path, frames: bool) -> None:
    """Each channel has its tiers, which cover the recording."""
    grid = textgrid.openTextgrid(str(exported(two_voices, "textgrid", tmp_path, frames)), includeEmptyIntervals=True)
    kinds = ("emotion", "interims", "words") if frames else ("emotion", "words")
    assert set(grid.tierNames) == {f"{kind} of channel {channel}" for kind in kinds for channel in (0, 1)}
    finals = [event for event in two_voices if isinstance(event, EmotionFinal)]
    for channel in (0, 1):
        tier = grid.getTier(f"emotion of channel {channel}")
        told = [(entry.start, entry.end, entry.label) for entry in tier.entries if entry.label]
        assert told == [(event.start, event.end, event.label) for event in finals if channel_of(event) == channel]
        entries = list(tier.entries)
        assert entries[0].start == 0 and all(a.end == b.start for a, b in pairwise(entries))


def test_intervals_never_overlap() -> None:
    given = [(1.0, 2.0, "a"), (1.5, 3.0, "b"), (2.2, 2.5, "c")]
    assert list(covering(given, 4.0)) == [(0.0, 1.0, ""), (1.0, 2.0, "a"), (2.0, 3.0, "b"), (3.0, 4.0, "")]


def test_audformats_index_is_file_start_and_end(two_voices: list[AnyEvent], tmp_path: Path) -> None:
    """Times as pandas reads them."""
    path = exported(two_voices, "audformat", tmp_path, False)
    rows = list(csv.DictReader(path.read_text().splitlines(), strict=True))
    assert list(rows[0])[:3] == ["file", "start", "end"] and len(rows) == len(readings(two_voices, False))
    assert all(re.fullmatch(r"\d+ days \d\d:\d\d:\d\d\.\d{6}", row["start"]) for row in rows)
    assert timedelta(90_061.5) == "1 days 01:01:01.500000"


@pytest.mark.parametrize("frames", [False, True])
def test_parquet_is_read_by_pyarrow(two_voices: list[AnyEvent], tmp_path: Path, frames: bool) -> None:
    """Scores are numbers, and words are lists."""
    table = pyarrow.parquet.read_table(exported(two_voices, "parquet", tmp_path, frames))
    rows = table.to_pylist()
    assert len(rows) == len(readings(two_voices, frames))
    for row in rows:
        scores = {name: value for name, value in row.items() if name.startswith("score_")}
        assert sum(scores.values()) == pytest.approx(1.0, abs=1e-3)
    assert any(row["words"] for row in rows)


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_name_tells_its_format(name: FormatName) -> None:
    assert format_of(Path(f"dir/a.b{FORMATS[name].suffix}")) == name


def test_a_name_of_no_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"\.TextGrid"):
        format_of(Path("a.docx"))


@pytest.mark.parametrize("name", list(FORMATS))
def test_a_recording_without_speech_makes_a_readable_file_or_none(tmp_path: Path, name: FormatName) -> None:
    driver = Drive(Session(CONTRACT, Config(pace="fast")), FakeEngine(), "a.wav")
    path = exported(list(driver.run([silence(2.0)])), name, tmp_path, True)
    if name == "json":
        assert json.loads(path.read_bytes()) == []
    elif name == "textgrid":
        assert textgrid.openTextgrid(str(path), includeEmptyIntervals=True).tierNames == ("emotion",)


@pytest.mark.parametrize("name", list(FORMATS))
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_on_a_full_disk_a_file_holds_whole_readings_or_nothing(
    two_voices: list[AnyEvent], tmp_path: Path, name: FormatName, share: float
) -> None:
    """Said in one error, also where the file is written at its end."""
    whole = exported(two_voices, name, tmp_path, False).read_bytes()
    (tmp_path / "full").mkdir()
    with room_for(round(share * len(whole))), pytest.raises(InputError, match="File too large"):
        exported(two_voices, name, tmp_path / "full", False)
    [path] = (tmp_path / "full").iterdir()
    left = path.read_bytes()
    if name in ("textgrid", "parquet"):
        assert left == b""
    elif name == "json":
        rows = json.loads(left)
        assert 0 < len(rows) < len(json.loads(whole)) and rows == json.loads(whole)[: len(rows)]
    else:
        sizes = [0]
        with FORMATS[name].open(tmp_path / "again", False) as file:
            group = ExportGroup([file])
            for event in two_voices:
                group.write(event)
                sizes.append((tmp_path / "again").stat().st_size)
        assert whole.startswith(left) and len(left) == max(size for size in sizes if size <= share * len(whole))
