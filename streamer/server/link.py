"""One socket: what a client says, done to its stream; what the stream says, sent."""

import asyncio
import math
import secrets
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import ServerConnection, broadcast
from websockets.exceptions import ConnectionClosed

from ..protocol.audio import decode_audio
from ..protocol.errors import ConfigInvalid, InvalidAudio, ProtocolError
from ..protocol.events import AnyEvent, EmotionInterim, Error, SessionClosed, SessionUpdated
from ..protocol.messages import (
    FATAL,
    STATUS_S,
    CloseCode,
    Enroll,
    Finish,
    Flush,
    Keepalive,
    Reset,
    SessionResume,
    SessionUpdate,
    decode_client,
)
from ..session.requests import Result
from ..session.session import Output
from .allowance import TURN_MESSAGES, Allowance
from .arrivals import Arrivals
from .backlog import Backlog
from .greeting import channels, greeting
from .input_check import InputCheck
from .keeper import Keeper
from .outbox import Outbox
from .parting import part
from .resuming import resume
from .stored import hashed
from .stream import Stream, Voice, broke

if TYPE_CHECKING:
    from .hub import Hub


class Link:
    """Lives as long as its socket. Everything here runs on the event loop and never waits for the model."""

    def __init__(self, hub: "Hub", socket: ServerConnection, now: float) -> None:
        self.hub, self.socket = hub, socket
        self.heard_at = now
        self.next_status = now + STATUS_S
        self.outbox = Outbox(lambda data: broadcast([socket], data.decode()), socket.transport.get_write_buffer_size)
        self.leaving = False
        self.finish_by = math.inf
        self.going = False  # the server ends the session, not its client
        self._over: asyncio.Task[None] | None = None
        self._check: InputCheck | None = None
        self._arrivals = Arrivals(hub.metrics.lag.observe)
        self._allowance = Allowance(hub.options.messages_s, now)
        self._spoken = self._busy = self._refused = False
        self.backlog, self.keeper = Backlog(self), Keeper(self)
        self._next_report_s = 0.0
        token = secrets.token_urlsafe(24)
        event = greeting(hub.contract, hub.default_config, hub.options.limits, token)
        self.stream = Stream(event.session_id, hashed(token), hub.contract, hub.default_config)
        self.stream.stored_s = 0.0 if hub.store.outlives else math.inf
        self.emit(None, event)
        self._refuse_words()

    # --- what goes out

    def emit(self, voice: Voice | None, event: AnyEvent) -> None:
        """Send an event, or keep it until the socket takes it."""
        data = self.stream.wire(voice, event)
        if data is None or self.leaving:
            return
        self.hub.metrics.events.labels(event.type).inc()
        self.outbox.push(event, data)
        if isinstance(event, EmotionInterim):
            self._arrivals.left(event.end, self.hub.now())

    def error(self, code: str, message: str, param: str | None = None) -> None:
        """Something was refused; the session goes on."""
        self.hub.metrics.errors.labels(code).inc()
        self.emit(None, Error(code=code, message=message, fatal=False, param=param))

    def end(self, code: str, message: str, close: int | None = None) -> None:
        """The connection is over, and why."""
        if self.leaving:
            return
        self.hub.ended(self, code)
        self.emit(None, Error(code=code, message=message, fatal=True))
        self.close(FATAL[code] if close is None else close, code)

    def _refuse_words(self) -> None:
        """Words that cannot be had are said to be missing, once."""
        for warning in [] if self._refused else self.hub.words.offer.refusal(self.stream.config.language):
            self._refused = True
            self.emit(None, warning)

    def close(self, code: int, reason: str) -> None:
        """Nothing more is sent after what was; what is unsent for long is given up."""
        self.leaving = True
        if self._over is None:
            self._over = asyncio.ensure_future(part(self.socket, self.outbox, code, reason))

    # --- what comes in

    async def run(self) -> None:
        """Until the socket is closed, by whomever."""
        heard = 0
        try:
            async for message in self.socket:
                heard += 1
                if heard % TURN_MESSAGES == 0:  # what has come already is read without a pause: the others wait
                    await asyncio.sleep(0)
                if self.leaving:
                    continue
                self.heard_at = self.hub.now()
                if isinstance(message, bytes):
                    await self._hear(message)
                else:
                    await self._obey(message)
        except ConnectionClosed:
            pass

    async def _obey(self, text: str) -> None:
        if not self._allowance.take(self.hub.now()):
            if self._allowance.tell():
                self.error("rate_limited", f"more than {self._allowance.rate:g} messages a second: the rest go unread")
            return
        try:
            await self._follow(decode_client(text))
        except (ProtocolError, ConfigInvalid) as error:
            self.error(getattr(error, "code", "config_invalid"), str(error), error.param)
        self._spoken = True

    async def _follow(self, message: Any) -> None:
        stream = self.stream
        match message:
            case SessionUpdate(config=values):
                if stream.begun:
                    self.error("config_locked", "audio has come already: options are fixed until the session ends")
                    return
                wanted = values.get("transcript", stream.config.transcript)
                self.emit(None, SessionUpdated(config=stream.configure(values, self.hub.words.offer)))
                if wanted:
                    self._refuse_words()
                for event in channels(self.hub.contract, stream.config, self.hub.options.limits, stream.id):
                    self.emit(None, event)
            case Keepalive(last_seq=last_seq):
                stream.acknowledge(last_seq)
                self.report()
            case SessionResume():
                await self._resume(message)
            case Finish():
                if not stream.finishing:
                    self.finish(self.hub.options.finish_s if stream.config.pace == "realtime" else math.inf)
            case Flush() if not stream.finishing:
                self.take(stream.flush())
            case Reset() if not stream.finishing:
                self.take(stream.reset())
            case Enroll(seconds=seconds) if not stream.finishing:
                self.take(stream.enroll(seconds))

    async def _resume(self, message: SessionResume) -> None:
        if self._spoken or self.stream.begun:
            self.error("config_locked", "session.resume must be the first message on a new socket")
            return
        self._busy = True
        try:
            await resume(self.hub, self, message)
        finally:
            self._busy = False

    async def _hear(self, frame: bytes) -> None:
        stream, config = self.stream, self.stream.config
        if self.going:
            return  # it was not the client who finished: it will be told
        try:
            if stream.finishing:
                raise InvalidAudio("audio after finish: open a new session for more")
            samples = decode_audio(frame, config, self.hub.options.limits.max_frame_s)
            stream.check(samples)
        except ProtocolError as error:
            self.error(error.code, str(error), error.param)
            return
        if not len(samples):
            return
        # A second at a time, with everybody else's turn between: a long frame must not hold the loop up.
        for begin in range(0, len(samples), config.sample_rate):
            if begin:
                await asyncio.sleep(0)
            if self.leaving or stream.finishing:
                return
            self._feed(samples[begin : begin + config.sample_rate])
        self._check = self._check or InputCheck(config)
        for warning in self._check.hear(samples, self.hub.now()):
            self.emit(None, warning)
        self.backlog.shed()
        if stream.audio_s > self.hub.options.max_session_s:
            self.end("session_expired", f"a session hears {self.hub.options.max_session_s:g} s at most; open a new one")

    def _feed(self, samples: Any) -> None:
        stream = self.stream
        first = not stream.begun
        outputs = stream.feed(samples)
        self.hub.metrics.audio.inc(len(samples) / stream.config.sample_rate)
        self._arrivals.heard(stream.audio_s, self.hub.now())
        self.take(outputs)
        self.keeper.heard(first)

    # --- what the stream brings

    def take(self, outputs: list[tuple[Voice, Output]]) -> None:
        """What a call on the stream brought."""
        for voice, output in outputs:
            self.step(voice, output)

    def step(self, voice: Voice, output: Output) -> None:
        """Let the events out, and put the requests in line."""
        durable = False
        for event in output.events:
            if isinstance(event, Error) and event.fatal:
                self.end(event.code, event.message)
                return
            self.emit(voice, event)
            durable = durable or hasattr(event, "seq")
            voice.closed = voice.closed or isinstance(event, SessionClosed)
        if output.requests:
            self.hub.submit(self, voice, output.requests)
        if durable:
            self.keeper.keep()
        self._end_if_closed()

    def results(self, voice: Voice, results: list[Result], busy_s: float) -> None:
        """What the engine has ready."""
        if self.leaving or voice.gone:
            return
        if (message := broke(results)) is not None:
            self._model_broke(message)
            return
        self.stream.failures = 0
        self._apply(voice, results, busy_s)

    def words(self, voice: Voice, result: Result) -> None:
        """What a recognizer has said, or why not; when it failed, the session goes on without words."""
        if not (self.leaving or voice.gone):
            self._apply(voice, [result], 0.0)

    def _apply(self, voice: Voice, results: list[Result], busy_s: float) -> None:
        self.step(voice, self.stream.apply(voice, results, busy_s))
        if self.stream.config.pace == "fast" and self.stream.processed_s >= self._next_report_s:
            self._next_report_s = self.stream.processed_s + self.backlog.limit_s / 4
            self.report()

    def _model_broke(self, message: str) -> None:
        """The requests stay open: whoever resumes the session asks them again, unless that has failed before."""
        self.stream.failures += 1
        self.hub.log.error("model failed", session=self.stream.id, message=message)
        self.end("model_failed", message)

    def _end_if_closed(self) -> None:
        if self.stream.closed and self.going:
            self.end("shutting_down", "the server is going down; the session was read out")
        elif self.stream.closed:
            self.close(CloseCode.DONE, "finished")

    def report(self) -> None:
        """A `status`, out of turn or in."""
        if not self.leaving and not self._busy:
            self.emit(None, self.stream.status())

    # --- time passing

    def tick(self, now: float) -> None:
        """About once a second, and more often where something waits."""
        if self.leaving:
            return
        options = self.hub.options
        if now >= self.next_status:
            self.next_status = max(self.next_status + STATUS_S, now + STATUS_S / 2)
            self.report()
            if now - self.heard_at > options.limits.idle_timeout_s and not self.stream.finishing:
                self.end("idle_timeout", f"nothing came for {options.limits.idle_timeout_s:g} s")
                return
            if self.outbox.stuck_s(now) > options.slow_s or self.outbox.overfull:
                self.end("slow_consumer", f"events were not read for {options.slow_s:g} s")
                return
            self.backlog.shed()
            self.keeper.renew(now)
        if now > self.finish_by:
            self.finish_by = math.inf
            self.backlog.time_out()

    def finish(self, within_s: float) -> None:
        """Read everything out, by then."""
        self.finish_by = min(self.finish_by, self.hub.now() + within_s)
        if not self.stream.finishing:
            self.take(self.stream.finish())
