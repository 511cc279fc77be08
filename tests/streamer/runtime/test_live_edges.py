"""A live session at its edges: audio that was lost on the way in, wishes while the model loads, an end that fails."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from odd_worker import exited, odd_recognizer
from waiting import DEADLINE_S

from emoscope.models import UsageError
from emoscope.streamer import Config, replay
from emoscope.streamer.client import SyncClient
from emoscope.streamer.protocol.errors import UnreachableServer
from emoscope.streamer.runtime import listen as listening
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.remote import Remote
from emoscope.streamer.runtime.updates import Meter
from emoscope.streamer.sources.microphone import Captured
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, silence


def live(source: FakeSource, load: Callable[[], Any] | None = None) -> Live:
    return Live(source, load or (lambda: (CONTRACT, FakeEngine())), Config(transcript=False))


def test_audio_lost_on_the_way_in_is_counted_where_it_was_lost() -> None:
    """Ticks carry what the queue pushed out, apart from speech that could not be read."""
    source = FakeSource(silence(2.0))
    read, count = source.read, 0

    def with_gap(timeout_s: float) -> Captured | None:
        nonlocal count
        count += 1
        return Captured(np.zeros((1_600, 1), np.float32), lost=8_000) if count == 3 else read(timeout_s)

    source.read = with_gap  # type: ignore[method-assign]
    player = live(source)
    player.start()
    assert player.join(DEADLINE_S)
    last = [item for item in player.updates() if isinstance(item, Meter)][-1]
    assert (last.lost_s, last.dropped_s) == (0.5, 0.0)


def test_pausing_twice_while_the_model_loads_goes_on() -> None:
    """A wish to pause is known at once, also before there is a session: asking again takes it back."""
    go = threading.Event()

    def load() -> Any:
        assert go.wait(DEADLINE_S)
        return CONTRACT, FakeEngine()

    player = live(FakeSource(silence(1.0)), load)
    player.start()
    for paused in (True, False):
        player.pause(not player.paused)
        assert player.paused is paused
    go.set()
    assert player.join(DEADLINE_S)
    last = [item for item in player.updates() if isinstance(item, Meter)][-1]
    assert (last.paused, last.audio_s) == (False, 1.0)


def test_python_names_the_engine_as_the_command_line_does(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model has no graph, so onnxruntime has nothing to run."""
    soundfile.write(tmp_path / "a.wav", silence(0.1), 16_000)
    with pytest.raises(UsageError, match="has no graph"):
        next(replay(tmp_path / "a.wav", tiny_model, engine="onnx"))
    monkeypatch.setattr(listening, "choose", lambda wanted: wanted)
    monkeypatch.setattr(listening, "Microphone", lambda device: FakeSource(silence(0.1)))
    with pytest.raises(UsageError, match="has no graph"):
        list(listening.listen(model=tiny_model, engine="onnx"))


class Unclosable(FakeSource):
    """A device that cannot be closed, as there is no thread left to close it."""

    def close(self) -> None:
        super().close()
        raise RuntimeError("can't start new thread")


def test_a_source_that_cannot_be_closed_is_why_the_session_ended() -> None:
    """Whoever waits for the end learns of it, and the recognizer's process is gone."""
    started: list[Any] = []

    def start() -> Any:
        started.append(odd_recognizer("answers"))
        return started[0]

    loaded = CONTRACT, FakeEngine()
    player = Live(Unclosable(silence(0.1)), lambda: loaded, Config(transcript=False), start_recognizer=start)
    player.start()
    assert player.join(DEADLINE_S) and player.done
    assert exited(started[0].pid)
    with pytest.raises(RuntimeError, match="new thread"):
        list(player.events())


def test_a_session_on_a_server_ends_although_its_source_cannot_be_closed() -> None:
    """What ended it is its error, and not what failed after that."""

    def connect() -> SyncClient:
        raise UnreachableServer("nobody is there")

    source = Unclosable(silence(0.1))
    player = Remote(source, connect, live=True)
    player.start()
    assert player.join(DEADLINE_S) and player.done
    assert isinstance(player.error, UnreachableServer) and source.closed
