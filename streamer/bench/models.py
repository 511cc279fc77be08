"""The tables of `emoscope bench models`: encoders at their published shapes, and readings after a while."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emoscope.models.bench import EncoderCost, ReadingCost

HEARD_S = (5.0, 30.0, 60.0, 120.0)
READINGS_SHARE = 0.45  # of the time, at most

READINGS_HEADING = f"{'model':<10} {'heard':>6} {'ours':>16} {'again':>20} {'cheaper':>8}"
ENCODERS_HEADING = (
    f"{'encoder':<40} {'size':>6} {'device':>13} {'GFLOP':>8} {'ms':>8} {'runs':>4} {'weights':>8} {'working':>8}"
)


def print_costs(
    minutes: float, *, threads: int, encoders: Sequence[str] | None, readings: bool, runtimes: bool
) -> None:
    """Measure and print a row at a time, for at most so many minutes.

    threads   CPU threads of the encoders
    encoders  the names of encoders; all if empty, none if None. UsageError for an unknown one
    readings  measure what readings cost; runtimes: what a window costs by torch and by onnxruntime
    """
    began = time.monotonic()
    if runtimes:
        print_runtimes()
    if readings:
        print_readings(began + 60 * minutes * READINGS_SHARE)
    if encoders is not None:
        print_encoders(encoders, threads, began + 60 * minutes)
    print(f"done in {(time.monotonic() - began) / 60:.1f} minutes")


def print_runtimes() -> None:
    """The table of torch beside onnxruntime, for the models that ship with a graph."""
    from emoscope.models.graph.load import runs_without_torch
    from emoscope.models.store import shipped

    from .runtimes import HEADING, row, runtime_costs

    print("Processor time of a full window on one thread, by turns; the engine takes the faster where it may choose.")
    print(HEADING)
    for name in filter(runs_without_torch, shipped()):
        for cost in runtime_costs(name):
            print(row(cost), flush=True)
    print()


def print_readings(until: float) -> None:
    """The table of readings, until a time on the monotonic clock."""
    from emoscope.models.bench import MODELS, bench_readings

    print("Processor time of a reading after some seconds of speech, and of running the model again on all of them.")
    print(READINGS_HEADING)
    for cost in bench_readings(HEARD_S, MODELS, until):
        print(reading_row(cost), flush=True)
    print("GFLOP without the attention's own products.\n")


def print_encoders(names: Sequence[str], threads: int, until: float) -> None:
    """The table of encoders, all if no names are given, until a time on the monotonic clock."""
    import torch

    from emoscope.models.bench import bench_encoders
    from emoscope.models.encoders.published import PUBLISHED, published

    ids = [published(name).id for name in names or PUBLISHED]
    print("Encoders at their published shapes, with random weights, for each second of audio: a window of 2 s, which")
    print("Whisper pads to 30 s as it was trained; for text 32 tokens, counted as 10 s of speech.")
    print(f"{threads} CPU thread{'s' * (threads != 1)}; ms are processor time on a CPU.")
    print(ENCODERS_HEADING)
    # The GPU first: it is fast, and a slow CPU would use up the time.
    for device in [*(["cuda"] if torch.cuda.is_available() else []), "cpu"]:
        for cost in bench_encoders(ids, device, threads, until):
            print(encoder_row(cost), flush=True)


def encoder_row(cost: "EncoderCost") -> str:
    """One line of the encoders' table."""
    device = f"{cost.device} {cost.dtype.replace('bfloat', 'bf').replace('float', 'fp')}".strip()
    head = f"{cost.name:<40} {cost.parameters / 1e6:>5.0f}M {device:>13} {cost.gflop:>8.2f}"
    if cost.skipped:
        return f"{head}  skipped: {cost.skipped}"
    working = "-" if cost.working_mb is None else f"{cost.working_mb:.0f} MB"
    return f"{head} {cost.ms:>8.1f} {cost.runs:>4} {cost.weights_mb:>5.0f} MB {working:>8}"


def reading_row(cost: "ReadingCost") -> str:
    """One line of the readings' table."""
    ours = f"{cost.ours_ms:.0f} ms {cost.ours_gflop:.1f} GF"
    head = f"{cost.model:<10} {cost.seconds:>4.0f} s {ours:>16}"
    if cost.times_cheaper is None:
        return f"{head}  skipped: {cost.skipped}"
    again = f"{cost.again_ms:.0f} ms {cost.again_gflop:.1f} GF"
    return f"{head} {again:>20} {cost.times_cheaper:>7.1f}x"
