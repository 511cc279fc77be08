"""The parts of `emoscope bench endure`, and running them."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from subprocess import TimeoutExpired

from ...engine.messages import ModelRequest
from ...protocol.errors import EmoscopeError, UsageError
from ...runtime.shutdown import interrupted_by_signals
from ...server.logs import errors_alone
from .budget import Budget
from .report import HEADING, PartReport, lines

SYSTEM = "linux"  # what a process has open and holds in memory is read from /proc


@dataclass(frozen=True)
class Part:
    """One part; its module has `run(Budget) -> PartReport`.

    share   of the minutes, when all parts run
    rounds  what `--count` counts
    """

    name: str
    share: float
    rounds: str

    def run(self, budget: Budget) -> PartReport:
        """Run it; imported only now."""
        run: Callable[[Budget], PartReport] = import_module(f".{self.name}", __package__).run
        return run(budget)


PARTS = (
    Part("session", 0.18, "hours of audio"),
    Part("messages", 0.14, "messages"),
    Part("sockets", 0.14, "cuts"),
    Part("processes", 0.22, "kills of each kind"),
    Part("idle", 0.10, "minutes"),
    Part("resources", 0.08, "rounds"),
    Part("recordings", 0.14, "files of each container"),
)
NAMES = tuple(part.name for part in PARTS)


@dataclass(frozen=True)
class EndureOptions:
    """What runs, for how long, and where the results go.

    names    parts; empty for all
    minutes  of wall time, of all parts together
    count    of the rounds of the one part that is named; None for no bound
    seed     repeats what chance chose
    model    who reads
    audio    a recording of speech
    picture  where it is drawn; None for nowhere
    """

    names: Sequence[str]
    minutes: float
    count: int | None
    seed: int
    model: ModelRequest
    audio: Path
    picture: Path | None
    as_json: bool = False


def print_endurance(options: EndureOptions) -> bool:
    """Run the parts, one after another, and print each one's rows when it is over. Whether every bound was kept.

    UsageError on systems without /proc.
    """
    if sys.platform != SYSTEM:
        raise UsageError("bench endure reads /proc, which Linux alone has")
    if options.picture is not None:
        from .picture import check

        check(options.picture)
    errors_alone()
    chosen = [part for part in PARTS if not options.names or part.name in options.names]
    if not options.as_json:
        print(HEADING, flush=True)
    reports = []
    for part in chosen:
        reports.append(_run(part, options, options.minutes * 60 * part.share / sum(one.share for one in chosen)))
        if not options.as_json:
            print("\n".join(lines(reports[-1])), flush=True)
        if options.picture is not None:
            from .picture import draw

            draw(reports, options.picture)
    if options.as_json:
        print(json.dumps({"seed": options.seed, "parts": [_as_json(report) for report in reports]}))
    else:
        print(f"seed {options.seed}: {sum(report.holds for report in reports)} of {len(reports)} parts hold")
    return all(report.holds for report in reports)


def _run(part: Part, options: EndureOptions, seconds: float) -> PartReport:
    budget = Budget(seconds, options.count, options.seed, options.model, options.audio)
    began = time.monotonic()
    try:
        with interrupted_by_signals():  # SIGTERM too must leave no server behind
            report = part.run(budget)
    except UsageError:
        raise
    except (EmoscopeError, TimeoutExpired) as error:  # one part that cannot run must not hide the others' figures
        report = PartReport(part.name)
        report.problem(str(error))
    report.seconds = time.monotonic() - began
    return report


def _as_json(report: PartReport) -> dict[str, object]:
    held = [{**asdict(one), "holds": one.holds} for one in report.held]
    return {**asdict(report), "held": held, "holds": report.holds}
