"""A server without its listening socket: HTTP gate, sessions, engine and store, started and ended together."""

import asyncio
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.http11 import Request, Response

from emoscope.models.contract import ModelContract

from ..asr import SpeechRecognizer
from ..protocol.events import Error, encode
from ..protocol.messages import FATAL, CloseCode
from ..session.requests import Engine
from .checkpoints import Checkpoints, open_store
from .client_socket import ClientSocket
from .connection import Connection
from .context import ServerContext
from .deadline import Deadline, wait_all
from .draining import STOPPED_BY
from .endless import endless
from .entrances import Entrance, ObserveEntrance, PhoneEntrance, entrance
from .failures import ModelFailures
from .feed.feeds import Feeds
from .feed.observer import Observer
from .feed.webhook import Webhook
from .feed.webhook_target import WebhookTarget
from .file_limit import has_files
from .http_gate import HttpGate, response, unavailable
from .inference import Inference
from .logs import Log
from .metrics import Metrics, Watched
from .options import ServerOptions
from .phone.connection import PhoneConnection
from .registry import SessionRegistry
from .resume import SessionResumer
from .session_config import SessionConfigs
from .store import Store
from .timers import give_back_memory, run_timers, watch_store
from .web_files import web_files

WEBHOOK_SHARE = 0.7  # of the time that is left at the end, for finals that are still to be posted


class SessionService:
    """One model's sessions. Whoever listens hands it each HTTP request, and each websocket that it may open.

    engine_failure  why the engine does not answer at the moment, "" while it does
    engine_calls    batches that the engine answers at once
    draining        whether new clients are to be told that they are not served here any more
    """

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        options: ServerOptions,
        store: Store | None = None,
        recognizers: Sequence[SpeechRecognizer] = (),
        engine_failure: Callable[[], str] = lambda: "",
        engine_calls: int = 1,
    ) -> None:
        self._engine_calls = engine_calls
        self.options, self._recognizers, self._engine_failure = options, recognizers, engine_failure
        self.metrics, self.log = Metrics(contract.id), Log()
        self.draining = False
        self._contract, self._engine = contract, engine
        self._store = open_store(options.store, 2 * options.max_sessions) if store is None else store
        self._store_failure = ""
        self._target = WebhookTarget.of(options)
        self._webhook: Webhook | None = None
        self.feeds: Feeds
        self.registry: SessionRegistry
        self.inference: Inference
        self._context: ServerContext
        self._gate: HttpGate
        self._resumer: SessionResumer
        self._tasks: list[asyncio.Task[None]] = []
        self._admitted: set[object] = set()

    @property
    def stored(self) -> bool:
        """Whether another server can continue the sessions of this one."""
        return self._store.outlives

    def assemble(self) -> None:
        """Make the parts that need the running event loop."""
        options, metrics, log = self.options, self.metrics, self.log
        self.inference = Inference(
            self._engine, self._recognizers, batch=options.batch, calls=self._engine_calls, metrics=metrics, log=log
        )
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
        failures = ModelFailures(self._engine_failure)
        self._context = ServerContext(
            contract=self._contract,
            options=options,
            configs=configs,
            feeds=self.feeds,
            inference=self.inference,
            failures=failures,
            checkpoints=checkpoints,
            metrics=metrics,
            log=log,
            clock=asyncio.get_running_loop().time,
        )
        self._gate = HttpGate(
            options,
            page=web_files(),
            metrics=metrics.text,
            ready=self._ready,
            has_room=lambda: len(self._admitted) < options.max_sessions and has_files(),
            sessions=self.feeds.listed,
            observers=self.feeds.admits,
            report_refused_origin=lambda origin, advice: log.info("page turned away", origin=origin, message=advice),
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
        beside = (
            lambda: run_timers(self.registry, self.inference, failures, self.feeds, metrics),
            lambda: watch_store(self._store, self._report_store),
            lambda: give_back_memory(self.registry),
        )
        self._tasks = [asyncio.ensure_future(endless(one, log)) for one in beside]

    async def stop(self, deadline: Deadline) -> None:
        """Stop what runs beside the connections."""
        for task in self._tasks:
            task.cancel()
        self.feeds.close()
        timeout_s = deadline.left_s(STOPPED_BY)
        if self._webhook is not None:
            await self._webhook.close(WEBHOOK_SHARE * timeout_s)
            timeout_s = deadline.left_s(STOPPED_BY)
        await wait_all(*self._tasks, self.inference.close(timeout_s), self._store.close(), timeout_s=timeout_s)

    # --- requests and sockets

    def answer(self, request: Request, client: object) -> Response | None:
        """The HTTP response; None opens the websocket, which counts from now on towards `max_sessions`.

        client  whoever sent the request, to be named to `gone` when its connection is over
        """
        try:
            answer = self._gate.answer(request)
        except (ValueError, LookupError):  # no request, however malformed, may end in a traceback of the library
            self.log.broke("http")
            answer = response(HTTPStatus.BAD_REQUEST, "not understood\n")
        except Exception:  # such as no memory: whoever is told 400 does not come again
            self.log.broke("http")
            answer = unavailable("the server failed")
        if answer is None and not isinstance(entrance(urlsplit(request.path).path), ObserveEntrance):
            self._admitted.add(client)
        elif answer is not None and answer.status_code in (401, 403, 503):
            self.metrics.refused.labels(str(answer.status_code)).inc()
        return answer

    def gone(self, client: object) -> None:
        """A client's connection is over; its place is free."""
        self._admitted.discard(client)

    async def serve(self, socket: ClientSocket) -> None:
        """Serve one client from its opening to its end. Where we fail outside its session, it is told as within."""
        found = entrance(urlsplit(socket.path).path)
        try:
            await self._serve(socket, found)
        except Exception:
            self.log.broke("fault")
            self.metrics.errors.labels("fault").inc()
            if not isinstance(found, PhoneEntrance):  # a provider is sent nothing
                socket.post(encode(Error(code="model_failed", message="the server failed; try again", fatal=True)))
            await socket.close(FATAL["model_failed"], "model_failed")

    async def _serve(self, socket: ClientSocket, found: Entrance | None) -> None:
        if isinstance(found, ObserveEntrance):
            await self.feeds.observe(found.session, Observer(socket, self.metrics))
            return
        if isinstance(found, PhoneEntrance):
            connection: Connection = PhoneConnection(socket, self._context, found.provider)
        else:
            connection = Connection(socket, self._context, self._resumer.resume)
        self.registry.add(connection)
        try:
            self.log.info("opened", session=connection.session.id)
            with connection.isolate_faults():
                await connection.run()
            await connection.wait_closed()
        finally:
            session = connection.session
            if socket.too_large:
                self.metrics.errors.labels("message_too_large").inc()
                self.log.info("ending", session=session.id, code="message_too_large")
            try:
                await self.registry.remove(connection, done=socket.close_code == CloseCode.DONE)
            finally:
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
        if self.draining:
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
