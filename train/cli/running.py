"""What the commands of training share: how a training is run, and checks of options."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from emoscope.models.errors import EmoscopeError, UsageError


def report(train: Callable[[], None], out: Path) -> int:
    """Run a training; 0, or 1 with one line that says what went wrong, or how to continue after Ctrl+C (130)."""
    from ..errors import Interrupted
    from ..progress import say

    try:
        train()
    except Interrupted as stopped:
        say(f"{stopped}; the same command with --resume goes on from there")
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
