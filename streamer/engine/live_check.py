"""Whether a model can follow a live voice on this machine: a window is measured when the model is opened.

A recording only takes longer on a slow machine, but a live voice does not wait. So whoever opens a model for live use
says how much of real time one voice may take, and learns before the first word that it takes more.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import msgspec

from emoscope.models.contract import ModelContract
from emoscope.models.external import EMBEDDED
from emoscope.models.windows import at_once, usual_window

from ..protocol.config import Config

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

    from .batch import BatchEngine
    from .opening import OpenedModel, Runtime

LIVE_SHARE = 0.5  # the rest is for the words, the screen, other programs, and a processor that slows down when hot
MOST_MEASURED = 3  # windows; the fastest counts, because other programs only make a window slower


class LiveCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a model must be able to do to be used live.

    share       of real time that the model may take for one voice; with more it is too slow
    interval_s  speech between two interim readings; None where there are none
    otherwise   name of the model that is opened instead of one that is too slow; "" opens that one all the same
    """

    share: float = LIVE_SHARE
    interval_s: float | None = None
    otherwise: str = ""

    @classmethod
    def of(cls, config: Config, otherwise: str = "") -> Self:
        """The check for sessions with this config."""
        return cls(share=LIVE_SHARE, interval_s=config.interval_s if config.interim else None, otherwise=otherwise)


@dataclass(frozen=True)
class LiveModel:
    """A model that was opened for live use.

    opened    the model
    name      its name or folder; not the one that was asked for where that was too slow
    too_slow  what was measured, what follows, and what would help, in one line; "" where all is well
    """

    opened: "OpenedModel"
    name: str
    too_slow: str = ""


def open_live(
    model: "str | Path | StreamModel",
    check: LiveCheck,
    *,
    device: str = "auto",
    threads: int | None = None,
    batch: int | None = None,
    many_sessions: bool = False,
    engine: "Runtime" = "auto",
    clock: Callable[[], float] = time.perf_counter,
) -> LiveModel:
    """Open a model as `open_engine` does, measure a window, and open `check.otherwise` instead where it is too slow.

    clock  seconds that only go forward
    """
    from .opening import open_engine

    name = str(model) if isinstance(model, str | Path) else model.contract.id

    def opened_model(one: "str | Path | StreamModel") -> "OpenedModel":
        return open_engine(one, device=device, threads=threads, batch=batch, many_sessions=many_sessions, engine=engine)

    opened = opened_model(model)
    needed = windows_a_second(opened.contract, check.interval_s)
    window_s = measured_window_s(opened.engine, check.share / needed, clock)
    if needed * window_s <= check.share:
        return LiveModel(opened, name)
    measured = Measured(name, opened, window_s, check, many_sessions=many_sessions)
    if not check.otherwise:
        return LiveModel(opened, name, measured.kept())
    line = measured.replaced()
    del opened, measured  # two models need more memory than one
    return LiveModel(opened_model(check.otherwise), check.otherwise, line)


def windows_a_second(contract: ModelContract, interval_s: float | None) -> float:
    """Windows that one second of speech without a pause makes: those of the grid, and one for each interim reading.

    With a reach, an interim's window holds the new cells too; without interims, longer windows count by their length.
    """
    interims = 0.0 if interval_s is None else 1.0 / interval_s
    if not contract.reach:
        return contract.sample_rate / contract.hop + interims
    usual = usual_window(contract)
    longer = contract.window / (usual.end - usual.start)
    return max(interims, longer * contract.sample_rate / (at_once(contract) * contract.hop))


def measured_window_s(
    engine: "BatchEngine", fast_enough_s: float = math.inf, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds that a window and its reading take by themselves, when the engine is warm.

    The shortest of a few, or the first that takes at most `fast_enough_s`.
    """
    shortest = math.inf
    for _ in range(MOST_MEASURED):
        began = clock()
        engine.warm()
        shortest = min(shortest, clock() - began)
        if shortest <= fast_enough_s:
            break
    return shortest


@dataclass(frozen=True)
class Measured:
    """A model that is too slow, for the line that says so.

    window_s       seconds that a window takes
    many_sessions  the model of a server, whose clients choose whether they want interims
    """

    name: str
    opened: "OpenedModel"
    window_s: float
    check: LiveCheck
    many_sessions: bool

    def kept(self) -> str:
        """The line where the model is used all the same."""
        options = [*self._options(), *([] if self.name == EMBEDDED else [f"--model {EMBEDDED}"])]
        return f"model {self.name} {self._too_slow()}: {self._what_follows()}{_what_may_help(options)}"

    def replaced(self) -> str:
        """The line where `check.otherwise` is used."""
        advice = _what_may_help(self._options())
        return (
            f"model {self.check.otherwise}, because {self.name} {self._too_slow()}{advice}. "
            f"--model {self.name} uses it all the same"
        )

    def _load(self, interval_s: float | None) -> float:
        """Share of real time that one voice takes."""
        return self.window_s * windows_a_second(self.opened.contract, interval_s)

    def _too_slow(self) -> str:
        interval_s = self.check.interval_s
        without = "" if interval_s is None else f", {self._load(None):.2f} s without interims"
        return (
            f"is too slow for a live voice here: a window takes {1e3 * self.window_s:.0f} ms, so a second of speech "
            f"takes {self._load(interval_s):.2f} s{without}, and at most {self.check.share:.2f} s is safe"
        )

    def _what_follows(self) -> str:
        """What will happen to a voice, by the rules of a live stream."""
        if self._load(None) > 1:
            return "interims will be skipped, and speech will be left out"
        if self._load(self.check.interval_s) > 1:
            return "interims will be skipped"
        return "interims will be skipped whenever the machine has other work"

    def _options(self) -> list[str]:
        """Options that may make the model fast enough."""
        cores = os.cpu_count() or 1
        options = []
        if self.opened.device == "cpu":
            options.append("a GPU (--device cuda)")
            if self.opened.threads < cores:
                options.append(f"--threads {cores}")
        if self.check.interval_s is not None and self._load(None) <= self.check.share:
            options.append("clients without interims" if self.many_sessions else "--no-interim")
        return options


def _what_may_help(options: list[str]) -> str:
    """A sentence that follows another; "" where there are no options."""
    listed = " or ".join([", ".join(options[:-1]), options[-1]] if len(options) > 1 else options)
    return f". What may help: {listed}" if listed else ""
