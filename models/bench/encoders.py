"""The cost of each public encoder at its published shape. Weights are random: the cost does not depend on them."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from ..encoders import PUBLISHED, Tokens, speech_encoder, text_encoder
from ..encoders.published import Published

WINDOW_S = 2.0  # one window of the stream
TOKENS = 32  # the length of one transcript, for text encoders
ENOUGH_S = 5.0  # total time of the runs, after which no further run starts
SPARE = 1.5  # memory needed to build and run an encoder, relative to its weights
TEXT_S = 10.0  # seconds of speech that TOKENS stand for, at about three tokens a second


@dataclass(frozen=True)
class EncoderCost:
    """One encoder on one device.

    seconds     of audio that one run encodes (a window), or stands for (a transcript of 32 tokens, at about 3 a second)
    gflop       per second of audio, a multiply-add counted as two, on the meta device; None if not counted
    ms          per second of audio, the fastest of `runs`. On a CPU it is processor time summed over threads, which
                other load on the machine hardly changes
    weights_mb  memory of the parameters; working_mb: peak memory of one run besides them, None if not known
    skipped     the reason why nothing was measured
    """

    name: str
    parameters: int
    device: str
    dtype: str
    threads: int
    seconds: float
    gflop: float | None = None
    ms: float | None = None
    runs: int = 0
    weights_mb: float | None = None
    working_mb: float | None = None
    skipped: str | None = None


def _inputs(shape: Published, encoder: Any, device: str) -> tuple[Any, ...]:
    """One window of audio, or one transcript, for an encoder."""
    if shape.normalise is None:
        ids = torch.full((1, TOKENS), 5, device=device)
        return (Tokens(ids, torch.ones(1, TOKENS, dtype=torch.bool, device=device)),)
    samples = round(WINDOW_S * 16_000)
    audio = torch.zeros(1, encoder.lookback + samples, device=device)
    return (audio if device == "meta" else audio.uniform_(-0.1, 0.1)), torch.full((1,), samples, device=device)


def _build(shape: Published) -> Any:
    encoder = text_encoder(shape.text()) if shape.normalise is None else speech_encoder(shape.speech())
    return encoder.eval().requires_grad_(False)


def gigaflops(shape: Published) -> float:
    """Floating-point operations of one run in billions, computed from shapes alone."""
    with torch.device("meta"):
        encoder = _build(shape).to("meta")
    inputs = _inputs(shape, encoder, "meta")
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        if shape.normalise is not None:
            encoder(*inputs)
        else:
            # The encoder itself would check values of ids and mask, which the meta device does not have.
            mask = {"attention_mask": inputs[0].mask.long()} if encoder.config.family == "deberta-v2" else {}
            encoder.model(input_ids=inputs[0].ids, **mask)
    return float(counter.get_total_flops() / 1e9)


def _resident_mb(field: str) -> float | None:
    """VmRSS or VmHWM of this process; None where there is no /proc."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith(field))
    except (OSError, StopIteration):
        return None


def _reset_peak_memory() -> None:
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
    except OSError:
        return


def measure(name: str, device: str, runs: int) -> EncoderCost:
    """Build and run one encoder in this process."""
    shape = PUBLISHED[name]
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    encoder = _build(shape)
    encoder.model.to(dtype)
    encoder.to(device)
    inputs = _inputs(shape, encoder, device)

    clock = time.perf_counter if device == "cuda" else time.process_time

    def once() -> float:
        began = clock()
        encoder(*inputs)
        if device == "cuda":
            torch.cuda.synchronize()
        return clock() - began

    with torch.inference_mode():
        # The first run shows the memory: later ones reuse what it freed.
        before = torch.cuda.memory_allocated() / 2**20 if device == "cuda" else _resident_mb("VmRSS")
        _reset_peak_memory()
        spent = [once()]
        peak = torch.cuda.max_memory_allocated() / 2**20 if device == "cuda" else _resident_mb("VmHWM")
        if runs > 1:
            spent = [once()]
            while len(spent) < runs and sum(spent) < ENOUGH_S:
                spent.append(once())
    working = None if peak is None or before is None else max(0.0, peak - before)
    seconds = TEXT_S if shape.normalise is None else WINDOW_S
    return EncoderCost(
        name=name,
        parameters=shape.parameters,
        device=device,
        dtype=str(dtype).removeprefix("torch."),
        threads=torch.get_num_threads(),
        seconds=seconds,
        ms=min(spent) * 1e3 / seconds,
        runs=len(spent),
        weights_mb=sum(p.numel() * p.element_size() for p in encoder.parameters()) / 2**20,
        working_mb=working,
    )


def _available_mb() -> float:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")


def _measure_in_subprocess(name: str, device: str, runs: int, threads: int, timeout_s: float) -> EncoderCost | str:
    """`measure` in a subprocess, so that its memory is measured alone and released; or the reason for a failure."""
    command = [sys.executable, "-m", __package__, name, device, str(runs), str(threads)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, env=environment, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        return f"not done within the {timeout_s:.0f} s that were left"
    if done.returncode:
        errors = done.stderr.strip().splitlines()
        return f"failed: {errors[-1] if errors else f'exit code {done.returncode}, perhaps out of memory'}"
    return EncoderCost(**json.loads(done.stdout.splitlines()[-1]))


def bench_encoders(names: Sequence[str], device: str, threads: int, until: float) -> Iterator[EncoderCost]:
    """The cost of each encoder of `names`, cheapest first; `until` is the deadline by time.monotonic().

    Large ones run once, others up to five times after a warm-up run. Those that do not fit are skipped.
    """
    operations = {name: gigaflops(PUBLISHED[name]) for name in names}
    known: list[EncoderCost] = []
    for name in sorted(names, key=operations.__getitem__):
        shape = PUBLISHED[name]
        seconds = TEXT_S if shape.normalise is None else WINDOW_S
        blank = EncoderCost(name, shape.parameters, device, "", threads, seconds, gflop=operations[name] / seconds)
        twin = next((cost for cost in known if PUBLISHED[cost.name].model == shape.model), None)
        if twin is not None:  # the same shape under another name: XLS-R and XLSR-53
            yield replace(twin, name=name)
            continue
        needed = shape.parameters * 4 / 2**20 * SPARE
        left = until - time.monotonic()
        if left <= 5:
            yield replace(blank, skipped="no time left")
        elif needed > _available_mb():
            free = _available_mb() / 1024
            yield replace(blank, skipped=f"needs about {needed / 1024:.1f} GB of memory, {free:.1f} GB are free")
        else:
            heavy = operations[name] > 200
            found = _measure_in_subprocess(name, device, 1 if heavy and device == "cpu" else 5, threads, left)
            if isinstance(found, str):
                yield replace(blank, skipped=found)
            else:
                known.append(replace(found, gflop=blank.gflop))
                yield known[-1]
