"""What all connections of a server share."""

from collections.abc import Callable
from dataclasses import dataclass

from emoscope.models.contract import ModelContract

from .checkpoints import Checkpoints
from .failures import ModelFailures
from .feed.feeds import Feeds
from .inference import Inference
from .logs import Log
from .metrics import Metrics
from .options import ServerOptions
from .session_config import SessionConfigs


@dataclass(frozen=True, kw_only=True)
class ServerContext:
    """Made once a server.

    contract  of the model
    failures  counts the failures of the model on each session
    feeds     take what every session says, for observers and the webhook
    configs   effective options of the model's sessions
    clock     seconds that only go forward, for every timeout of a connection
    """

    contract: ModelContract
    options: ServerOptions
    configs: SessionConfigs
    inference: Inference
    failures: ModelFailures
    checkpoints: Checkpoints
    feeds: Feeds
    metrics: Metrics
    log: Log
    clock: Callable[[], float]
