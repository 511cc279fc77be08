"""What a package hands to the command line: `emoscope NAME ...`.

Commands of other packages are found through the entry-point group `emoscope.commands`; each names a `Command`.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """One subcommand. `register` adds its arguments; `run` does the work and returns the exit code."""

    name: str
    help: str
    register: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
