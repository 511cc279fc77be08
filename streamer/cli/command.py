"""What a package hands to the command line: `emoscope NAME ...`.

Commands of other packages are found through the entry-point group `emoscope.commands`; each names a `Command`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass

from ..protocol.errors import UsageError


@dataclass(frozen=True)
class Command:
    """One subcommand. `register` adds its arguments; `run` does the work and returns the exit code."""

    name: str
    help: str
    register: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def checked_threads(threads: int | None) -> int | None:
    """What `--threads` says; UsageError where no machine has so many, or so few."""
    if threads is not None and not 1 <= threads <= 1024:
        raise UsageError(f"--threads {threads}: must be from 1 to 1024")
    return threads
