"""One client's connection: messages come in, and its phase says what is possible; `outgoing` sends the events."""

import math
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from ..protocol.errors import ConfigInvalid, InvalidAudio, ProtocolError
from ..protocol.events import SessionResumed
from ..protocol.messages import AnyMessage, Finish, Keepalive, SessionResume, decode_client
from ..session.requests import Result
from .checkpoint import hash_token
from .checkpoint_writer import CheckpointWriter
from .client_session import ChannelSession, ClientSession
from .client_socket import ClientSocket
from .context import ServerContext
from .outgoing import Outgoing
from .phase import Phase
from .rate_limiter import RateLimiter
from .session_runner import SessionRunner
from .sockets import other_clients_turn, read_messages
from .timeouts import ConnectionTimeouts


class Connection(Outgoing):
    """Lives as long as its socket. Everything here runs on the event loop and never waits for the model.

    session           the client's session: a new one, until an earlier one is resumed
    resumable         whether the session waits for another connection when this one is lost
    session_released  another connection, here or on another server, has resumed the session
    """

    resumable = True

    def __init__(
        self,
        socket: ClientSocket,
        context: ServerContext,
        resume: Callable[["Connection", SessionResume], Awaitable[None]],
    ) -> None:
        """resume: finds an earlier session and calls `adopt` with it, or `end`."""
        super().__init__(socket, context)
        self._find_session = resume
        now = context.clock()
        self._rate_limiter = RateLimiter(context.options.messages_s, now)
        self._timeouts = ConnectionTimeouts(now, context.options.limits.idle_timeout_s)
        self._sends_keepalives = False
        token = secrets.token_urlsafe(24)
        created = context.configs.created(token)
        self._set_session(ClientSession(created.session_id, hash_token(token), context.contract, created.config))
        self._emit(None, created)
        self._send(self._runner.text_disabled())

    def _set_session(self, session: ClientSession) -> None:
        if not self._context.checkpoints.outlive_process:
            session.stored_s = math.inf
        self.session, self.session_released = session, False
        self._runner = SessionRunner(session, self._context, self)
        self._writer = CheckpointWriter(self._context.checkpoints, session, self.release_session)
        self._context.feeds.open(session.id, lambda: session.audio_s)

    # --- messages and audio

    async def run(self) -> None:
        """Read messages until the socket is closed, by whichever side."""
        async for message in read_messages(self.socket):
            if self.phase is Phase.CLOSING:
                continue
            self._timeouts.received_at = self._context.clock()
            if isinstance(message, bytes):
                await self._receive_audio(message)
            else:
                await self._receive_text(message)

    async def _receive_text(self, text: str) -> None:
        limiter = self._rate_limiter
        if not limiter.allow(self._context.clock()):
            if limiter.should_report():
                self._refuse("rate_limited", f"more than {limiter.rate:g} messages a second: the rest go unread")
            return
        try:
            await self._handle(decode_client(text))
        except (ProtocolError, ConfigInvalid) as error:
            self._refuse(getattr(error, "code", "config_invalid"), str(error), error.param)
        self._greeted()

    async def _handle(self, message: AnyMessage) -> None:
        match message:
            case SessionResume():
                await self._resume(message)
            case Keepalive(last_seq=last_seq):
                self._sends_keepalives = True
                self.session.unacknowledged.acknowledge(last_seq)
                self._report_status()
            case Finish() if self.phase.accepts_audio:
                self.finish()
            case _:
                self._send(self._runner.command(message))

    def _greeted(self) -> None:
        if self.phase is Phase.GREETING:
            self.phase = Phase.ACTIVE

    async def _receive_audio(self, frame: bytes) -> None:
        session, options = self.session, self._context.options
        if self.phase is Phase.DRAINING:
            return  # the client has not finished; it is told that the server shuts down
        try:
            if not self.phase.accepts_audio:
                raise InvalidAudio("audio after finish: open a new session for more")
            samples = session.decode(frame, options.limits.max_frame_s)
        except ProtocolError as error:
            self._refuse(error.code, str(error), error.param)
            return
        if not len(samples):
            return
        self._greeted()
        # One second at a time, and the other clients in between, so that a long frame does not delay the event loop.
        for begin in range(0, len(samples), session.config.sample_rate):
            if begin:
                await other_clients_turn()
            if self.phase is not Phase.ACTIVE:
                return
            self._feed(samples[begin : begin + session.config.sample_rate])
        self._send(self._runner.check_input(samples, self._context.clock()))
        self._send(self._runner.shed_load_in_turn())
        if session.audio_s > options.max_session_s:
            self.end("session_expired", f"a session takes at most {options.max_session_s:g} s of audio; open a new one")

    def _feed(self, samples: Any) -> None:
        events = self._runner.feed(samples)
        now = self._context.clock()
        self._context.metrics.audio.inc(len(samples) / self.session.config.sample_rate)
        self._sender.audio_arrived(self.session.audio_s, now)
        self._send(events)
        self._writer.audio_accepted(now)

    # --- an earlier session

    async def _resume(self, message: SessionResume) -> None:
        if self.phase is not Phase.GREETING:
            self._refuse("config_locked", "session.resume must be the first message on a new socket")
            return
        self.phase = Phase.RESUMING
        try:
            await self._find_session(self, message)
        finally:
            if self.phase is Phase.RESUMING:
                self.phase = Phase.ACTIVE

    def adopt(self, session: ClientSession, missed: list[bytes]) -> None:
        """Continue an earlier session instead of the new one; `missed` are its events that the client has not got."""
        self._context.feeds.discard(self.session.id)
        self._set_session(session)
        self._context.feeds.restore(session.id, self._context.configs.restored(session.id, session.config))
        self._writer.request(self._context.clock())  # the checkpoint that was found expires soon
        for channel in session.channels:
            self._emit(channel, SessionResumed(audio_s=session.audio_s, next_seq=channel.session.next_seq))
        if self.phase is not Phase.CLOSING:
            for data in missed:
                self._sender.send_again(data)
        self._send(self._runner.resume())
        if session.finished:
            self.finish()

    def release_session(self) -> None:
        """Another connection, here or on another server, has resumed the session: let go of it."""
        self.session_released = True
        self._runner.cancel()  # whoever continues the session submits its requests again
        # The session goes on, so its observers are not told that it ended.
        self.end("session_taken", "another connection has resumed this session", publish=False)

    # --- results

    def receive_results(self, channel: ChannelSession, results: list[Result], busy_s: float) -> None:
        """Results of the engine. When it failed, the requests stay open: they are submitted again after a resume."""
        with self.isolate_faults():
            if self.phase is Phase.CLOSING:
                return
            failure = self._context.failures.of(self.session, results)
            if failure is not None:
                self._context.log.error("model failed", session=self.session.id, message=failure)
                self.end("model_failed", failure)
                return
            self._send(self._runner.apply(channel, results, busy_s))

    def receive_transcript(self, channel: ChannelSession, result: Result) -> None:
        """The result of a recognizer. When it failed, the session continues without transcripts."""
        with self.isolate_faults():
            if self.phase is not Phase.CLOSING:
                self._send(self._runner.apply(channel, [result]))

    # --- time

    def tick(self, now: float) -> None:
        """To be called many times a second: sends what waits, and about once a second checks every limit."""
        self._sender.outbox.pump()
        if self.phase is not Phase.CLOSING and self._timeouts.status_due(now):
            self._report_status()
            self._check_limits(now)
        if self.phase is not Phase.CLOSING and self._timeouts.finish_passed(now):
            self._send(self._runner.time_out())

    def _check_limits(self, now: float) -> None:
        options = self._context.options
        if self._timeouts.is_idle(now) and not self.phase.is_final:
            self._idle(options.limits.idle_timeout_s)
        elif self._sender.outbox.stuck_s(now) > options.slow_s or self._sender.outbox.overfull:
            self.end("slow_consumer", f"events were not read for {options.slow_s:g} s")
        else:
            self._check_pause()
            self._send(self._runner.shed_load())
            self._writer.renew(now)

    def _check_pause(self) -> None:
        """A live client that is muted, or sends nothing in silence, gets the final of what it said before."""
        pauses = self._timeouts.audio_pauses(self.session.audio_s)
        if pauses and self.phase is Phase.ACTIVE and self.session.config.pace == "realtime":
            self._send(self._runner.end_utterances())

    def _idle(self, timeout_s: float) -> None:
        """First what was heard is read, as after a `finish`; called once a second until the connection is closed.

        A client of whose keepalives none arrives has lost its way up: it resumes, and its utterance goes on.
        """
        if not self._sends_keepalives:
            self._send(self._runner.end_utterances())
        if self.session.awaited and not self._timeouts.idle_passed(
            self._context.clock(), self._context.options.finish_s
        ):
            return
        self.end("idle_timeout", f"nothing came for {timeout_s:g} s")

    # --- the end

    def finish(self) -> None:
        """The client sends no more audio: read out what is pending, a live session within `finish_s`."""
        live = self.session.config.pace == "realtime"
        self._finish(Phase.FINISHING, self._context.options.finish_s if live else math.inf)

    def drain(self, timeout_s: float) -> None:
        """The server shuts down: finish the session if its client has not, within `timeout_s`."""
        self._finish(Phase.DRAINING, timeout_s)

    def _finish(self, phase: Phase, timeout_s: float) -> None:
        self._timeouts.finish_within(self._context.clock(), timeout_s)
        if self.phase.is_final:
            return
        self.phase = phase
        if not self.session.finished:
            self._send(self._runner.finish())

    def disconnected(self) -> None:
        """The socket is closed: nothing of the session is computed or written from here any more."""
        self.phase = Phase.CLOSING
        self._writer.stop()
        self._runner.cancel()
