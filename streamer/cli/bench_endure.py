"""`emoscope bench endure`: what is promised, in long runs."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .options import DEMO, MeasuredModelOptions

EndurePart = Literal["session", "messages", "sockets", "processes", "idle", "resources", "recordings"]


@dataclass(frozen=True, kw_only=True)
class BenchEndure:
    """Measure what is promised, in long runs."""

    parts: Annotated[
        tuple[EndurePart, ...],
        Parameter(
            name="PART",
            help="session, messages, sockets, processes, idle, resources or recordings; several are run one after the "
            "other (all)",
        ),
    ] = field(kw_only=False, default=())
    minutes: Annotated[float, Parameter(help="wall time of all parts together", metavar="M")] = 10.0
    count: Annotated[
        int | None,
        Parameter(
            help="end a part sooner, after so many hours of audio, messages, cuts, kills of each kind, minutes, "
            "rounds, or files of each container",
            metavar="N",
        ),
    ] = None
    seed: Annotated[int, Parameter(help="repeats what chance chose", metavar="N")] = 1
    audio: Annotated[Path, Parameter(help="a recording of speech, which is played", metavar="FILE")] = DEMO
    picture: Annotated[Path | None, Parameter(help="draw the curves there, .png or .svg", metavar="FILE")] = None
    json: Annotated[bool, Parameter(help="print the figures as JSON, and nothing else")] = False
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)

    def __post_init__(self) -> None:
        """UsageError for a time or number that makes no sense, and when the recording is not there."""
        if self.minutes <= 0:
            raise UsageError(f"--minutes {self.minutes:g}: must be more than 0")
        if self.count is not None and self.count < 1:
            raise UsageError(f"--count {self.count}: must be at least 1")
        if not self.audio.is_file():
            raise UsageError(f"--audio {self.audio}: no such file; any recording of speech will do")

    def run(self) -> int:
        """Print each part's figures when it is over; 1 unless every bound was kept."""
        from ..bench.endure.parts import EndureOptions, print_endurance

        options = EndureOptions(
            names=self.parts,
            minutes=self.minutes,
            count=self.count,
            seed=self.seed,
            model=self.model.request(),
            audio=self.audio,
            picture=self.picture,
            as_json=self.json,
        )
        return 0 if print_endurance(options) else 1
