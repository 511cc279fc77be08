"""What a package gives to the command line, so that `emoscope NAME ...` runs it.

A command is a dataclass: its fields are the arguments and options, and its method `run` does the work and returns the
exit code. cyclopts reads the fields' annotations:

    @dataclass(frozen=True, kw_only=True)
    class Trim:
        path: Annotated[Path, Parameter(help="the recording")] = field(kw_only=False)
        seconds: Annotated[float, Parameter(help="how much to keep", metavar="S")] = 10.0
        model: ModelOptions = field(default_factory=ModelOptions)

        def __post_init__(self) -> None:
            if not self.seconds > 0:
                raise UsageError(f"--seconds {self.seconds}: must be above 0")

        def run(self) -> int: ...

    command = Command("trim", "shorten a recording", Trim)

A field that is not keyword-only is a positional argument; the others are options, `no_interim` being `--no-interim`.
A field whose type is a dataclass of `options.py` adds that dataclass's options to the command's own. Values that the
types do not rule out are checked in `__post_init__`, which raises UsageError: one line on stderr, exit code 2.

Other packages offer their commands through the entry-point group `emoscope.commands`: each entry names a `Command` or a
`CommandGroup`. Its module is imported for every `emoscope --help`, so it imports nothing slow at its top.
"""

from dataclasses import dataclass
from typing import Protocol


class Runnable(Protocol):
    """A command with the values of its options."""

    def run(self) -> int:
        """Do the work. Returns the exit code: 0, or 1 for something that failed."""


@dataclass(frozen=True)
class Command:
    """One command.

    name     as it is typed
    help     in one line
    options  the dataclass of its options
    shares   it takes the keys of emoscope.toml that stand outside a section, as those that listen and serve do; others
             take the keys of their own section only
    """

    name: str
    help: str
    options: type[Runnable]
    shares: bool = False


@dataclass(frozen=True)
class CommandGroup:
    """A command that has commands of its own, such as `emoscope models list`."""

    name: str
    help: str
    commands: "tuple[Command | CommandGroup, ...]"


AnyCommand = Command | CommandGroup
