"""`emoscope bench replay`: what a second of recorded sound costs through the local path, by stage."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..engine.opening import OpenedModel
from ..protocol.config import Config
from ..protocol.events import SessionClosed
from ..runtime.replay import BLOCK_S, drive
from ..runtime.watched import watched
from ..session.requests import DetectVoice, Encode, Engine, Read, Request, Result
from ..sources.recordings import Recording
from .comparison import compare
from .processor_times import ProcessorTimes
from .serve import print_machine

STAGES = {
    "decode": "reading the file",
    "resample": "mixing, and resampling to 16 kHz",
    "detector": "finding utterances and windows",
    "windows": "the model's encoder",
    "assembly": "pooling windows, and making events",
    "readings": "the model's head",
    "rest": "warnings, and what lies between the stages",
}


@dataclass(frozen=True)
class ReplayCost:
    """What recordings cost once: processor time of all threads on a CPU, wall time where a GPU computes.

    audio_s, speech_s    seconds of sound, and of the utterances in it
    windows, readings    how many were encoded and read
    stages               seconds that each of `STAGES` took
    """

    audio_s: float
    speech_s: float
    utterances: int
    windows: int
    readings: int
    stages: dict[str, float]

    @property
    def total_s(self) -> float:
        """Seconds that all stages took."""
        return sum(self.stages.values())

    @property
    def rtf(self) -> float:
        """Real-time factor: seconds for each second of sound, silence included."""
        return self.total_s / self.audio_s if self.audio_s else 0.0

    def stage_ms(self, stage: str) -> float:
        """Milliseconds of a stage for each second of sound."""
        return 1e3 * self.stages[stage] / self.audio_s if self.audio_s else 0.0

    @property
    def window_ms(self) -> float:
        """The encoder's time for one window."""
        return 1e3 * self.stages["windows"] / self.windows if self.windows else 0.0

    @property
    def windows_per_s(self) -> float:
        """Windows that the encoder does in a second."""
        return 1e3 / self.window_ms if self.window_ms else 0.0

    def summary(self) -> dict[str, Any]:
        """The figures, for JSON."""
        return {
            "total_s": round(self.total_s, 4),
            "rtf": round(self.rtf, 5),
            "windows": self.windows,
            "readings": self.readings,
            "window_ms": round(self.window_ms, 3),
            "windows_per_s": round(self.windows_per_s, 1),
            "stages_s": {stage: round(spent, 4) for stage, spent in self.stages.items()},
        }


@dataclass(frozen=True)
class Measured:
    """A model's cheapest rounds."""

    opened: OpenedModel
    interims: ReplayCost
    finals: ReplayCost


def print_costs(
    paths: Sequence[Path],
    models: Sequence[OpenedModel],
    config: Config,
    rounds: int,
    *,
    as_json: bool,
    full: Sequence[str] = (),
) -> None:
    """Read recordings with interims and without them, by turns, and print what the cheapest round of each cost.

    models  of which each is read in every round
    full    their names or folders: with two threads too, memory, and openSMILE on the same files

    UnreadableAudio for a file that is no recording.
    """
    if not as_json:
        print_machine()
    configs = [msgspec.structs.replace(config, interim=interim) for interim in (True, False)]
    read = [[[replay_cost(paths, opened, one) for one in configs] for opened in models] for _ in range(rounds)]
    measured = [
        Measured(opened, *(min(costs, key=lambda cost: cost.total_s) for costs in zip(*of_one, strict=True)))
        for opened, of_one in zip(models, zip(*read, strict=True), strict=True)
    ]
    more = [
        compare(name, opened, paths, rounds, lambda one: replay_cost(paths, one, configs[0]).total_s)
        for name, opened in zip(full, models, strict=False)
    ]
    if as_json:
        records = [_record(one, config, rounds) for one in measured]
        for one, record, other in zip(measured, records, more, strict=False):
            record.update(other.summary(one.interims.audio_s))
        print(json.dumps(records[0] if len(records) == 1 else {"models": records}))
        return
    print("\n".join(table(measured, config)))
    for one, other in zip(measured, more, strict=False):
        if len(measured) > 1:
            print(f"{one.opened.contract.id} ({one.opened.runtime}):")
        print("\n".join(other.lines(one.interims.audio_s, one.interims.rtf)))


def replay_cost(
    paths: Sequence[Path], opened: OpenedModel, config: Config, clock: Callable[[], float] | None = None
) -> ReplayCost:
    """Read recordings once, by the session, engine and loop of `replay`, with the time of each stage counted.

    clock  seconds that only go forward; None takes the one that suits the device
    """
    clock = clock or (time.process_time if opened.device == "cpu" else time.perf_counter)
    times = ProcessorTimes(*STAGES, clock=clock)
    counts = dict.fromkeys(("windows", "readings"), 0)
    audio_s, speech_s, utterances, total_s = 0.0, 0.0, 0, 0.0
    for path in paths:
        with Recording(path) as recording:
            driver = drive(recording, opened, config)
            session = driver.session
            intake = session._intake
            intake.feed = times.timed("resample", intake.feed)  # type: ignore[method-assign]
            session.feed = times.timed("detector", session.feed)  # type: ignore[method-assign]
            session.apply = times.timed("assembly", session.apply)  # type: ignore[method-assign]
            session.finish = times.timed("assembly", session.finish)  # type: ignore[method-assign]
            driver.engine = _timed_engine(opened.engine, times, counts)
            began = clock()
            for event in driver.run(watched(_timed_blocks(recording, times), recording, driver)):
                if isinstance(event, SessionClosed):
                    audio_s += event.totals.audio_s
                    speech_s += event.totals.speech_s
                    utterances += event.totals.utterances
            total_s += clock() - began
    times.spent["detector"] -= times.spent["resample"]  # which happens inside
    times.spent["rest"] = total_s - sum(times.spent.values())
    return ReplayCost(audio_s, speech_s, utterances, counts["windows"], counts["readings"], times.spent)


def _timed_blocks(recording: Recording, times: ProcessorTimes) -> Iterator[npt.NDArray[np.float32]]:
    """The recording's blocks, with the time of decoding counted."""
    take = times.timed("decode", partial(next, recording.blocks(BLOCK_S), None))
    while (block := take()) is not None:
        yield block


def _timed_engine(engine: Engine, times: ProcessorTimes, counts: dict[str, int]) -> Engine:
    """The same engine, asked for one kind of request after the other, with the time of each kind counted."""
    kinds: dict[str, type[Request]] = {"detector": DetectVoice, "windows": Encode, "readings": Read}
    timed: dict[str, Callable[[Sequence[Request]], list[Result]]] = {
        stage: times.timed(stage, engine) for stage in kinds
    }

    def run(requests: Sequence[Request]) -> list[Result]:
        results: list[Result] = []
        for stage, kind in kinds.items():
            if asked := [request for request in requests if isinstance(request, kind)]:
                results += timed[stage](asked)
                if stage in counts:
                    counts[stage] += len(asked)
        return results

    return run


def table(measured: Sequence[Measured], config: Config) -> list[str]:
    """The lines of the table: of each model a column with interims, and one without."""
    first = measured[0]
    costs = [cost for one in measured for cost in (one.interims, one.finals)]
    clock = "processor" if first.opened.device == "cpu" else "wall"
    threads = f"{first.opened.threads} thread{'s' * (first.opened.threads != 1)}"
    heard = first.interims
    names = [f"{one.opened.contract.id} ({one.opened.runtime})" for one in measured]
    heads = [f"\n{'':<60}" + "".join(f" {name:>23.23}" for name in names)] if len(names) > 1 else [""]
    return [
        f"{heard.audio_s:.1f} s of sound, {heard.speech_s:.1f} s of speech in {heard.utterances} utterances; "
        f"model {', '.join(names)}, {first.opened.device}, {threads}, --vad {config.vad.backend}",
        *heads,
        f"{'':<60}" + f" {'interims':>11} {'finals only':>11}" * len(measured),
        _row(f"seconds of {clock} time", [cost.total_s for cost in costs], 3),
        _row("RTF: for a second of sound", [cost.rtf for cost in costs], 4),
        _row("windows", [cost.windows for cost in costs], 0),
        _row("ms a window", [cost.window_ms for cost in costs], 2),
        _row("windows a second", [cost.windows_per_s for cost in costs], 1),
        "ms for a second of sound, by stage:",
        *(_row(f"  {stage}: {what}", [cost.stage_ms(stage) for cost in costs], 2) for stage, what in STAGES.items()),
    ]


def _row(name: str, values: Sequence[float], digits: int) -> str:
    return f"{name:<60}" + "".join(f" {value:>11.{digits}f}" for value in values)


def _record(measured: Measured, config: Config, rounds: int) -> dict[str, Any]:
    opened, interims = measured.opened, measured.interims
    return {
        "model": opened.contract.id,
        "device": opened.device,
        "precision": opened.precision,
        "threads": opened.threads,
        "engine": opened.runtime,
        "vad": config.vad.backend,
        "rounds": rounds,
        "audio_s": round(interims.audio_s, 3),
        "speech_s": round(interims.speech_s, 3),
        "utterances": interims.utterances,
        "interims": interims.summary(),
        "finals_only": measured.finals.summary(),
    }
