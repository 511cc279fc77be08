"""`emoscope serve`: many live streams over websockets."""

from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from ..protocol.errors import UsageError
from .command import Command
from .options import MODEL, RECOGNIZER, ModelOptions, RecognizerOptions, shortcomings
from .ray_serving import RayServing

if TYPE_CHECKING:
    from ..runtime.shutdown import GracefulShutdown
    from ..server.options import ServerOptions

ACCESS = Group("Address and access", sort_key=2)
WEBHOOK = Group("Webhook", sort_key=2)
MOST_RECOGNIZERS = 64
CLUSTER_ENDS_S = 15.0  # beside the drain, for Ray Serve to end its replicas


@dataclass(frozen=True, kw_only=True)
class Serve:
    """Serve until SIGTERM or Ctrl+C."""

    host: Annotated[
        str, Parameter(help="address to listen on; any other than loopback needs a token", metavar="HOST", group=ACCESS)
    ] = "127.0.0.1"
    port: Annotated[int, Parameter(help="port; 0 takes a free one", metavar="PORT", group=ACCESS)] = 8765
    token: Annotated[
        str | None,
        Parameter(
            help="token that clients must send; the variable does not show in the list of processes",
            env_var="EMOSCOPE_TOKEN",
            metavar="TOKEN",
            group=ACCESS,
        ),
    ] = None
    observe_token: Annotated[
        str | None,
        Parameter(
            help="token with which others may watch sessions, and nothing else; without it nobody may",
            env_var="EMOSCOPE_OBSERVE_TOKEN",
            metavar="TOKEN",
            group=ACCESS,
        ),
    ] = None
    webhook: Annotated[
        str | None, Parameter(help="address to which each final reading is posted", metavar="URL", group=WEBHOOK)
    ] = None
    webhook_secret_file: Annotated[
        Path | None, Parameter(help="file with the secret that signs the posts", metavar="FILE", group=WEBHOOK)
    ] = None
    origin: Annotated[
        tuple[str, ...],
        Parameter(help="origin of a web page that may connect; may be repeated", metavar="URL", group=ACCESS),
    ] = ()
    cert: Annotated[Path | None, Parameter(help="TLS certificate chain, PEM", metavar="FILE", group=ACCESS)] = None
    key: Annotated[Path | None, Parameter(help="its private key, PEM", metavar="FILE", group=ACCESS)] = None
    insecure: Annotated[bool, Parameter(help="allow other addresses than loopback without a token", group=ACCESS)] = (
        False
    )
    store: Annotated[
        str,
        Parameter(
            help="where interrupted sessions are kept: memory, or redis://HOST:PORT/DB",
            env_var="EMOSCOPE_STORE",
            metavar="STORE",
        ),
    ] = "memory"
    max_sessions: Annotated[
        int, Parameter(help="most open connections; more are answered with HTTP status 503", metavar="N")
    ] = 1_000
    drain: Annotated[float, Parameter(help="seconds after SIGTERM within which the server ends", metavar="SECONDS")] = (
        10.0
    )
    model: ModelOptions = field(default_factory=ModelOptions)
    batch: Annotated[
        int | None, Parameter(help="most windows in one forward pass (16; 256 on a GPU)", metavar="N", group=MODEL)
    ] = None
    recognizer: RecognizerOptions = field(default_factory=RecognizerOptions)
    asr_workers: Annotated[int, Parameter(help="recognizers that run side by side", metavar="N", group=RECOGNIZER)] = 1
    more: RayServing = field(default_factory=RayServing)

    def __post_init__(self) -> None:
        """UsageError for a number of recognizers that makes no sense."""
        if not 1 <= self.asr_workers <= MOST_RECOGNIZERS:
            raise UsageError(f"--asr-workers {self.asr_workers}: must be from 1 to {MOST_RECOGNIZERS}")

    def run(self) -> int:
        """Serve; after the first signal the process ends within `--drain`, and at once while it is still loading."""
        from ..runtime.shutdown import GracefulShutdown

        # On a cluster the gateways are told late that they end, and then have the time to drain.
        drain_s = self.drain if self.more.ray is None else self.drain + CLUSTER_ENDS_S
        with GracefulShutdown(drain_s, _log_late) as shutdown:
            return self._serve(shutdown)

    def server_options(self) -> "ServerOptions":
        """The options that the server takes; UsageError when they do not go together."""
        from ..server.options import ServerOptions

        return ServerOptions(
            host=self.host,
            port=self.port,
            token=self.token,
            observe_token=self.observe_token,
            webhook=self.webhook,
            webhook_secret=self.webhook_secret_file,
            origins=tuple(origin.rstrip("/").lower() for origin in self.origin),
            cert=self.cert,
            key=self.key,
            insecure=self.insecure,
            store=self.store,
            max_sessions=self.max_sessions,
            drain_s=self.drain,
            language=self.recognizer.language,
        )

    def _serve(self, shutdown: "GracefulShutdown") -> int:
        import asyncio

        from ..engine import EngineProcess
        from ..protocol.config import Config
        from ..server.feed.webhook_target import WebhookTarget
        from ..server.logs import Log, to_stderr

        hint = shortcomings(self.model, self.recognizer)
        start = self.recognizer.start()
        options = self.server_options()
        WebhookTarget.of(options)  # a wrong address is told before a model is loaded
        to_stderr()
        if hint:
            Log().info("something is missing", message=hint)
        if self.more.ray is not None:
            words = self.recognizer.choice
            model = self.model.request(batch=self.batch, words=words is not None)
            self.more.run(options, model, words, self.asr_workers, shutdown)
            return 0
        live = self.model.live_check(Config())
        model = self.model.request(batch=self.batch, words=start is not None, live=live)
        # The model loads in a process of its own, which takes seconds. Meanwhile the recognizers start and the server
        # is imported. Sessions that begin before the recognizers are ready have no words at first.
        with ExitStack() as stack:
            engine = stack.enter_context(EngineProcess(model, on_change=Log().engine))
            recognizers = [stack.enter_context(start()) for _ in range(self.asr_workers)] if start else []
            from ..server.serving import run as serve

            ready = engine.check()
            if ready.too_slow:
                Log().warning("a model is too slow", message=ready.too_slow)
            if ready.note:
                Log().warning("a graph cannot be used", message=ready.note)
            options = replace(options, batch=ready.batch)
            served = serve(
                ready.contract, engine, options, recognizers, shutdown=shutdown, engine_failure=lambda: engine.failure
            )
            asyncio.run(served)
        return 0


def _log_late(message: str) -> None:
    from ..server.logs import Log

    Log().late(message)


command = Command("serve", "read many live streams over websockets", Serve, shares=True)
