"""The rate of the model alone, in a bare loop, and through the scheduler and the engine's process, by turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

import numpy as np
import torch

from emoscope.models.model import StreamModel
from emoscope.models.windows import part_frames, usual_window

from ..runtime.scheduler import BatchResults, Scheduler
from ..session.requests import Encode, Engine

SESSIONS = 64
ROUNDS = 5
HEADING = f"{'batch':>6} {'bare':>12} {'engine':>12} {'ratio':>6}"


@dataclass(frozen=True)
class EngineRates:
    """Usual windows a second of processor time on a CPU, of wall time on a GPU: the medians of the rounds."""

    batch: int
    bare: float
    engine: float

    @property
    def ratio(self) -> float:
        """The engine's rate as a share of the bare model's."""
        return self.engine / self.bare


def engine_rates(
    model: StreamModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float] = lambda: 0.0
) -> EngineRates:
    """Measure both by turns, so that other work on the machine affects them alike.

    elsewhere_s  returns the processor seconds that the engine has used in another process
    """
    bare, through = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(model, batch, seconds / ROUNDS / 2))
        through.append(_through(model, engine, batch, seconds / ROUNDS / 2, elsewhere_s))
    return EngineRates(batch, float(np.median(bare)), float(np.median(through)))


def _clock(model: StreamModel) -> float:
    if model.device.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def _audio(model: StreamModel, seed: int) -> np.ndarray:
    window = usual_window(model.contract)
    noise = np.random.default_rng(seed).standard_normal(model.contract.lookback + window.end - window.start)
    return (0.05 * noise).astype(np.float32)


def _bare(model: StreamModel, batch: int, seconds: float) -> float:
    """Windows a second of `model.encode` on one ready batch."""
    device = model.device
    contract = model.contract
    window = usual_window(contract)
    own = part_frames(contract, window)
    audio = torch.from_numpy(np.stack([_audio(model, n) for n in range(batch)])).to(device)
    lengths = torch.full((batch,), window.end - window.start, device=device)
    owned = torch.tensor([own if contract.reach else own[0]] * batch, device=device)
    done = 0
    half_precision = torch.autocast("cuda", torch.bfloat16, enabled=device.type == "cuda")
    with torch.inference_mode(), half_precision:
        model.encode(audio, lengths, owned)
        began, until = _clock(model), time.monotonic() + seconds
        while time.monotonic() < until:
            model.encode(audio, lengths, owned)
            done += batch
        return done / (_clock(model) - began)


def _through(model: StreamModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float]) -> float:
    """Windows a second of many sessions through a scheduler, with their audio and summaries."""
    window = usual_window(model.contract)
    audio = [_audio(model, n) for n in range(SESSIONS)]
    finished, count = Event(), {"done": 0, "submitted": 0}

    def submit(session: int) -> None:
        count["submitted"] += 1
        scheduler.submit(session, [Encode(count["submitted"], window, audio[session])])

    def deliver(answers: BatchResults) -> None:
        for session, results, _ in answers:
            count["done"] += len(results)
            if not finished.is_set():
                submit(int(str(session)))

    scheduler = Scheduler(engine, deliver, batch=batch, gather_s=0.0)
    on_gpu = model.device.type == "cuda"
    began = _clock(model) + (0.0 if on_gpu else elsewhere_s())
    for _ in range(max(1, 2 * batch // SESSIONS)):
        for session in range(SESSIONS):
            submit(session)
    time.sleep(seconds)
    finished.set()
    while scheduler.queue_length:
        time.sleep(0.001)
    scheduler.close()
    return count["done"] / (_clock(model) + (0.0 if on_gpu else elsewhere_s()) - began)
