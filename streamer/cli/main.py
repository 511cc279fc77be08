"""The command line: finds the commands, runs the one that was asked for, and turns errors into exit codes.

Nothing slow is imported before a command runs.
"""

import atexit
import contextlib
import io
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from ..protocol.errors import EmoscopeError, UsageError
from ..protocol.text import clean_lines
from .command import AnyCommand
from .extras import advice
from .parser import build_app, parse

if TYPE_CHECKING:
    from cyclopts import App

GROUP = "emoscope.commands"
OWN = {  # modules of this package, imported when they are needed
    "bench": "bench",
    "completion": "completion",
    "config": "config",
    "devices": "devices",
    "doctor": "doctor.command",
    "explain": "explain",
    "listen": "listen",
    "models": "models",
    "replay": "replay",
    "send": "send",
    "serve": "serve",
    "summary": "summary",
}


def own_commands(names: Iterable[str] = tuple(OWN)) -> list[AnyCommand]:
    """Our own commands of these names."""
    return [import_module(f"{__package__}.{OWN[name]}").command for name in names]


def commands(arguments: Sequence[str]) -> list[AnyCommand]:
    """The one of our own commands that is asked for; or else all, and those that other packages offer."""
    if arguments and arguments[0] in OWN:
        return own_commands([arguments[0]])
    from importlib.metadata import entry_points

    offered: list[AnyCommand] = []
    for entry in entry_points(group=GROUP):
        try:
            offered.append(entry.load())
        except ImportError as error:
            print(f"emoscope: the command {entry.name!r} of {entry.value} cannot be loaded: {error}", file=sys.stderr)
    return [*own_commands(), *offered]


def offered_names() -> list[str]:
    """The names of other packages' commands, which sections of emoscope.toml may have too."""
    from importlib.metadata import entry_points

    return list(entry_points(group=GROUP).names)


def app_of(arguments: Sequence[str]) -> "App":
    """The command line with the commands that these arguments may name."""
    return build_app(commands(arguments), offered_names, own_commands)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code: 0, 1 for something that failed, 2 for usage, 130 after Ctrl+C."""
    if sys.stdout is None:  # closed by whoever started us: nobody wants to read
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name or a sign that the terminal cannot show must not end the run
            stream.reconfigure(errors="replace")
    try:
        code = _run(sys.argv[1:] if arguments is None else arguments)
    except UsageError as error:
        _complain(str(error))
        return 2
    except EmoscopeError as error:
        _complain(str(error))
        return 1
    except ModuleNotFoundError as error:
        needed = advice(error)
        if needed is None:
            raise
        _complain(needed)
        return 1
    except KeyboardInterrupt:
        print("emoscope: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): nobody is left to tell.
        sys.stderr.close()
        return 1
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        _complain(f"{error.strerror or error}{where}")
        return 1
    return code


def _complain(message: str) -> None:
    """An error on stderr. Names of files, and what a server says, may hold control characters."""
    print(f"emoscope: {clean_lines(message)}", file=sys.stderr)


def _run(arguments: Sequence[str]) -> int:
    command = parse(app_of(arguments), arguments)
    if command is not None:
        return command.run()
    return 0 if {"--help", "-h", "--version"} & set(arguments) else 2  # without a command the help is printed


def program() -> NoReturn:
    """The process: as `main`, and then gone at once. Taking torch down can last longer than a person waits for `q`."""
    try:
        code = main()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    program()
