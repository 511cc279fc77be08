"""The server: HTTP gate, sockets, engine and store, started and shut down together."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from websockets.asyncio.server import Server as SocketServer
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol

from emoscope.models.contract import ModelContract

from ..asr import Recognizer
from ..protocol.errors import UsageError
from ..protocol.messages import PATH, CloseCode
from ..session.requests import Engine
from .checkpoints import Checkpoints, open_store
from .connection import Connection
from .context import ServerContext
from .deadline import Deadline, wait_all
from .draining import STOPPED_BY, STORED_BY, drain
from .entrances import Entrance, ObserveEntrance, PhoneEntrance, entrance
from .feed.feeds import Feeds
from .feed.observer import Observer
from .feed.webhook import Webhook
from .feed.webhook_target import WebhookTarget
from .http_gate import HttpGate, response
from .inference import Inference
from .logs import Log
from .metrics import Metrics, Watched
from .options import ServerOptions
from .phone.connection import PhoneConnection
from .registry import SessionRegistry
from .resume import SessionResumer
from .session_config import SessionConfigs
from .sockets import Socket, socket_settings
from .store import Store
from .timers import run_timers, watch_store
from .web_files import web_files

WEBHOOK_SHARE = 0.7  # of the time that is left at the end, for finals that are still to be posted


class Server:
    """One model, served. `start`, then `drain`, which ends it.

    engine_failure  why the engine does not answer at the moment, "" while it does
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        options: ServerOptions,
        store: Store | None = None,
        recognizers: Sequence[Recognizer] = (),
        engine_failure: Callable[[], str] = lambda: "",
    ) -> None:
        self.options, self._recognizers, self._engine_failure = options, recognizers, engine_failure
        self.metrics, self.log = Metrics(contract.id), Log()
        self._contract, self._engine = contract, engine
        self._store = open_store(options.store, 2 * options.max_sessions) if store is None else store
        self._store_failure = ""
        self._draining = False
        self._port = options.port
        self._target = WebhookTarget.of(options)
        self._webhook: Webhook | None = None
        self.feeds: Feeds
        self.registry: SessionRegistry
        self.inference: Inference
        self._context: ServerContext
        self._resumer: SessionResumer
        self._server: SocketServer
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: WeakSet[Socket] = WeakSet()
        self._admitted: set[Socket] = set()

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
        self._assemble()
        gate = HttpGate(
            options,
            page=web_files(),
            metrics=self.metrics.text,
            ready=self._ready,
            has_room=lambda: len(self._admitted) < options.max_sessions,
            sessions=self.feeds.listed,
            observers=self.feeds.admits,
            report_refused_origin=lambda origin, advice: self.log.info(
                "page turned away", origin=origin, message=advice
            ),
        )

        def process_request(socket: ServerConnection, request: Request) -> Response | None:
            return self._answer(gate, socket, request)

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
            await self._stop(Deadline(5.0))
            raise UsageError(
                f"cannot listen on {options.host} port {options.port}: {error.strerror or error}"
            ) from None
        self._port = next(iter(self._server.sockets)).getsockname()[1]
        self.log.info(
            "listening", url=self.url, model=self._contract.id, store=options.store.partition("@")[2] or options.store
        )

    def _assemble(self) -> None:
        """Make the parts that need the running event loop."""
        options, metrics, log = self.options, self.metrics, self.log
        self.inference = Inference(self._engine, self._recognizers, batch=options.batch, metrics=metrics, log=log)
        checkpoints = Checkpoints(self._store, options.limits.resume_ttl_s, metrics, log)
        self.registry = SessionRegistry(checkpoints, metrics)
        self._resumer = SessionResumer(self._contract, self.registry, checkpoints)
        self._webhook = None if self._target is None else Webhook(self._target, metrics, log)
        self.feeds = Feeds(
            metrics,
            log,
            wanted=options.observe_token is not None or options.webhook is not None,
            resume_ttl_s=options.limits.resume_ttl_s,
            slow_s=options.slow_s,
            webhook=self._webhook,
        )
        configs = SessionConfigs(self._contract, options.limits, options.language, self.inference.offer)
        self._context = ServerContext(
            contract=self._contract,
            options=options,
            configs=configs,
            feeds=self.feeds,
            inference=self.inference,
            checkpoints=checkpoints,
            metrics=metrics,
            log=log,
            clock=asyncio.get_running_loop().time,
        )
        metrics.watch(
            Watched(
                sessions=lambda: len(self.registry.connections),
                queue=lambda: self.inference.scheduler.queue_length,
                busy_s=lambda: self.inference.scheduler.stats.busy_s,
                transcripts_queue=lambda: self.inference.recognizers.queue_length,
                transcripts_busy_s=lambda: self.inference.recognizers.busy_s,
            )
        )
        timers = run_timers(self.registry, self.inference, self.feeds, metrics)
        self._tasks = [asyncio.ensure_future(one) for one in (timers, watch_store(self._store, self._report_store))]

    async def drain(self, within_s: float | None = None) -> None:
        """Accept no new client, emit the finals, say `shutting_down`, and stop within that time."""
        if self._draining:
            return
        self._draining = True
        deadline = Deadline(self.options.drain_s if within_s is None else within_s)
        self.log.info("draining", sessions=len(self.registry.connections))
        self._server.close(close_connections=False)
        await drain(self.registry, deadline, stored=self._store.outlives)
        for socket in list(self._sockets):  # clients that do not close, and those that never sent a whole request
            # A socket whose TLS handshake is not over has no transport yet; it is not waited for beyond the deadline.
            if (transport := getattr(socket, "transport", None)) is not None:
                transport.abort()
        await wait_all(self._server.wait_closed(), timeout_s=deadline.left_s(STORED_BY))
        await self._stop(deadline)
        self.log.info("drained")

    async def _stop(self, deadline: Deadline) -> None:
        """Stop what runs beside the connections."""
        for task in self._tasks:
            task.cancel()
        self.feeds.close()
        timeout_s = deadline.left_s(STOPPED_BY)
        if self._webhook is not None:
            await self._webhook.close(WEBHOOK_SHARE * timeout_s)
            timeout_s = deadline.left_s(STOPPED_BY)
        await wait_all(*self._tasks, self.inference.close(timeout_s), self._store.close(), timeout_s=timeout_s)

    # --- connections

    def _new_socket(self, protocol: ServerProtocol, server: SocketServer, **options: Any) -> Socket:
        socket = Socket(protocol, server, **options)
        self._sockets.add(socket)
        socket.on_lost = lambda: self._admitted.discard(socket)
        return socket

    def _answer(self, gate: HttpGate, socket: ServerConnection, request: Request) -> Response | None:
        """The HTTP response; None opens the websocket, which counts from now on towards `max_sessions`."""
        try:
            answer = gate.answer(request)
        except Exception:  # no request, however malformed, may end in a traceback of the library
            self.log.broke("http")
            answer = response(HTTPStatus.BAD_REQUEST, "not understood\n")
        if answer is None and isinstance(socket, Socket) and not isinstance(_entrance(socket), ObserveEntrance):
            self._admitted.add(socket)
        elif answer is not None and answer.status_code in (401, 403, 503):
            self.metrics.refused.labels(str(answer.status_code)).inc()
        return answer

    async def _handle(self, socket: ServerConnection) -> None:
        """Serve one client from its opening to its end."""
        found = _entrance(socket)
        if isinstance(found, ObserveEntrance):
            await self.feeds.observe(found.session, Observer(socket, self.metrics))
            return
        if isinstance(found, PhoneEntrance):
            connection: Connection = PhoneConnection(socket, self._context, found.provider)
        else:
            connection = Connection(socket, self._context, self._resumer.resume)
            if isinstance(socket, Socket):
                socket.forget_headers()
        self.registry.add(connection)
        self.log.info("opened", session=connection.session.id)
        try:
            with connection.isolate_faults():
                await connection.run()
            await connection.wait_closed()
        finally:
            session = connection.session
            if isinstance(socket, Socket) and socket.too_large:
                self.metrics.errors.labels("message_too_large").inc()
                self.log.info("ending", session=session.id, code="message_too_large")
            await self.registry.remove(connection, done=socket.close_code == CloseCode.DONE)
            self._released(connection)
            self.log.info(
                "closed",
                session=session.id,
                code=socket.close_code,
                audio_s=round(session.audio_s, 3),
                dropped_s=round(session.view.dropped_s, 3),
            )

    def _released(self, connection: Connection) -> None:
        """A connection is over: its session's observers go, or wait until it is resumed."""
        session = connection.session
        if self.registry.holder(session.id) is not None:
            return  # another connection here has resumed the session
        if connection.session_released:
            self.feeds.end(session.id, CloseCode.TAKEN, "the session goes on at another server")
        elif session.closed or not session.begun or not connection.resumable:
            self.feeds.end(session.id, CloseCode.DONE, "the session is over")
        else:
            self.feeds.lost(session.id, self._context.clock())

    # --- what the HTTP gate shows

    def _ready(self) -> dict[str, object]:
        if self._draining:
            return {"status": "draining"}
        if self._store_failure:
            return {"status": "no store"}
        if self._engine_failure():
            return {"status": "no model"}
        return {"status": "ready", "model": self._contract.id, "sessions": len(self.registry.connections)}

    def _report_store(self, failure: str) -> None:
        if failure and not self._store_failure:
            self.log.error("store", message=failure)
        self._store_failure = failure

    def _tls(self) -> ssl.SSLContext | None:
        if self.options.cert is None:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self.options.cert, self.options.key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--cert {self.options.cert}, --key {self.options.key}: {error}") from None
        return context


def _entrance(socket: ServerConnection) -> Entrance | None:
    """Where a socket's request leads."""
    request = socket.request
    return None if request is None else entrance(urlsplit(request.path).path)
