"""One telephone call's connection: it is read as a session, whose events go to observers and the webhook."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from ...protocol.audio import encode_audio
from ...protocol.errors import ConfigInvalid, InvalidAudio, InvalidJson, ProtocolError
from ...protocol.events import AnyEvent
from ...protocol.messages import CloseCode, SessionResume, SessionUpdate
from ..client_socket import ClientSocket
from ..connection import Connection
from ..context import ServerContext
from ..entrances import Provider
from ..sockets import other_clients_turn, read_messages
from . import asterisk, media_streams
from .calls import CallAudio, CallBegan, CallEnded, CallMessage, CallRefused, Samples
from .tracks import Tracks

READERS: dict[Provider, Callable[[str | bytes], CallMessage | None]] = {
    "twilio": media_streams.read,
    "telnyx": media_streams.read,
    "signalwire": media_streams.read,
    "asterisk": asterisk.read,
}
"""The provider's messages, understood."""

LONGEST_NAME = 200  # characters of a call's name
LONGEST_REASON = 123  # bytes of a closing frame's reason (RFC 6455, section 5.5)


async def _no_resume(connection: Connection, message: SessionResume) -> None:
    """A provider asks for no earlier session."""


class PhoneConnection(Connection):
    """Nothing is sent to the provider: what it does not know would end its stream.

    The session outlives the socket until its finals are out, because a provider closes as soon as the call is over.
    """

    resumable = False

    def __init__(self, socket: ClientSocket, context: ServerContext, provider: Provider) -> None:
        self._provider, self._read = provider, READERS[provider]
        self._tracks: Tracks | None = None
        self._names: tuple[str, ...] = ()
        self._told: set[str] = set()
        self._closed = asyncio.Event()
        super().__init__(socket, context, _no_resume)

    async def run(self) -> None:
        """Read the call until it is over, and its session to its end."""
        async for message in read_messages(self.socket):
            if self.phase.is_final:
                continue
            try:
                await self._take(self._read(message))
            except (CallRefused, ConfigInvalid) as error:
                self._refuse("config_invalid", str(error))
                await self._hang_up(CloseCode.BAD_REQUEST, str(error))
            except ProtocolError as error:
                self._refuse(error.code, str(error), error.param)
        await self._hang_up(CloseCode.DONE, "the call is over")
        await self._closed.wait()

    async def _take(self, message: CallMessage | None) -> None:
        match message:
            case CallBegan():
                self._begin(message)
            case CallAudio():
                await self._hear(message)
            case CallEnded():
                await self._hang_up(CloseCode.DONE, "the call is over")

    def _begin(self, began: CallBegan) -> None:
        if self._tracks is not None:
            raise InvalidJson("the stream had begun already: this start is ignored")
        parameters = {**dict(parse_qsl(urlsplit(self.socket.path).query)), **began.parameters}
        names = began.tracks
        if parameters.get("tracks") == "both":  # Telnyx does not say which come
            names = media_streams.BOTH
        config: dict[str, Any] = {"sample_rate": began.codec.rate}
        if len(names) > 1:
            config |= {"channels": len(names), "channel_mode": "split"}
        if "language" in parameters:
            config["language"] = parameters["language"]
        self._send(self._runner.command(SessionUpdate(config=config)))
        self._tracks, self._names = Tracks(began.codec, names), names
        self._codec = began.codec
        self._greeted()
        name = parameters.get("session", began.call)[:LONGEST_NAME]
        self._context.feeds.rename(self.session.id, name)
        self._context.metrics.phone_calls.labels(self._provider).inc()
        self._context.log.info("call", session=self.session.id, provider=self._provider, name=name)
        self._timeouts.received_at = self._context.clock()

    async def _hear(self, chunk: CallAudio) -> None:
        if self._tracks is None:
            raise InvalidAudio("sound came before the start of the stream: it is not read until that comes")
        if chunk.track not in self._names:
            raise InvalidAudio(f"the track {chunk.track[:40]!r} was not announced; for two of them give tracks=both")
        if len(chunk.data) % self._codec.width:
            raise InvalidAudio("a chunk holds half a sample")
        self._timeouts.received_at = self._context.clock()
        late = self._tracks.late
        samples = self._tracks.accept(chunk)
        self._context.metrics.phone_late.inc(self._tracks.late - late)
        await self._hear_samples(samples)

    async def _hear_samples(self, samples: Samples) -> None:
        rate = self._codec.rate
        for begin in range(0, len(samples), rate):  # what was held, or a pause, may be longer than a frame
            if begin:
                await other_clients_turn()
            await self._receive_audio(encode_audio(samples[begin : begin + rate].reshape(-1), "pcm_s16le"))

    # --- events

    def _deliver(self, event: AnyEvent, data: bytes) -> None:
        self._sender.count(event, self._context.clock())

    def _refuse(self, code: str, message: str, param: str | None = None) -> None:
        """Told once a code: a provider repeats what is wrong fifty times a second."""
        if code not in self._told:
            self._told.add(code)
            self._context.log.warning("call", session=self.session.id, code=code, message=message)
            super()._refuse(code, message, param)
        else:
            self._context.metrics.errors.labels(code).inc()

    # --- the end

    async def _hang_up(self, code: int, reason: str) -> None:
        """No more sound comes: what was heard is read to its end."""
        if self.phase.is_final:
            return
        if self._tracks is None:
            self.close(code, reason.encode()[:LONGEST_REASON].decode(errors="ignore"))
            return
        await self._hear_samples(self._tracks.finish())
        self.finish()

    def _hear_held(self) -> None:
        """Read what was held for chunks before it, which do not come any more: at most a few seconds."""
        if self._tracks is None:
            return
        samples, rate = self._tracks.finish(), self._codec.rate
        for begin in range(0, len(samples), rate):
            if self.phase.accepts_audio:
                self._feed(samples[begin : begin + rate])

    def drain(self, timeout_s: float) -> None:
        """The server shuts down: what was heard is read to its end."""
        self._hear_held()
        super().drain(timeout_s)

    def _idle(self, timeout_s: float) -> None:
        """The provider sends nothing any more, and has not said `stop`."""
        if self._tracks is None:
            self.close(CloseCode.IDLE, f"no start came within {timeout_s:g} s")
        else:
            self._refuse("idle_timeout", f"nothing came for {timeout_s:g} s: what was heard is read to its end")
            self._hear_held()
            self.finish()

    def close(self, code: int, reason: str) -> None:
        """As for a client; whoever waits for the session's end goes on."""
        super().close(code, reason)
        self._closed.set()

    def abort(self) -> None:
        """As for a client; nobody waits for the session's end any more."""
        super().abort()
        self._closed.set()
