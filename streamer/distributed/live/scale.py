"""How many replicas of each kind there are, and what each may use."""

from dataclasses import dataclass

from ...protocol.errors import UsageError


@dataclass(frozen=True)
class Replicas:
    """From `least` to `most` replicas; Ray Serve chooses by their load."""

    least: int
    most: int

    @classmethod
    def of(cls, text: str, option: str) -> "Replicas":
        """`N`, or `LEAST-MOST`; UsageError for anything else."""
        least, dash, most = text.partition("-")
        try:
            replicas = cls(int(least), int(most if dash else least))
        except ValueError:
            raise UsageError(f"{option} {text}: a number of replicas such as 2, or a range such as 1-8") from None
        if not 1 <= replicas.least <= replicas.most:
            raise UsageError(f"{option} {text}: from 1 replica on, and the first number is the smaller one")
        return replicas


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The deployments of one application.

    streams      open streams for which a gateway is meant; with more, another is started
    queue        calls of gateways that a scorer has at once, under way or waiting; with more, another is started
    passes       the same of a transcriber
    scorer_gpus  of each scorer; a fraction lets scorers share a GPU
    """

    gateways: Replicas = Replicas(1, 1)
    scorers: Replicas = Replicas(1, 1)
    transcribers: Replicas = Replicas(1, 1)
    streams: int = 40
    queue: float = 4.0
    passes: float = 2.0
    gateway_cpus: float = 1.0
    scorer_cpus: float = 1.0
    scorer_gpus: float = 0.0
    transcriber_cpus: float = 1.0

    @property
    def is_fixed(self) -> bool:
        """Whether the number of replicas is that of every kind, so that only somebody from outside changes it."""
        return all(one.least == one.most for one in (self.gateways, self.scorers, self.transcribers))

    def __post_init__(self) -> None:
        """UsageError for values that make no sense."""
        if self.streams < 1:
            raise UsageError(f"--streams {self.streams}: a gateway holds at least 1")
        if self.scorer_gpus < 0 or (self.scorer_gpus > 1 and self.scorer_gpus % 1):
            raise UsageError(f"--scorer-gpus {self.scorer_gpus:g}: 0, a share below 1, or a whole number")
