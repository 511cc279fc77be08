"""Runs the application on a cluster until a signal ends it."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ray import serve
from ray.exceptions import RayError
from ray.serve.context import _get_global_client
from ray.serve.exceptions import RayServeException

from ...asr import Choice
from ...engine import ModelRequest
from ...protocol.errors import ClusterError, UsageError
from ...protocol.messages import PATH
from ...protocol.text import without_secrets
from ...runtime.shutdown import GracefulShutdown
from ...server.logs import Log
from ...server.options import ServerOptions
from ..cluster import one_line
from .application import NAME, application
from .scale import Scale

LOOK_TIMEOUT_S = 5.0
LONGEST_REASON = 300  # characters of Ray's report of a deployment that failed


def check(options: ServerOptions) -> None:
    """UsageError for options with which several gateways cannot work."""
    if options.store == "memory":
        raise UsageError(
            "--ray needs --store redis://HOST:PORT/DB, which every gateway reaches: a session whose gateway is lost "
            "goes on at another"
        )
    if options.observe_token is not None:
        raise UsageError("--observe-token: an observer may reach another gateway than the session; serve without --ray")
    if options.port == 0:
        raise UsageError("--port 0: with --ray the same port is taken on every node; give its number")


def run(
    options: ServerOptions,
    model: ModelRequest,
    scale: Scale,
    words: Choice | None,
    shutdown: GracefulShutdown,
) -> None:
    """Serve on the cluster that this process is connected to, until SIGTERM or Ctrl+C; then drain the gateways."""
    stop = threading.Event()
    shutdown.handle_signals()  # Ray has put its own handlers in place, which abort the process
    with deployed(options, model, scale, words) as url:
        Log().info("listening", url=url, model=model.model, store=without_secrets(options.store))
        shutdown.on_signal(stop.set)
        stop.wait()
        Log().info("draining")
    Log().info("drained")


@contextmanager
def deployed(options: ServerOptions, model: ModelRequest, scale: Scale, words: Choice | None = None) -> Iterator[str]:
    """The application on the cluster that this process is connected to; gives the address where clients connect.

    UsageError or ClusterError where it does not start. Ray Serve itself is ended too, unless it runs something else.
    """
    check(options)
    _failing_as("Ray Serve does not start", lambda: _start(options))
    _check_started(options)
    for shortcoming in options.shortcomings():
        Log().warning("exposed", message=shortcoming)
    try:
        app = application(options, model, scale, words)
        _failing_as(
            "the deployments do not start",
            lambda: serve.run(app, name=NAME, route_prefix="/", external_scaler_enabled=scale.is_fixed),
        )
        url = f"{'wss' if options.cert else 'ws'}://{_bracketed(options.host)}:{options.port}{PATH}"
        if not _answers(options):
            Log().warning(
                "no answer", url=url, message="Ray Serve may have been started with another address, or no node is here"
            )
        yield url
    finally:
        try:
            serve.delete(NAME)
            if not serve.status().applications:
                serve.shutdown()
        except (RayError, RayServeException, RuntimeError, TimeoutError) as error:
            Log().warning("not ended", message=f"the cluster does not answer any more: {one_line(error)}")


def _start(options: ServerOptions) -> None:
    """Start the HTTP proxies, where Ray Serve does not run yet. They log no paths, which may hold tokens."""
    tls = {} if options.cert is None else {"ssl_certfile": str(options.cert), "ssl_keyfile": str(options.key)}
    serve.start(
        proxy_location="EveryNode",
        http_options={"host": options.host, "port": options.port, **tls},
        logging_config={"enable_access_log": False},
    )


def _check_started(options: ServerOptions) -> None:
    """ClusterError where Ray Serve ran already in another way, since it ignores what it is started with then."""
    started = _get_global_client().http_config
    asked = options.host, options.port, None if options.cert is None else str(options.cert)
    if (started.host, started.port, started.ssl_certfile) != asked:
        tls = "with" if started.ssl_certfile else "without"
        raise ClusterError(
            f"Ray Serve runs on this cluster already, on {started.host} port {started.port} {tls} TLS: end it with "
            "`serve shutdown`, or give that --host, --port and --cert"
        )
    if NAME in serve.status().applications:
        raise ClusterError(f"the cluster serves {NAME} already: end that command first")


def _failing_as(what: str, work: Callable[[], object]) -> None:
    try:
        work()
    except (RayError, RayServeException, RuntimeError, TimeoutError, ValueError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in reversed(lines) if "Error" in line), lines[0] if lines else "")
        raise ClusterError(f"{what}: {reason[:LONGEST_REASON] or type(error).__name__}") from None


def _answers(options: ServerOptions) -> bool:
    """Whether a gateway answers at the address from here."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)  # noqa: S104 - compared, not bound
    if options.cert is not None:
        return True  # its certificate need not be valid for a name that this machine knows
    try:
        with urllib.request.urlopen(
            f"http://{_bracketed(host)}:{options.port}/healthz", timeout=LOOK_TIMEOUT_S
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
