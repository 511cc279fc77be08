"""A live source whose session is on a server: what `Live` is for a session here, by way of a client."""

import time
from collections.abc import Callable

import msgspec
import numpy as np
import numpy.typing as npt

from ..client import SyncClient
from ..protocol.errors import EmoscopeError, ServerError, UnusableDevice
from ..protocol.events import AnyEvent, Error, SessionCreated, SessionResumed, Status, WarningEvent
from ..sources.microphone import Source
from .input_watch import InputWatch
from .news import Note, Tick
from .player import ENROLL_S, READ_S, TICK_S, ThreadedPlayer

FINISH_S = 1.2  # after a wish to stop, what is still under way may take so long
AWAY_S = 1.0  # a connection that is back sooner is not worth a word


class Sending(ThreadedPlayer):
    """Runs until the source ends, breaks, or `stop`. A `Player`: `news()` says what happens, `error` why it ended.

    source   anything that is listened to; closed at the end
    connect  makes the client; it is entered in the sending thread, while the source is already heard
    live     a microphone: what it says while paused is gone, and an utterance ends there
    seconds  stop after so much audio
    """

    def __init__(
        self, source: Source, connect: Callable[[], SyncClient], *, live: bool, seconds: float | None = None
    ) -> None:
        super().__init__("emoscope sending")
        self.source = source
        self._connect, self._live, self._seconds = connect, live, seconds
        self._watch = InputWatch(source.sample_rate)
        self._envelope: list[float] = []
        self._last_tick, self._lost_s, self._dropped_s, self._lag_s = 0.0, 0.0, 0.0, 0.0
        self._away_since: float | None = None
        self._away_told = False
        self._client: SyncClient

    def reset(self) -> None:
        """Forget the mood and the context; clock and numbers go on."""
        self._asked.put(self._reset)

    def learn_voice(self) -> None:
        """The next seconds of speech are calm, and become the voice's baseline."""
        self._asked.put(lambda: self._client.enroll(ENROLL_S))

    def _reset(self) -> None:
        self._client.reset()

    def _run(self) -> None:
        try:
            with self._connect() as self._client:
                self._send()
        except BaseException as error:  # a thread's errors are its owner's to raise
            self.error = error
        finally:
            self.source.close()
            self._done.set()

    def _send(self) -> None:
        client, broken = self._client, None
        try:
            while not self._stop.is_set() and not client.ended:
                self._listen()
                if not client.ready_to_send:  # the server is behind, and a file can wait
                    time.sleep(READ_S)
                elif not self._hear():
                    break
        except ServerError:
            pass  # told below, after the events that came before it
        except EmoscopeError as error:
            broken = error
            code = "device_lost" if isinstance(error, UnusableDevice) else "invalid_audio_frame"
            self._emit(Error(code=code, message=str(error), fatal=True))
        self._finish()
        if broken is not None:
            raise broken

    def _finish(self) -> None:
        """The events that are left: all of them, unless somebody wants to leave."""
        client = self._client
        client.finish()
        until = float("inf")
        while not client.ended and time.monotonic() < until:
            if self._stop.is_set():
                until = min(until, time.monotonic() + FINISH_S)
            self._listen()
            time.sleep(READ_S)
        self._listen()
        self._tick(last=True)
        client.raise_error()

    def _listen(self) -> None:
        """Do what was asked, and hand on what the server said."""
        while not self._asked.empty():
            try:
                self._asked.get()()
            except EmoscopeError as error:  # it is over meanwhile
                self._news.put(Note(str(error)))
        for event in self._client.poll():
            self._emit(event)
        self._notice()
        self._tick()

    def _hear(self) -> bool:
        """Send what the source has; false when it has come to its end."""
        captured = self.source.read(READ_S)
        if captured is None:
            return False
        if self._paused:
            return True
        if captured.overflows:
            self._lost("the system lost audio before it reached us: it is too busy", 0.0)
        if captured.lost and self._client.audio_s > 0:
            lost_s = captured.lost / self.source.sample_rate
            self._lost_s += lost_s
            self._lost(f"{lost_s:.1f} s of audio were not taken in time; heard as silence", lost_s)
            self._take(np.zeros((captured.lost, self.source.channels), np.float32))
        self._take(captured.samples)
        return self._seconds is None or self._client.audio_s < self._seconds

    def _lost(self, message: str, seconds: float) -> None:
        start = self._client.audio_s
        end = round(start + seconds, 3) if seconds else None
        self._emit(WarningEvent(code="audio_dropped", message=message, start=round(start, 3), end=end))

    def _take(self, samples: npt.NDArray[np.float32]) -> None:
        if len(samples):
            self._envelope += self._watch.envelope(samples)
            self._client.send(samples)

    def _hold(self, paused: bool) -> None:
        if paused == self._paused:
            return
        self._paused = paused
        self.source.hold(paused)
        if paused and self._live:
            self._client.flush()

    def _notice(self) -> None:
        """Say once that the connection is away, and once that it is back."""
        if self._client.connected or self._client.ended:
            if self._away_told:
                self._news.put(Note("connected again: the session goes on, nothing was lost on the way"))
            self._away_since, self._away_told = None, False
            return
        now = time.monotonic()
        self._away_since = now if self._away_since is None else self._away_since
        if not self._away_told and now - self._away_since > AWAY_S:
            self._away_told = True
            self._news.put(Note("the connection is lost: audio is kept here, and the server is tried again"))

    def _emit(self, event: AnyEvent) -> None:
        match event:
            case SessionCreated():
                # The token is whoever has it; it belongs in no file, and on no screen.
                event = msgspec.structs.replace(event, source=self.source.name, resume_token=None)
            case Status():
                self._lag_s, self._dropped_s = event.lag_s.audio, event.dropped_s
            case SessionResumed() if not self._away_told:
                self._news.put(Note("the connection was lost for a moment: the session goes on, nothing was lost"))
        self._write(event)
        self._news.put(event)

    def _tick(self, *, last: bool = False) -> None:
        now, client = time.monotonic(), self._client
        if now - self._last_tick < TICK_S and not last:
            return
        self._last_tick = now
        lag_s = self._lag_s if client.connected else client.audio_s - client.processed_s
        levels, self._envelope = tuple(self._envelope), []
        self._news.put(Tick(client.audio_s, levels, lag_s, self._dropped_s, self._paused, self._lost_s))
