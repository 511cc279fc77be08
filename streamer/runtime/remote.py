"""A live source whose session is on a server: what `Live` is for a session here, through a client."""

import math
import time
from collections.abc import Callable

import msgspec

from ..client import SyncClient
from ..protocol.errors import EmoscopeError, ServerError
from ..protocol.events import AnyEvent, SessionCreated, SessionResumed, Status
from ..sources.microphone import Source
from .capture import READ_TIMEOUT_S, source_error
from .player import ENROLL_S, PlayerThread
from .updates import Notice

STOP_TIMEOUT_S = 1.2  # what is still under way when somebody stops the session may take so long
DISCONNECTED_S = 1.0  # a connection that is back sooner is not worth a notice


class Remote(PlayerThread):
    """Runs until the source ends or fails, or `stop`. A `Player`: `updates()` returns events, `error` why it ended.

    source   a live source; closed at the end
    connect  makes the client; it is entered in the thread, while the source captures audio already
    live     a microphone: what is said while it is paused is not sent, and an utterance ends there
    seconds  stop after so much audio
    """

    _checks_input = False  # the server does

    def __init__(
        self, source: Source, connect: Callable[[], SyncClient], *, live: bool, seconds: float | None = None
    ) -> None:
        super().__init__("emoscope remote", source, live=live)
        self._connect, self._seconds = connect, seconds
        self._dropped_s, self._lag_s = 0.0, 0.0
        self._disconnected_at: float | None = None
        self._disconnection_reported = False
        self._client: SyncClient

    def reset(self) -> None:
        """Forget the mood and the context; clock and numbers go on."""
        self._commands.put(lambda: self._client.reset())  # noqa: PLW0108 - there may be no client yet

    def enroll(self) -> None:
        """The next seconds of speech are calm, and become the voice's baseline."""
        self._commands.put(lambda: self._client.enroll(ENROLL_S))

    # --- in the thread

    def _run(self) -> None:
        try:
            with self._connect() as self._client:
                self._send()
        except BaseException as error:  # an error of the thread is raised by whoever owns it
            self.error = error
        finally:
            self._end(self.source.close)

    def _send(self) -> None:
        client, failure = self._client, None
        try:
            while not self._stop.is_set() and not client.ended:
                self._receive()
                if not client.ready_to_send:  # the server is behind, and a file can wait
                    time.sleep(READ_TIMEOUT_S)
                elif not self._send_captured():
                    break
        except ServerError:
            pass  # raised below, after the events that came before it
        except EmoscopeError as error:
            failure = error
            self._emit(source_error(error))
        self._finish()
        if failure is not None:
            raise failure

    def _finish(self) -> None:
        """Receive the events that are left: all of them, unless somebody stops the session."""
        client = self._client
        client.finish()
        deadline = math.inf
        while not client.ended and time.monotonic() < deadline:
            if self._stop.is_set():
                deadline = min(deadline, time.monotonic() + STOP_TIMEOUT_S)
            self._receive()
            time.sleep(READ_TIMEOUT_S)
        self._receive()
        self._show_meter(last=True)
        client.raise_error()

    def _receive(self) -> None:
        """Run the queued commands, and emit the events that the server has sent."""
        self._run_commands()
        for event in self._client.poll():
            self._emit(event)
        self._report_connection()
        self._show_meter()

    def _send_captured(self) -> bool:
        """Send what the source has; false at its end."""
        captured = self._capture.read(self._client.audio_s)
        if captured is None:
            return False
        for warning in captured.warnings:
            self._emit(warning)
        for block in captured.blocks:
            self._client.send(block)
        return self._seconds is None or self._client.audio_s < self._seconds

    def _flush(self) -> None:
        self._client.flush()

    def _report_connection(self) -> None:
        """A notice when the connection is lost for longer, and one when it is back."""
        if self._client.connected or self._client.ended:
            if self._disconnection_reported:
                self._put(Notice("connected again: the session goes on, nothing was lost on the way"))
            self._disconnected_at, self._disconnection_reported = None, False
            return
        now = time.monotonic()
        self._disconnected_at = now if self._disconnected_at is None else self._disconnected_at
        if not self._disconnection_reported and now - self._disconnected_at > DISCONNECTED_S:
            self._disconnection_reported = True
            self._put(Notice("the connection is lost: audio is kept here, and the server is tried again"))

    def _emit(self, event: AnyEvent) -> None:
        match event:
            case SessionCreated():
                # The token gives access to the session, so it belongs in no file and on no screen.
                event = msgspec.structs.replace(event, source=self.source.name, resume_token=None)
            case Status():
                self._lag_s, self._dropped_s = event.lag_s.audio, event.dropped_s
            case SessionResumed() if not self._disconnection_reported:
                self._put(Notice("the connection was lost for a moment: the session goes on, nothing was lost"))
        self._write(event)
        self._put(event)

    def _show_meter(self, *, last: bool = False) -> None:
        client = self._client
        lag_s = self._lag_s if client.connected else client.audio_s - client.processed_s
        if (meter := self._capture.meter(client.audio_s, lag_s, self._dropped_s, last=last)) is not None:
            self._put(meter)
