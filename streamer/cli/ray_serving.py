"""The options of `emoscope serve --ray`, and what it does instead of listening itself."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from .ray_options import RAY, RayAddress

if TYPE_CHECKING:
    from ..asr import Choice
    from ..engine import ModelRequest
    from ..runtime.shutdown import GracefulShutdown
    from ..server.options import ServerOptions


@Parameter(name="*", group=RAY)
@dataclass(frozen=True, kw_only=True)
class RayServing:
    """Where Ray Serve runs the server, and how many replicas of each part there are."""

    ray: RayAddress = None
    gateways: Annotated[
        str, Parameter(help="replicas that hold the sockets, such as 2, or 1-8 by open streams", metavar="N[-MOST]")
    ] = "1"
    streams: Annotated[int, Parameter(help="streams for each gateway, where their number may change", metavar="N")] = 40
    scorers: Annotated[
        str, Parameter(help="replicas that hold the model, such as 2, or 1-8 by their queue", metavar="N[-MOST]")
    ] = "1"
    transcribers: Annotated[
        str | None,
        Parameter(help="replicas that make words, as for scorers (as many as --asr-workers)", metavar="N[-MOST]"),
    ] = None
    scorer_gpus: Annotated[float, Parameter(help="GPUs of each scorer; .25 lets four share one", metavar="N")] = 0.0

    def run(
        self,
        options: "ServerOptions",
        model: "ModelRequest",
        words: "Choice | None",
        asr_workers: int,
        shutdown: "GracefulShutdown",
    ) -> None:
        """Serve on the cluster until a signal ends it. UsageError or ClusterError where that cannot be."""
        from ..distributed.cluster import cluster
        from ..distributed.live.scale import Replicas, Scale

        assert self.ray is not None
        scale = Scale(
            gateways=Replicas.of(self.gateways, "--gateways"),
            scorers=Replicas.of(self.scorers, "--scorers"),
            transcribers=Replicas.of(self.transcribers or str(asr_workers), "--transcribers"),
            streams=self.streams,
            scorer_gpus=self.scorer_gpus,
        )
        from ..distributed.live.serving import check, run

        check(options)
        with cluster(self.ray):
            run(options, model, scale, words, shutdown)
