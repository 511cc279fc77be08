"""What a recording costs with two threads, in memory, and beside openSMILE's eGeMAPS, in one run."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..engine.opening import OpenedModel, open_engine
from ..protocol.errors import EmoscopeError, UsageError
from ..sources.recordings import Recording

MINUTE_S, HOUR_S = 60.0, 3_600.0
MEMORY = ("-m", "emoscope.streamer.bench.replay_memory")


@dataclass(frozen=True)
class Comparison:
    """Beside the figures of one thread.

    two_threads_s   processor time with two threads, and the wall time
    memory_mb       the largest resident memory of a process that reads so many seconds, MB
    opensmile_s     processor time of eGeMAPSv02 functionals of the same sound
    load            the machine's load average over a minute, at the end
    """

    two_threads_s: tuple[float, float]
    memory_mb: dict[float, float]
    opensmile_s: float
    load: float

    @property
    def hour_mb(self) -> float:
        """How much more memory an hour takes than a minute."""
        return self.memory_mb[HOUR_S] - self.memory_mb[MINUTE_S]

    def summary(self, audio_s: float) -> dict[str, Any]:
        """The figures, for JSON."""
        processor, wall = self.two_threads_s
        return {
            "two_threads": {"rtf": round(processor / audio_s, 5), "wall_rtf": round(wall / audio_s, 5)},
            "memory_mb": {"minute": round(self.memory_mb[MINUTE_S], 1), "hour": round(self.memory_mb[HOUR_S], 1)},
            "opensmile": {"features": "eGeMAPSv02 functionals", "rtf": round(self.opensmile_s / audio_s, 5)},
            "load": round(self.load, 2),
        }

    def lines(self, audio_s: float, rtf: float) -> list[str]:
        """The figures, for a person."""
        processor, wall = self.two_threads_s
        theirs = self.opensmile_s / audio_s
        times = f"{theirs / rtf:.1f} times as much" if rtf else "-"
        return [
            f"two threads, interims: RTF {processor / audio_s:.4f} (processor), {wall / audio_s:.4f} (wall)",
            f"memory: {self.memory_mb[MINUTE_S]:.0f} MB for a minute, {self.hour_mb:+.0f} MB for an hour",
            f"openSMILE, eGeMAPSv02 functionals of the same files: RTF {theirs:.4f}, {times} as interims here",
            f"load average over the last minute: {self.load:.1f}",
        ]


def compare(
    model: str, opened: OpenedModel, paths: Sequence[Path], rounds: int, read_once: Callable[[OpenedModel], float]
) -> Comparison:
    """Measure. `read_once` reads the files with a model and gives the time that it took; the cheapest of `rounds`
    counts.

    model   its name or folder, to open it again; opened: with one thread, as it was measured before

    UsageError without openSMILE.
    """
    smile = _opensmile()
    opensmile_s = min(_features_s(smile, paths) for _ in range(rounds))
    with_two = open_engine(model, device=opened.device, threads=2, engine=opened.runtime)
    two = []
    for _ in range(rounds):
        began = time.perf_counter()
        processor = read_once(with_two)
        two.append((processor, time.perf_counter() - began))
    memory = {seconds: _memory_mb(model, paths[0], seconds, opened.runtime) for seconds in (MINUTE_S, HOUR_S)}
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    return Comparison(min(two), memory, opensmile_s, load)


def _opensmile() -> Any:
    try:
        import opensmile
    except ImportError:
        raise UsageError("--full needs openSMILE: pip install 'emoscope[opensmile]'") from None
    return opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02, feature_level=opensmile.FeatureLevel.Functionals
    )


def _features_s(smile: Any, paths: Sequence[Path]) -> float:
    """Processor seconds for the features of the files; reading them is not counted."""
    spent = 0.0
    for path in paths:
        with Recording(path) as recording:
            samples = np.concatenate(list(recording.blocks(10.0)))[:, 0]
            began = time.process_time()
            smile.process_signal(samples, recording.sample_rate)
            spent += time.process_time() - began
    return spent


def _memory_mb(model: str, path: Path, seconds: float, engine: str = "auto") -> float:
    """The largest resident memory of a process that reads the file, again and again, until `seconds` are over."""
    command = [sys.executable, *MEMORY, model, str(path), str(seconds), engine]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own module
    try:
        return float(json.loads(done.stdout)["peak_mb"])
    except (ValueError, KeyError):
        raise EmoscopeError(f"the memory of a replay cannot be measured: {done.stderr.strip()[-200:]}") from None
