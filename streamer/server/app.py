"""The server: doors, sockets, model, store, put together and taken down."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from emoscope.models.contract import ModelContract

from ..asr import Recognizer
from ..protocol.errors import UsageError
from ..protocol.messages import PATH, CloseCode
from ..runtime.leaving import Leaving
from ..session.requests import Engine
from .doors import Doors, answer
from .draining import STORED, Deadline, drain, ended
from .hub import Hub
from .link import Link
from .logs import Log
from .metrics import Metrics
from .options import ServerOptions
from .sockets import Socket, socket_settings
from .store import Store, open_store

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel


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
        self._sockets: WeakSet[Socket] = WeakSet()

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
            foreign=lambda origin, advice: self.log.info("page turned away", origin=origin, message=advice),
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
                **{**socket_settings(options), "create_connection": self._new_socket},
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
        deadline = Deadline(self.options.drain_s if within_s is None else within_s)
        self.log.info("draining", sessions=len(self.hub.links))
        self._server.close(close_connections=False)
        await drain(self.hub, deadline)
        for socket in list(self._sockets):  # those that are left, and those that never said what they want
            # One whose TLS handshake is not over has no transport yet; it is not waited for beyond the deadline.
            if (transport := getattr(socket, "transport", None)) is not None:
                transport.abort()
        await ended(self._server.wait_closed(), within_s=deadline.left_s(STORED))
        if self._checker is not None:
            self._checker.cancel()
        await self.hub.close(deadline)
        self.log.info("drained")

    def _new_socket(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> Socket:
        socket = Socket(protocol, server, **options)
        self._sockets.add(socket)
        return socket

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
            if isinstance(socket, Socket) and socket.too_large:
                self.hub.ended(link, "message_too_large")
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
    store: Store | None = None,
    leaving: Leaving | None = None,
    trouble: Callable[[], str] = lambda: "",
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; the process ends within `drain_s`, if need be in the middle.

    leaving  where the signals are looked after already
    """
    with contextlib.ExitStack() as stack:
        leaving = leaving or stack.enter_context(Leaving(options.drain_s, Log().late))
        server = Server(contract, engine, options, store, recognizers, trouble)
        await server.start()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        leaving.wake(lambda: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        await server.drain(leaving.left_s)


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
        from ..engine.opening import open_engine

        opened = open_engine(model, many_sessions=True)
        contract, engine = opened.contract, opened.engine
    chosen = replace(options or ServerOptions(port=0, drain_s=2.0), **more)
    server = Server(contract, engine, chosen, store, recognizers)
    await server.start()
    try:
        yield server
    finally:
        await server.drain()
