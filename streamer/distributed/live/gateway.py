"""The deployment that holds the sockets: the server's sessions behind Ray Serve's HTTP proxies."""

import asyncio
import time
from dataclasses import replace

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import RayServeException
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import ReplicaState

from ...server.deadline import Deadline
from ...server.draining import drain
from ...server.logs import to_stderr
from ...server.options import ServerOptions
from ...server.session_service import SessionService
from .asgi_app import AsgiApp, lifespan
from .asgi_socket import Receive, Scope, Send
from .remote import RemoteEngine, RemoteRecognizer

HEALTH_PERIOD_S = 1.0  # how often Ray Serve asks a replica how it is
UNASKED_S = 2.5  # a gateway that is being ended is not asked; after so long its state is looked up
LOOK_S = 0.25


class Gateway:
    """Voice detector, segmenter and the rules of a stream run here; model and recognizers are on other replicas.

    Ray Serve ends a replica when all its requests have ended, and a websocket may last for hours. So a gateway that is
    being ended stores its sessions, and its clients are told to go on elsewhere.
    """

    async def __init__(  # type: ignore[misc]  # Ray Serve awaits it
        self,
        options: ServerOptions,
        scorers: DeploymentHandle,
        transcribers: DeploymentHandle | None,
        calls: int,
        passes: int,
    ) -> None:
        """`calls`, `passes`: requests to scorers and to transcribers that this gateway has under way at most."""
        to_stderr()
        contract, batch = await scorers.model.remote()
        engine = RemoteEngine(scorers)
        recognizers: list[RemoteRecognizer] = []
        if transcribers is not None:
            recognizers = [RemoteRecognizer(transcribers, transcribers.ready.remote()) for _ in range(passes)]
        self._service = SessionService(
            contract,
            engine,
            replace(options, batch=batch),
            recognizers=recognizers,
            engine_failure=lambda: engine.failure,
            engine_calls=calls,
        )
        self._service.assemble()
        self._asgi = AsgiApp(self._service)
        self._asked_at = time.monotonic()
        self._watch = asyncio.ensure_future(self._end_when_told())

    async def serve_asgi(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, or one websocket from its opening to its end."""
        await self._asgi(scope, receive, send)

    async def check_health(self) -> None:
        """Ray Serve asks this of every gateway that is to stay."""
        self._asked_at = time.monotonic()

    async def _end_when_told(self) -> None:
        """Let go of the sessions when this gateway is being ended.

        Ray Serve does not tell a replica that it begins to end it, but asks no more how it is. It does not ask either
        while its controller is away, so the state that the controller publishes has to say it too.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            if time.monotonic() - self._asked_at > UNASKED_S and await asyncio.to_thread(_some_are_ending):
                if self._service.registry.connections:
                    await self._drain()
                self._asked_at = time.monotonic()

    async def _drain(self) -> None:
        service = self._service
        service.log.info("draining", sessions=len(service.registry.connections))
        service.draining = True
        deadline = Deadline(service.options.drain_s)
        await drain(service.registry, deadline, stored=service.stored, served_elsewhere=True)
        service.draining = False
        service.log.info("drained")

    async def __del__(self) -> None:
        self._watch.cancel()
        await self._service.stop(Deadline(1.0))


def _some_are_ending() -> bool:
    """Whether Ray Serve is ending some gateway of this application, or the whole of it; not while it says nothing."""
    context = serve.get_replica_context()
    try:
        application = serve.status().applications.get(context.app_name)
    except (RayError, RayServeException, RuntimeError, TimeoutError):  # its controller is away
        return False
    deployment = None if application is None else application.deployments.get(context.deployment)
    return deployment is None or deployment.replica_states.get(ReplicaState.STOPPING, 0) > 0


def asgi() -> object:
    """What Ray Serve makes its ingress of, on each replica: the application of the replica's gateway."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":  # begins before Ray Serve knows the gateway
            await lifespan(receive, send)
            return
        await serve.get_replica_context().servable_object.serve_asgi(scope, receive, send)

    return app
