"""The rate of the model alone, in a bare loop, and through the scheduler and the engine's process, by turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from threading import Event

import numpy as np

from emoscope.models.contract import ModelContract
from emoscope.models.windows import part_frames, usual_window

from ..engine.array_model import OnnxModel
from ..engine.opening import OpenedModel
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
    opened: OpenedModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float] = lambda: 0.0
) -> EngineRates:
    """Measure both by turns, so that other work on the machine affects them alike.

    elsewhere_s  returns the processor seconds that the engine has used in another process
    """
    bare, through = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(opened, batch, seconds / ROUNDS / 2))
        through.append(_through(opened, engine, batch, seconds / ROUNDS / 2, elsewhere_s))
    return EngineRates(batch, float(np.median(bare)), float(np.median(through)))


def _clock(opened: OpenedModel) -> float:
    if opened.device == "cpu":
        return time.process_time()
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()


def noise(contract: ModelContract, seed: int) -> np.ndarray:
    """A window such as a stream asks for, of noise, with its lookback."""
    window = usual_window(contract)
    samples = np.random.default_rng(seed).standard_normal(contract.lookback + window.end - window.start)
    return (0.05 * samples).astype(np.float32)


def _bare(opened: OpenedModel, batch: int, seconds: float) -> float:
    """Windows a second of the model on one ready batch."""
    work = bare_pass(opened, np.stack([noise(opened.contract, n) for n in range(batch)]))
    done = 0
    work()
    began, until = _clock(opened), time.monotonic() + seconds
    while time.monotonic() < until:
        work()
        done += batch
    return done / (_clock(opened) - began)


def bare_pass(opened: OpenedModel, audio: np.ndarray) -> Callable[[], object]:
    """A function that encodes usual windows (B, lookback + N) once, with nothing around the model."""
    if isinstance(opened.engine.model, OnnxModel):
        return partial(opened.engine.model.graph.frames, audio)
    import torch

    model, contract = opened.model, opened.contract
    window = usual_window(contract)
    own = part_frames(contract, window)
    place = partial(torch.tensor, device=model.device)
    tensors = (
        torch.from_numpy(audio).to(model.device),
        place([window.end - window.start] * len(audio)),
        place([own if contract.reach else own[0]] * len(audio)),
    )

    def work() -> object:
        with torch.inference_mode(), torch.autocast("cuda", torch.bfloat16, enabled=model.device.type == "cuda"):
            return model.encode(*tensors)

    return work


def _through(
    opened: OpenedModel, engine: Engine, batch: int, seconds: float, elsewhere_s: Callable[[], float]
) -> float:
    """Windows a second of many sessions through a scheduler, with their audio and summaries."""
    window = usual_window(opened.contract)
    audio = [noise(opened.contract, n) for n in range(SESSIONS)]
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
    on_gpu = opened.device != "cpu"
    began = _clock(opened) + (0.0 if on_gpu else elsewhere_s())
    for _ in range(max(1, 2 * batch // SESSIONS)):
        for session in range(SESSIONS):
            submit(session)
    time.sleep(seconds)
    finished.set()
    while scheduler.queue_length:
        time.sleep(0.001)
    scheduler.close()
    return count["done"] / (_clock(opened) + (0.0 if on_gpu else elsewhere_s()) - began)
