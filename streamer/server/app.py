"""The server: a session service and the sockets on which it listens, started and shut down together."""

import ssl
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from emoscope.models.contract import ModelContract

from ..asr import SpeechRecognizer
from ..protocol.errors import UsageError
from ..protocol.messages import PATH
from ..session.requests import Engine
from .deadline import Deadline, wait_all
from .draining import STORED_BY, drain
from .options import ServerOptions
from .session_service import SessionService
from .sockets import Socket, socket_settings
from .store import Store


class Server(SessionService):
    """One model, served. `start`, then `drain`, which ends it.

    engine_failure  why the engine does not answer at the moment, "" while it does
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        options: ServerOptions,
        store: Store | None = None,
        recognizers: Sequence[SpeechRecognizer] = (),
        engine_failure: Callable[[], str] = lambda: "",
    ) -> None:
        super().__init__(contract, engine, options, store, recognizers, engine_failure)
        self._port = options.port
        self._server: SocketServer
        self._sockets: WeakSet[Socket] = WeakSet()

    @property
    def port(self) -> int:
        """The port that it listens on, also when the options asked for any free one."""
        return self._port

    @property
    def url(self) -> str:
        """Where clients connect."""
        host = f"[{self.options.host}]" if ":" in self.options.host else self.options.host
        return f"{'wss' if self.options.cert else 'ws'}://{host}:{self.port}{PATH}"

    async def start(self) -> None:
        """Listen. UsageError when the address or the certificate cannot be used."""
        options = self.options
        self.assemble()

        def process_request(socket: ServerConnection, request: Request) -> Response | None:
            return self.answer(request, socket)

        try:
            self._server = await serve(
                self._handle,
                options.host,
                options.port,
                process_request=process_request,
                ssl=self._tls(),
                **{**socket_settings(options), "create_connection": self._new_socket},
            )
        except OSError as error:
            await self.stop(Deadline(5.0))
            raise UsageError(
                f"cannot listen on {options.host} port {options.port}: {error.strerror or error}"
            ) from None
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self.log.info(
            "listening", url=self.url, model=self._contract.id, store=options.store.partition("@")[2] or options.store
        )

    async def drain(self, within_s: float | None = None) -> None:
        """Accept no new client, emit the finals, say `shutting_down`, and stop within that time."""
        if self.draining:
            return
        self.draining = True
        deadline = Deadline(self.options.drain_s if within_s is None else within_s)
        self.log.info("draining", sessions=len(self.registry.connections))
        self._server.close(close_connections=False)
        await drain(self.registry, deadline, stored=self.stored)
        for socket in list(self._sockets):  # clients that do not close, and those that never sent a whole request
            socket.abort()
        await wait_all(self._server.wait_closed(), timeout_s=deadline.left_s(STORED_BY))
        await self.stop(deadline)
        self.log.info("drained")

    def _new_socket(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> Socket:
        socket = Socket(protocol, server, **options)
        self._sockets.add(socket)
        socket.on_lost = lambda: self.gone(socket)
        return socket

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Socket)
        await self.serve(socket)

    def _tls(self) -> ssl.SSLContext | None:
        if self.options.cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.options.cert, self.options.key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--cert {self.options.cert}, --key {self.options.key}: {error}") from None
        return context
