"""The server: a session service and the sockets on which it listens, started and shut down together."""

import asyncio

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.protocol import State

from ..protocol.errors import UsageError
from ..protocol.messages import PATH
from ..protocol.text import without_secrets
from .deadline import Deadline, wait_all
from .draining import STORED_BY, drain
from .file_limit import RESERVE, OutOfFiles, raise_limit
from .open_sockets import WAITING, OpenSockets
from .session_service import SessionService
from .sockets import Socket, socket_settings, tls_settings

FILES_BESIDE = 4 * RESERVE  # file descriptors that the process has beside those of its sessions


class Server(SessionService):
    """One model, served on sockets. `start`, then `drain`, which ends it."""

    _port: int
    _server: SocketServer
    _sockets: OpenSockets

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
        self._sockets = OpenSockets(options.max_sessions, self.gone)
        raise_limit(options.max_sessions + max(WAITING, options.max_sessions) + FILES_BESIDE)
        loop = asyncio.get_running_loop()
        self._handler_before = loop.get_exception_handler()
        report = OutOfFiles(
            lambda text: self.log.error("no files", message=text), loop.time, otherwise=self._handler_before
        )
        loop.set_exception_handler(report)
        self.assemble()

        def process_request(socket: ServerConnection, request: Request) -> Response | None:
            assert isinstance(socket, Socket)
            self._sockets.has_asked(socket)
            answer = self.answer(request, socket)
            if socket.state is State.CLOSED:  # since it asked, so that `gone` was called before
                self.gone(socket)
            return answer

        try:
            self._server = await serve(
                self._handle,
                options.host,
                options.port,
                process_request=process_request,
                **tls_settings(options),
                **{**socket_settings(options), "create_connection": self._sockets.new},
            )
        except OSError as error:
            loop.set_exception_handler(self._handler_before)
            await self.stop(Deadline(5.0))
            raise UsageError(
                f"cannot listen on {options.host} port {options.port}: {error.strerror or error}"
            ) from None
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        for shortcoming in options.shortcomings():
            self.log.warning("exposed", message=shortcoming)
        self.log.info("listening", url=self.url, model=self._contract.id, store=without_secrets(options.store))

    async def drain(self, within_s: float | None = None) -> None:
        """Accept no new client, emit the finals, say `shutting_down`, and stop within that time."""
        if self.draining:
            return
        self.draining = True
        deadline = Deadline(self.options.drain_s if within_s is None else within_s)
        self.log.info("draining", sessions=len(self.registry.connections))
        self._server.close(close_connections=False)
        await drain(self.registry, deadline, stored=self.stored)
        for socket in self._sockets:  # clients that do not close, and those that never sent a whole request
            socket.abort()
        await wait_all(self._server.wait_closed(), timeout_s=deadline.left_s(STORED_BY))
        await self.stop(deadline)
        asyncio.get_running_loop().set_exception_handler(self._handler_before)
        self.log.info("drained")

    async def _handle(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Socket)
        socket.forget_headers()
        await self.serve(socket)
