"""The command line: finds the commands, runs the one that was asked for, and turns errors into exit codes.

Nothing slow is imported before a command runs.
"""

import atexit
import contextlib
import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import NoReturn

from ..protocol.errors import EmoscopeError, UsageError
from .bench import command as bench_command
from .command import AnyCommand
from .completion import command as completion_command
from .config import command as config_command
from .devices import command as devices_command
from .doctor.command import command as doctor_command
from .explain import command as explain_command
from .listen import command as listen_command
from .models import command as models_command
from .parser import build_app, parse
from .replay import command as replay_command
from .send import command as send_command
from .serve import command as serve_command
from .summary import command as summary_command

GROUP = "emoscope.commands"
OWN: tuple[AnyCommand, ...] = (
    bench_command,
    completion_command,
    config_command,
    devices_command,
    doctor_command,
    explain_command,
    listen_command,
    models_command,
    replay_command,
    send_command,
    serve_command,
    summary_command,
)


def commands(arguments: Sequence[str]) -> list[AnyCommand]:
    """Our own commands and those that other packages offer, which are left out where one of ours is asked for."""
    if arguments and arguments[0] in {command.name for command in OWN}:
        return list(OWN)
    offered: list[AnyCommand] = []
    for entry in entry_points(group=GROUP):
        try:
            offered.append(entry.load())
        except ImportError as error:
            print(f"emoscope: the command {entry.name!r} of {entry.value} cannot be loaded: {error}", file=sys.stderr)
    return [*OWN, *offered]


def offered_names() -> list[str]:
    """The names of other packages' commands, which sections of emoscope.toml may have too."""
    return list(entry_points(group=GROUP).names)


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
        print(f"emoscope: {error}", file=sys.stderr)
        return 2
    except EmoscopeError as error:
        print(f"emoscope: {error}", file=sys.stderr)
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
        print(f"emoscope: {error.strerror or error}{where}", file=sys.stderr)
        return 1
    return code


def _run(arguments: Sequence[str]) -> int:
    command = parse(build_app(commands(arguments), offered_names), arguments)
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
