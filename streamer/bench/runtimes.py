"""What a window costs by torch and by onnxruntime, by turns, for a model that has a graph."""

import time
from dataclasses import dataclass

import numpy as np

from ..engine.opening import OpenedModel, Runtime, open_engine
from .engine import bare_pass, noise

BATCHES = (1, 4, 16)
ROUNDS = 20
RUNTIMES: tuple[Runtime, ...] = ("torch", "onnx")
HEADING = f"{'model':<10} {'batch':>6} {'torch':>10} {'onnx':>10} {'ratio':>6}"


@dataclass(frozen=True)
class RuntimeCost:
    """Processor time in ms of a full window, in a batch, on one thread: the medians of the rounds."""

    model: str
    batch: int
    torch_ms: float
    onnx_ms: float

    @property
    def ratio(self) -> float:
        """How many times more torch takes."""
        return self.torch_ms / self.onnx_ms


def runtime_costs(model: str, rounds: int = ROUNDS) -> list[RuntimeCost]:
    """Measure both by turns, so that other work on the machine affects them alike.

    The model is opened as a server opens it. UsageError for one that has no graph.
    """
    opened = [open_engine(model, device="cpu", threads=1, engine=runtime, many_sessions=True) for runtime in RUNTIMES]
    return [_cost(model, opened, batch, rounds) for batch in BATCHES]


def _cost(model: str, opened: list[OpenedModel], batch: int, rounds: int) -> RuntimeCost:
    audio = np.stack([noise(opened[0].contract, seed) for seed in range(batch)])
    works = [bare_pass(one, audio) for one in opened]
    spent: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for times, work in zip(spent, works, strict=True):
            began = time.process_time()
            work()
            times.append((time.process_time() - began) * 1e3 / batch)
    by_torch, by_onnx = (float(np.median(times)) for times in spent)
    return RuntimeCost(model, batch, by_torch, by_onnx)


def row(cost: RuntimeCost) -> str:
    """One line of the table."""
    return f"{cost.model:<10} {cost.batch:>6} {cost.torch_ms:>7.2f} ms {cost.onnx_ms:>7.2f} ms {cost.ratio:>5.2f}x"
