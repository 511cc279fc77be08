"""The server: doors, sockets, model, store, put together and taken down."""

import asyncio
import contextlib
import signal
import socket as sockets
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import CloseCode as WireCode
from websockets.http11 import Request, Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from emoscope.models.contract import ModelContract

from ..asr import Recognizer
from ..drive import product
from ..errors import UsageError
from ..events import Error, encode
from ..protocol import PATH, SUBPROTOCOL, CloseCode
from ..requests import Engine
from .doors import Doors, answer
from .hub import Hub
from .link import Link
from .logs import Log
from .metrics import Metrics
from .options import ServerOptions
from .store import Store, open_store

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

SEND_BUFFER = 65_536  # bytes the kernel holds for a client that does not read, so that it is noticed soon
CLOSE_TIMEOUT_S = 3.0


class Socket(ServerConnection):
    """Tells a client that sends too much what was wrong before the closing frame says so too."""

    def __init__(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        fail = protocol.fail

        def told(code: int, reason: str = "") -> None:
            if code == WireCode.MESSAGE_TOO_BIG and protocol.state is State.OPEN:
                message = f"a message of more than {protocol.max_message_size} bytes"
                protocol.send_text(encode(Error(code="message_too_large", message=message, fatal=True)))
            fail(code, reason)

        protocol.fail = told  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        raw = transport.get_extra_info("socket")
        if raw is not None:
            with contextlib.suppress(OSError):
                raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, SEND_BUFFER)
        super().connection_made(transport)


def socket_settings(options: ServerOptions) -> dict[str, Any]:
    """How every socket behaves, as arguments of `websockets.asyncio.server.serve`."""

    def subprotocol(_: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
        """Ours where it is offered; a client that offers none gets none, and the same messages."""
        return Subprotocol(SUBPROTOCOL) if SUBPROTOCOL in offered else None

    return {
        "create_connection": Socket,
        "subprotocols": [Subprotocol(SUBPROTOCOL)],
        "select_subprotocol": subprotocol,
        "compression": None,  # it would cost more processor time and memory than it saves in network
        "max_size": options.limits.max_frame_bytes,
        "ping_interval": 20,
        "ping_timeout": None,  # a busy client's late pong is no reason to cut it; `idle_timeout` is
        "close_timeout": CLOSE_TIMEOUT_S,
        "max_queue": 16,
        "backlog": 2_048,
        "server_header": product(),
    }


class Server:
    """One model, served. `start`, then `drain`, which ends it.

    trouble  says why the engine does not answer now, "" when it does
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        options: ServerOptions,
        store: Store | None = None,
        recognizers: Sequence[Recognizer] = (),
        trouble: Callable[[], str] = lambda: "",
    ) -> None:
        self.options, self._recognizers, self._trouble = options, recognizers, trouble
        self.metrics, self.log = Metrics(), Log()
        self._contract, self._engine = contract, engine
        self._store = open_store(options.store, 2 * options.max_sessions) if store is None else store
        self._draining = False
        self._store_works = True
        self._page: bytes | None = None
        self._port = options.port
        self.hub: Hub
        self._server: SocketServer
        self._checker: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """Where it listens, also when it was asked for any."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"{'wss' if self.options.cert else 'ws'}://{host}:{self.port}{PATH}"

    async def start(self) -> None:
        """Listen. UsageError when the address or the certificate cannot be used."""
        options = self.options
        self.hub = Hub(self._contract, self._engine, options, self._store, self.metrics, self.log, self._recognizers)
        doors = Doors(
            options,
            page=self._own_page,
            metrics=self.metrics.text,
            ready=self._ready,
            room=lambda: len(self.hub.links) < options.max_sessions,
        )

        def judge(_: ServerConnection, request: Request) -> Response | None:
            try:
                response = doors.open(request)
            except Exception:  # whatever a stranger sends must not be a traceback of the library's
                self.log.broke("http")
                response = answer(HTTPStatus.BAD_REQUEST, "not understood\n")
            if response is not None and response.status_code in (401, 403, 503):
                self.metrics.refused.labels(str(response.status_code)).inc()
            return response

        try:
            self._server = await serve(
                self._handle,
                options.host,
                options.port,
                process_request=judge,
                ssl=self._tls(),
                **socket_settings(options),
            )
        except OSError as error:
            await self.hub.close()
            raise UsageError(
                f"cannot listen on {options.host} port {options.port}: {error.strerror or error}"
            ) from None
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self._checker = asyncio.ensure_future(self._check_store())
        self.log.info(
            "listening", url=self.url, model=self._contract.id, store=options.store.partition("@")[2] or options.store
        )

    async def drain(self, within_s: float | None = None) -> None:
        """Accept nobody more, let finals out, say `shutting_down`, and be gone by then."""
        if self._draining:
            return
        self._draining = True
        within_s = self.options.drain_s if within_s is None else within_s
        self.log.info("draining", sessions=len(self.hub.links))
        self._server.close(close_connections=False)
        await self.hub.drain(within_s)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.wait_closed(), 2.0)
        if self._checker is not None:
            self._checker.cancel()
        await self.hub.close()
        self.log.info("drained")

    async def _handle(self, socket: ServerConnection) -> None:
        """One socket, from its opening to its end."""
        link = Link(self.hub, socket, self.hub.now())
        self.hub.join(link)
        self.log.info("opened", session=link.stream.id)
        try:
            await link.run()
        except Exception:
            self.hub.fault(link)
            await socket.close(CloseCode.MODEL_FAILED, "fault")
        finally:
            done = socket.close_code == CloseCode.DONE
            await self.hub.leave(link, done=done)
            self.log.info(
                "closed",
                session=link.stream.id,
                code=socket.close_code,
                audio_s=round(link.stream.audio_s, 3),
                dropped_s=round(link.stream.dropped_s, 3),
            )

    def _own_page(self) -> bytes:
        if self._page is None:
            self._page = (files(__package__) / "page.html").read_bytes()
        return self._page

    def _ready(self) -> dict[str, object]:
        if self._draining:
            return {"status": "draining"}
        if not self._store_works:
            return {"status": "no store"}
        if self._trouble():
            return {"status": "no model"}
        return {"status": "ready", "model": self._contract.id, "sessions": len(self.hub.links)}

    async def _check_store(self) -> None:
        while True:
            try:
                await self._store.check()
                self._store_works = True
            except Exception as error:
                if self._store_works:
                    self.log.error("store", message=str(error))
                self._store_works = False
            await asyncio.sleep(5.0)

    def _tls(self) -> ssl.SSLContext | None:
        if self.options.cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.options.cert, self.options.key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--cert {self.options.cert}, --key {self.options.key}: {error}") from None
        return context


async def run(
    contract: ModelContract,
    engine: Engine,
    options: ServerOptions,
    recognizers: Sequence[Recognizer] = (),
    *,
    trouble: Callable[[], str] = lambda: "",
) -> None:
    """Serve until SIGTERM or SIGINT, then drain."""
    server = Server(contract, engine, options, recognizers=recognizers, trouble=trouble)
    await server.start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    await server.drain()


@contextlib.asynccontextmanager
async def serving(
    model: "str | Path | StreamModel | tuple[ModelContract, Engine]" = "small",
    *,
    options: ServerOptions | None = None,
    store: Store | None = None,
    recognizers: Sequence[Recognizer] = (),
    **more: Any,
) -> AsyncIterator[Server]:
    """A server on a free loopback port, in this event loop, for as long as the block lasts; the model in this process.

    model    a name, a folder, a loaded model, or a contract with what answers its requests
    options  with `more` replaced in them
    recognizers  make the words; closed with the server

    >>> async with serving("small", max_sessions=10) as server:        # doctest: +SKIP
    ...     print(server.url)
    """
    if isinstance(model, tuple):
        contract, engine = model
    else:
        from ..loading import load

        contract, engine, _ = load(model)
    chosen = replace(options or ServerOptions(port=0, drain_s=2.0), **more)
    server = Server(contract, engine, chosen, store, recognizers)
    await server.start()
    try:
        yield server
    finally:
        await server.drain()
