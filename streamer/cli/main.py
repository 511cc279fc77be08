"""The command line. Nothing heavy is imported before a command runs."""

import argparse
import atexit
import contextlib
import io
import os
import sys
from importlib.metadata import entry_points
from typing import NoReturn

from ..protocol.errors import EmoscopeError, UsageError
from .bench import command as bench_command
from .command import Command
from .devices import command as devices_command
from .listen import command as listen_command
from .models import command as models_command
from .replay import command as replay_command
from .send import command as send_command
from .serve import command as serve_command

OWN = [bench_command, devices_command, listen_command, models_command, replay_command, send_command, serve_command]

EPILOG = """\
A reading is a guess about expression, not a fact about a person. Tell people that they are being read. Not for
decisions about people, not at work or in school, where the EU forbids it (AI Act, Art. 5(1)(f)).
"""


def commands() -> list[Command]:
    """Our own commands and those that other packages offer, by name."""
    offered: list[Command] = []
    for entry in entry_points(group="emoscope.commands"):
        try:
            offered.append(entry.load())
        except ImportError as error:
            print(f"emoscope: the command {entry.name!r} of {entry.value} cannot be loaded: {error}", file=sys.stderr)
    return sorted([*OWN, *offered], key=lambda command: command.name)


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="emoscope",
        description="Reads the emotions of a voice while it speaks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and leave")
    choices = top.add_subparsers(metavar="COMMAND")
    for command in commands():
        sub = choices.add_parser(command.name, help=command.help, description=command.help)
        command.register(sub)
        sub.set_defaults(run=command.run)
    return top


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0, 1 for something that failed, 2 for usage, 130 after Ctrl+C."""
    if sys.stdout is None:  # closed by whoever started us: nobody wants to read
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name or a sign that the terminal cannot show must not end the run
            stream.reconfigure(errors="replace")
    try:
        code = _run(arguments)
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


def _run(arguments: list[str] | None) -> int:
    top = parser()
    args = top.parse_args(arguments)
    if args.version:
        from ..runtime.drive import product

        print(product())
        return 0
    if not hasattr(args, "run"):
        top.print_help()
        return 2
    code: int = args.run(args)
    return code


def program() -> NoReturn:
    """The process: as `main`, and then gone at once. Taking torch down can last longer than a person waits for `q`."""
    try:
        code = main()
    except SystemExit as leaving:  # argparse: usage and help
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()
    atexit._run_exitfuncs()
    os._exit(code)


if __name__ == "__main__":
    program()
