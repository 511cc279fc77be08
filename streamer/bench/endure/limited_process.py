"""An emoscope command where something is missing.

`python -m emoscope.streamer.bench.endure.limited_process LIMITS ARGUMENTS`: LIMITS is a `Limits` as JSON.
"""

import contextlib
import resource
import runpy
import sys
import time
from pathlib import Path

import msgspec

from ...testing.ordinary_user import ordinary_user


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing.

    file_bytes   no file takes more than this, as on a full disk; None for no limit
    ordinary     root's right to write everywhere is put aside
    clock_file   a file with the seconds by which the wall clock is wrong, read again and again; None for a right clock
    """

    file_bytes: int | None = None
    ordinary: bool = False
    clock_file: str | None = None


def main(limits: Limits, arguments: list[str]) -> None:
    """Run the command as Python does; it ends with SystemExit."""
    if limits.file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.file_bytes, limits.file_bytes))
    if limits.clock_file is not None:
        _wrong_clock(Path(limits.clock_file))
    with ordinary_user() if limits.ordinary else contextlib.nullcontext():
        sys.argv[1:] = arguments
        runpy.run_module("emoscope.streamer.cli", run_name="__main__", alter_sys=True)


def _wrong_clock(path: Path) -> None:
    """`time.time` is wrong by what the file says; a program must measure time with a clock that nobody sets."""
    right = time.time

    def wrong() -> float:
        return right() + float(path.read_text() or 0)

    time.time = wrong


if __name__ == "__main__":
    main(msgspec.json.decode(sys.argv[1], type=Limits), sys.argv[2:])
