"""The engine's process behind a scheduler against the same model in a bare loop, in turns within one run."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import numpy as np
import torch

from emoscope.models.model import StreamModel
from emoscope.models.windows import grid_window, owned_frames

from ..runtime.scheduler import BatchResults, Scheduler
from ..session.requests import Encode, Engine

OWNERS = 64
ROUNDS = 5
ENGINE = f"{'batch':>6} {'bare':>12} {'engine':>12} {'ratio':>6}"


@dataclass(frozen=True)
class EngineCost:
    """Full windows a second of processor time on a CPU, of wall time on a GPU: the medians of the rounds."""

    batch: int
    bare: float
    engine: float

    @property
    def ratio(self) -> float:
        """How much of the bare model's rate is left."""
        return self.engine / self.bare


def engine_cost(
    model: StreamModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float] = lambda: 0.0
) -> EngineCost:
    """Rounds of bare and engine in turns, so that what else the machine does hits both alike.

    elsewhere_s  processor time that the engine has used in another process
    """
    bare, through = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(model, batch, seconds / ROUNDS / 2))
        through.append(_through(model, engine, batch, seconds / ROUNDS / 2, elsewhere_s))
    return EngineCost(batch, float(np.median(bare)), float(np.median(through)))


def _clock(model: StreamModel) -> float:
    if next(model.parameters()).is_cuda:
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _audio(model: StreamModel, seed: int) -> np.ndarray:
    contract = model.contract
    noise = np.random.default_rng(seed).standard_normal(contract.lookback + contract.window)
    return (0.05 * noise).astype(np.float32)


def _bare(model: StreamModel, batch: int, seconds: float) -> float:
    """Windows a second of `model.encode` on one ready batch."""
    device = next(model.parameters()).device
    contract = model.contract
    window = grid_window(contract, 0, 0)
    audio = torch.from_numpy(np.stack([_audio(model, n) for n in range(batch)])).to(device)
    lengths = torch.full((batch,), contract.window, device=device)
    owned = torch.tensor([owned_frames(contract, window)] * batch, device=device)
    done = 0
    half = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")
    with torch.inference_mode(), half:
        model.encode(audio, lengths, owned)
        began, until = _clock(model), time.monotonic() + seconds
        while time.monotonic() < until:
            model.encode(audio, lengths, owned)
            done += batch
        return done / (_clock(model) - began)


def _through(model: StreamModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float]) -> float:
    """Windows a second of many owners through a scheduler, audio and summaries included."""
    window = grid_window(model.contract, 0, 0)
    audio = [_audio(model, n) for n in range(OWNERS)]
    full, state = Event(), {"done": 0, "asked": 0}

    def ask(owner: int) -> None:
        state["asked"] += 1
        scheduler.submit(owner, [Encode(state["asked"], window, audio[owner])])

    def deliver(answers: BatchResults) -> None:
        for owner, results, _ in answers:
            state["done"] += len(results)
            if not full.is_set():
                ask(int(str(owner)))

    scheduler = Scheduler(engine, deliver, batch=batch, gather_s=0.0)
    on_gpu = next(model.parameters()).is_cuda
    began = _clock(model) + (0.0 if on_gpu else elsewhere_s())
    for _ in range(max(1, 2 * batch // OWNERS)):
        for owner in range(OWNERS):
            ask(owner)
    time.sleep(seconds)
    full.set()
    while scheduler.queue_length:
        time.sleep(0.001)
    scheduler.close()
    return state["done"] / (_clock(model) + (0.0 if on_gpu else elsewhere_s()) - began)
