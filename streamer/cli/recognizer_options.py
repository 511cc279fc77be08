"""The options of commands that hear words, in one place."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..asr.choice import HOW, NAMES, choose
from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from ..asr.recognizer import Recognizer

NO_WORDS = f"no words: no faster-whisper model is on this machine; {HOW}"


def add_asr(parser: argparse.ArgumentParser) -> None:
    """`--asr`, `--asr-device`, `--language`."""
    parser.add_argument(
        "--asr",
        default="auto",
        metavar="NAME[:MODEL]",
        help=f"speech recognizer: {', '.join(NAMES)}; faster-whisper takes a size or a folder (auto: faster-whisper "
        "where a model is cached, else none)",
    )
    parser.add_argument("--asr-device", default="cpu", choices=["cpu", "cuda"], help="where faster-whisper runs (cpu)")
    parser.add_argument("--language", metavar="CODE", help="of the speech, as en (detected)")


def asr(args: argparse.Namespace) -> "tuple[Callable[[], Recognizer] | None, str]":
    """What starts the recognizer that was asked for; where there is none by default, the line that says so.

    UsageError for a name or a folder that is none.
    """
    choice = choose(args.asr, args.asr_device)
    if choice is None:
        return None, NO_WORDS if args.asr == "auto" else ""
    chosen = choice

    def start() -> "Recognizer":
        from ..asr.recognizer import Recognizer

        return Recognizer(chosen)

    return start, ""


def checked_threads(threads: int | None) -> int | None:
    """What `--threads` says; UsageError where no machine has so many, or so few."""
    if threads is not None and not 1 <= threads <= 1024:
        raise UsageError(f"--threads {threads}: must be from 1 to 1024")
    return threads
