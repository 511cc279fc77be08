"""The application that Ray Serve runs: three deployments, and when there are more or fewer replicas of each."""

from typing import Any

from ray import serve

from ...asr import Choice
from ...engine import ModelRequest
from ...server.options import ServerOptions
from .gateway import HEALTH_PERIOD_S, Gateway, asgi
from .scale import Replicas, Scale
from .scorer import Scorer
from .transcriber import Transcriber

NAME = "emoscope"
ROOM_FOR_REQUESTS = 64  # pages, metrics and refusals of a gateway whose places for streams are all taken
UPSCALE_S, DOWNSCALE_S = 5.0, 300.0  # of a load that stays, before replicas come or go
MOST_CALLS = 4  # that a gateway has under way; what comes meanwhile leaves together
LOADING_TRIES = 2
QUIET = {"enable_access_log": False}  # paths may hold tokens


def application(
    options: ServerOptions, model: ModelRequest, scale: Scale, words: Choice | None = None
) -> serve.Application:
    """Gateways, scorers and, with `words`, transcribers, to be run by `serve.run`."""
    scorers = serve.deployment(
        Scorer,
        name="scorers",
        ray_actor_options={"num_cpus": scale.scorer_cpus, "num_gpus": scale.scorer_gpus},
        max_ongoing_requests=4 * MOST_CALLS,
        max_constructor_retry_count=LOADING_TRIES,
        health_check_period_s=HEALTH_PERIOD_S,
        logging_config=QUIET,
        **_replicas(scale.scorers, scale.queue),
    ).bind(model)
    transcribers = None
    if words is not None:
        transcribers = serve.deployment(
            Transcriber,
            name="transcribers",
            ray_actor_options={"num_cpus": scale.transcriber_cpus},
            max_ongoing_requests=MOST_CALLS,
            health_check_period_s=HEALTH_PERIOD_S,
            logging_config=QUIET,
            **_replicas(scale.transcribers, scale.passes),
        ).bind(words)
    return serve.deployment(
        serve.ingress(asgi)(Gateway),
        name="gateways",
        ray_actor_options={"num_cpus": scale.gateway_cpus},
        max_ongoing_requests=options.max_sessions + ROOM_FOR_REQUESTS,
        graceful_shutdown_timeout_s=options.drain_s + 5.0,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=HEALTH_PERIOD_S,
        logging_config=QUIET,
        **_replicas(scale.gateways, scale.streams),
    ).bind(options, scorers, transcribers, min(MOST_CALLS, 2 * scale.scorers.most), 2 * scale.transcribers.most)


def _replicas(replicas: Replicas, target: float) -> dict[str, Any]:
    """Options of a deployment whose replicas each have about `target` requests at once."""
    if replicas.least == replicas.most:
        return {"num_replicas": replicas.least}
    return {
        "autoscaling_config": {
            "min_replicas": replicas.least,
            "max_replicas": replicas.most,
            "target_ongoing_requests": target,
            "upscale_delay_s": UPSCALE_S,
            "downscale_delay_s": DOWNSCALE_S,
            "look_back_period_s": UPSCALE_S,
        }
    }
