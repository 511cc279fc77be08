"""What the commands of training share: how a training is run, and checks of options."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from emoscope.models.errors import EmoscopeError, UsageError

CHECKOUT = Path(__file__).resolve().parents[2]

Epochs = Annotated[int | None, Parameter(help="of each training, or at most of each phase", metavar="N")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where a recipe reads and writes, and what it computes with."""

    data: Annotated[
        Path,
        Parameter(
            help="folder of the corpora, or of the one that is named; small and whisper want emodb, nemo, emotale, "
            "read and sounds beside ravdess (default: ../shared/corpora beside the checkout)",
            metavar="DIR",
            show_default=False,
        ),
    ] = CHECKOUT.parent / "shared" / "corpora"
    out: Annotated[
        Path | None,
        Parameter(
            help="where card.json and weights.safetensors go (default: WORK/model; models/weights/small ships them)",
            metavar="DIR",
        ),
    ] = None
    work: Annotated[
        Path | None, Parameter(help="cache and checkpoints (default: runs/ and the recipe's name)", metavar="DIR")
    ] = None
    seed: Annotated[int | None, Parameter(help="another seed gives other weights, about as good", metavar="N")] = None
    threads: Annotated[int, Parameter(help="processor threads", metavar="N")] = 2
    resume: Annotated[bool, Parameter(help="continue a run that was stopped or killed")] = False

    def __post_init__(self) -> None:
        """UsageError for a number of threads below 1."""
        check_positive("threads", self.threads)

    def folders(self, recipe: str) -> tuple[Path, Path]:
        """The folder of cache and checkpoints, and the folder of the model."""
        work = self.work or Path("runs") / recipe
        return work, self.out or work / "model"


AGAIN = "the same command with --resume goes on from there"


def report(train: Callable[[], None], out: Path, again: str = AGAIN) -> int:
    """Run a training; 0, or 1 with one line that says what went wrong, or after Ctrl+C (130) how to go on, `again`."""
    from ..errors import Interrupted
    from ..progress import say

    try:
        train()
    except Interrupted as stopped:
        say(f"{stopped}; {again}")
        return 130
    except EmoscopeError as error:
        say(f"emoscope train: {error}")
        return 1
    say(f"written: {out}")
    return 0


def given(**options: Any) -> dict[str, Any]:
    """The options that were given; a recipe's own values hold for the others."""
    return {name: value for name, value in options.items() if value is not None}


def check_positive(name: str, value: int | None) -> None:
    """UsageError for a number below 1."""
    if value is not None and value < 1:
        raise UsageError(f"--{name} {value}: must be at least 1")
