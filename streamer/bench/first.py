"""The first minute: from `emoscope listen` to its first frame, to listening, and to a model that is ready."""

import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from ..protocol.errors import EmoscopeError, UsageError

MARKS = {"first frame": "emoscope", "listening": "listening", "model ready": "say something"}
"""What the screen shows when each stage is reached."""

TARGETS_S = {"first frame": 0.5, "listening": 1.5}
ROUND_TIMEOUT_S = 300.0
ROWS, COLUMNS = 24, 80
SCREEN_ENDS = "\x1b[?1049l"


class NothingShown(EmoscopeError):
    """`emoscope listen` ended, or showed nothing in time; the message has its last words."""


def print_times(options: Sequence[str], rounds: int, *, as_json: bool) -> None:
    """Start `emoscope listen` with these options a few times, and print the median of each stage, and the load."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    measured = [times(options) for _ in range(rounds)]
    medians = {stage: statistics.median(each[stage] for each in measured) for stage in MARKS}
    if as_json:
        print(json.dumps({"rounds": rounds, "load": load, "cores": os.cpu_count(), "seconds": medians}))
        return
    print(f"emoscope listen {' '.join(options)}: {rounds} starts, load {load:.1f} on {os.cpu_count()} cores")
    for stage, seconds in medians.items():
        least, most = (pick(each[stage] for each in measured) for pick in (min, max))
        target = f", the aim on an idle machine is {TARGETS_S[stage]:g} s" if stage in TARGETS_S else ""
        print(f"{stage:<12} {seconds:6.2f} s ({least:.2f} to {most:.2f}){target}")


def times(options: Sequence[str]) -> dict[str, float]:
    """Seconds from the start of one process to each stage; NothingShown where a stage was not reached."""
    try:
        import fcntl
        import pty
        import termios
    except ImportError:
        raise UsageError("bench first needs a Unix terminal") from None
    import struct

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    command = [sys.executable, "-m", "emoscope.streamer.cli", "listen", *options]
    environment = {**os.environ, "TERM": "xterm-256color"}
    began = time.monotonic()
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    os.close(slave)
    try:
        return _reached(master, process, began)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.close(master)


def _reached(master: int, process: "subprocess.Popen[Any]", began: float) -> dict[str, float]:
    reached: dict[str, float] = {}
    shown = ""
    while len(reached) < len(MARKS):
        if time.monotonic() - began > ROUND_TIMEOUT_S:
            raise NothingShown(f"emoscope listen did not reach {_next(reached)!r} within {ROUND_TIMEOUT_S:g} s")
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            chunk = os.read(master, 65_536)
        except OSError:  # the terminal has no other end any more
            chunk = b""
        if not chunk:
            process.wait()
            said = [line.strip() for line in shown.rpartition(SCREEN_ENDS)[2].splitlines() if line.strip()]
            last = said[-1] if said else "it printed nothing"
            raise NothingShown(f"emoscope listen ended before {_next(reached)!r}: {last}")
        shown += chunk.decode("utf-8", "replace")
        for stage, mark in MARKS.items():
            # The alternate screen comes first: an error's line names emoscope too.
            if stage not in reached and "\x1b[?1049h" in shown and mark in shown:
                reached[stage] = time.monotonic() - began
    return reached


def _next(reached: dict[str, float]) -> str:
    return next(stage for stage in MARKS if stage not in reached)
