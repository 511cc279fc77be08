"""A live session in its threads: the same readings as a replay, and a clean end whatever breaks."""

import errno
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_player import TALK, live, run
from waiting import DEADLINE_S, wait_until

from emoscope.models.errors import ModelError, NotCached
from emoscope.streamer import Config, InputError, RecordWriter, Session, UnusableDevice, read_record
from emoscope.streamer.protocol.events import (
    AnyEvent,
    EmotionFinal,
    Error,
    SessionClosed,
    SpeechEnded,
    Status,
    WarningEvent,
)
from emoscope.streamer.runtime.drive import Drive
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.updates import Meter, Notice
from emoscope.streamer.session.requests import Request, Result
from emoscope.streamer.sinks.wave_file import WaveFile
from emoscope.streamer.sources.microphone import Captured
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, differences, silence, voice


def test_live_gives_the_finals_of_a_replay() -> None:
    """The same audio gives the same events live, in threads, as driven in one piece."""
    config = Config(transcript=False)
    replayed = list(Drive(Session(CONTRACT, config), FakeEngine(), "fake").run([TALK]))
    events = run(live(FakeSource(TALK), lossless=True))

    def kept(events: Sequence[AnyEvent]) -> list[AnyEvent]:
        return [event for event in events if not isinstance(event, Status | WarningEvent)]

    assert differences(kept(replayed), kept(events)) == []
    assert sum(isinstance(event, EmotionFinal) for event in events) == 2


def test_a_device_that_vanishes_in_mid_sentence_loses_no_captured_speech(tmp_path: Path) -> None:
    """Speech from before a device went away has its final, the error is reported, and the record is whole."""
    source = FakeSource(TALK[:32_000], then=UnusableDevice("gone; others that are there: none"))
    player = live(source)
    with RecordWriter(tmp_path / "out.jsonl") as record:
        player.record_to(record)
        events = run(player)
    assert isinstance(player.error, UnusableDevice)
    assert source.closed
    assert [e.end for e in events if isinstance(e, SpeechEnded)] == [pytest.approx(2.0, abs=0.05)]
    assert [e.code for e in events if isinstance(e, Error)] == ["device_lost"]
    assert sum(isinstance(event, EmotionFinal) for event in events) == 1
    assert isinstance(events[-1], SessionClosed)
    assert list(read_record(tmp_path / "out.jsonl")) == events


def test_a_minute_of_silence_gives_no_reading() -> None:
    """In silence there is a status a second and nothing that claims an emotion."""
    events = run(live(FakeSource(silence(60.0), block=16_000)))
    assert {type(event) for event in events[1:]} <= {Status, SessionClosed, WarningEvent}
    assert sum(isinstance(event, Status) for event in events) == 60


class StuckEngine(FakeEngine):
    """Answers nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        self.go.wait(DEADLINE_S)
        return super().__call__(requests)


@pytest.fixture
def stuck() -> Iterator[StuckEngine]:
    engine = StuckEngine()
    yield engine
    engine.go.set()


def test_stopping_never_waits_for_a_model_that_hangs(stuck: StuckEngine, tmp_path: Path) -> None:
    """With a model that never answers, a stop ends the session, says what is missing, and closes the record."""
    source = FakeSource(TALK, then="silence")
    player = live(source, stuck, clock=time.monotonic)
    with RecordWriter(tmp_path / "out.jsonl") as record:
        player.record_to(record)
        player.start()
        wait_until(lambda: not source.blocks)
        player.stop()
        assert player.join(DEADLINE_S)
    assert not stuck.go.is_set()
    events = list(read_record(tmp_path / "out.jsonl"))
    assert isinstance(events[-1], SessionClosed)
    assert events[-1].totals.dropped_s > 0
    assert "audio_dropped" in [e.code for e in events if isinstance(e, WarningEvent)]


def test_a_model_that_breaks_ends_the_session_with_an_error() -> None:
    """An engine that throws is a ModelError; what was begun still ends, and the record is closed."""

    def broken(requests: Sequence[Request]) -> list[Result]:
        raise RuntimeError("no such kernel")

    player = live(FakeSource(TALK, then="silence"), broken)
    events = run(player)
    assert isinstance(player.error, ModelError)
    assert "no such kernel" in str(player.error)
    assert isinstance(events[-1], SessionClosed)


def test_a_model_that_is_not_there_is_the_error_of_the_session() -> None:
    """What goes wrong while the model loads is the error of the session, and the source is closed."""

    def load() -> Any:
        raise NotCached("no model 'x' here")

    source = FakeSource(TALK)
    player = Live(source, load, Config())
    assert run(player) == []
    assert isinstance(player.error, NotCached)
    assert source.closed


def test_no_audio_is_counted_while_paused() -> None:
    """A pause ends the utterance, the clock stands still, and going on goes on."""
    source = FakeSource(voice(2.0), then="silence")
    player = live(source)
    player.pause(True)
    player.start()
    wait_until(lambda: not source.blocks)
    player.stop()
    assert player.join(DEADLINE_S)
    events = [item for item in player.updates() if not isinstance(item, Meter | Notice)]
    closed = events[-1]
    assert isinstance(closed, SessionClosed)
    assert closed.totals.audio_s == 0.0
    assert source.held


def test_a_recording_that_is_paused_gives_the_same_events() -> None:
    """Pausing a replay and going on changes no event."""
    whole = run(live(FakeSource(TALK), lossless=True))
    source = FakeSource(TALK, pause_s=0.002)
    read, held = source.read, 0

    def waiting(timeout_s: float) -> Captured | None:
        nonlocal held
        if source.held:
            held += 1
            if held == 3:
                player.pause(False)
            return Captured(np.zeros((0, 1), np.float32))
        if len(source.blocks) == 100:
            player.pause(True)
        return read(timeout_s)

    source.read = waiting  # type: ignore[method-assign]
    player = live(source, lossless=True)
    paused = run(player)
    assert held >= 3
    kept = [[e for e in events if not isinstance(e, Status)] for events in (whole, paused)]
    assert differences(kept[0], kept[1]) == []


def test_audio_that_was_pushed_out_becomes_silence_and_is_reported() -> None:
    """Frames that the queue lost are silence on the clock, so that later times stay right."""
    source = FakeSource(silence(1.0))
    source.blocks.append(None)  # type: ignore[arg-type]
    lost = Captured(np.zeros((1_600, 1), np.float32), lost=16_000)
    read = source.read

    def with_gap(timeout_s: float) -> Captured | None:
        if len(source.blocks) == 1:
            source.blocks.clear()
            return lost
        return read(timeout_s)

    source.read = with_gap  # type: ignore[method-assign]
    events = run(live(source))
    warnings = [e for e in events if isinstance(e, WarningEvent) and e.code == "audio_dropped"]
    assert [(e.start, e.end) for e in warnings] == [(1.0, 2.0)]
    closed = events[-1]
    assert isinstance(closed, SessionClosed)
    assert closed.totals.audio_s == pytest.approx(2.1)


class FullDisk:
    """A file on a disk that takes so many bytes and no more, the last ones in part."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        part = data[: self.room]
        self.room -= len(part)
        self.file.write(part)
        return len(part)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


def test_a_full_disk_stops_the_record_and_not_the_session(tmp_path: Path) -> None:
    """When the disk is full a notice says so, the session goes on, and the record holds whole lines alone."""
    player = live(FakeSource(TALK), lossless=True)
    with RecordWriter(tmp_path / "out.jsonl") as record:
        record._file = FullDisk(record._create(), 4_000)  # type: ignore[assignment]
        player.record_to(record)
        player.start()
        assert player.join(DEADLINE_S)
    news = player.updates()
    assert any(isinstance(item, Notice) and "No space left" in item.message and item.serious for item in news)
    assert any(isinstance(item, SessionClosed) for item in news)
    assert player.write_failed
    assert len(list(read_record(tmp_path / "out.jsonl"))) >= 2
    kept = (tmp_path / "out.jsonl").read_bytes()
    assert 3_000 < len(kept) <= 4_000 and kept.endswith(b"\n")


def test_the_audio_is_kept_when_asked_for(tmp_path: Path) -> None:
    """--record-audio holds the captured audio, sample for sample to 16 bits, and is whole after every block."""
    import soundfile

    path = tmp_path / "out.wav"
    with WaveFile(path, 16_000, 1) as wave:
        player = live(FakeSource(TALK), lossless=True)
        player.record_audio_to(wave)
        run(player)
        kept, rate = soundfile.read(path, dtype="float32")  # before it is closed: a kill leaves the same
    assert rate == 16_000
    np.testing.assert_allclose(kept, TALK, atol=1 / 16_000)


def test_a_broken_sample_in_a_long_block_loses_nothing_that_was_said_before_it() -> None:
    """A source that hands over seconds at once: those before the broken one are read, none is given up."""
    audio = voice(6.0)
    audio[5 * 16_000 + 8_000] = np.nan
    player = live(FakeSource(audio, block=6 * 16_000))
    events = run(player)
    assert isinstance(player.error, InputError) and "5.500" in str(player.error)
    [final] = [event for event in events if isinstance(event, EmotionFinal)]
    assert final.end >= 4.9 and final.segments >= 3
    assert "audio_dropped" not in [event.code for event in events if isinstance(event, WarningEvent)]
    assert isinstance(events[-1], SessionClosed) and events[-1].totals.dropped_s == 0
