"""The options of `emoscope serve --ray`, and what it does instead of listening itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from ..asr import Choice
    from ..engine import ModelRequest
    from ..runtime.shutdown import GracefulShutdown
    from ..server.options import ServerOptions

RAY = Group("More than one machine", sort_key=5)


@Parameter(name="*", group=RAY)
@dataclass(frozen=True, kw_only=True)
class RayServing:
    """Where Ray Serve runs the server, and how many replicas of each part there are."""

    ray: Annotated[
        bool | str,
        Parameter(
            help="serve on a Ray cluster: the one at HOST:PORT, or without it the one of this machine, which is "
            "started if there is none; needs --store redis://",
            metavar="[ADDRESS]",
        ),
    ] = False
    gateways: Annotated[
        str, Parameter(help="replicas that hold the sockets, such as 2, or 1-8 by open streams", metavar="N[-MOST]")
    ] = "1"
    streams: Annotated[int, Parameter(help="streams for each gateway, where their number may change", metavar="N")] = 40
    scorers: Annotated[
        str, Parameter(help="replicas that hold the model, such as 2, or 1-8 by their queue", metavar="N[-MOST]")
    ] = "1"
    scorer_gpus: Annotated[float, Parameter(help="GPUs of each scorer; .25 lets four share one", metavar="N")] = 0.0

    @property
    def address(self) -> str | None:
        """Of the cluster; None for the one of this machine."""
        return self.ray if isinstance(self.ray, str) else None

    def run(
        self,
        options: "ServerOptions",
        model: "ModelRequest",
        words: "Choice | None",
        transcribers: int,
        shutdown: "GracefulShutdown",
    ) -> None:
        """Serve on the cluster until a signal ends it. UsageError without the package, the cluster or a fitting store."""
        try:
            from ..distributed.cluster import connected
            from ..distributed.live.scale import Replicas, Scale
            from ..distributed.live.serving import check, run
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] != "ray":
                raise
            raise UsageError("--ray needs the package ray: pip install 'emoscope[ray]'") from None

        check(options)
        scale = Scale(
            gateways=Replicas.of(self.gateways, "--gateways"),
            scorers=Replicas.of(self.scorers, "--scorers"),
            transcribers=Replicas(transcribers, transcribers),
            streams=self.streams,
            scorer_gpus=self.scorer_gpus,
        )
        with connected(self.address):
            run(options, model, scale, words, shutdown)
