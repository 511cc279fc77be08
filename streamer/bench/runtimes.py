"""What a window costs by torch, by onnxruntime, and there where it goes on from the one before; by turns."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from emoscope.models.graph.kept import Name
from emoscope.models.graph.model import GraphModel
from emoscope.models.windows import complete_at, now_window

from ..engine.array_model import OnnxModel
from ..engine.opening import OpenedModel, Runtime, open_engine
from .engine import bare_pass, noise

BATCHES = (1, 4, 16)
ROUNDS = 20
RUNTIMES: tuple[Runtime, ...] = ("torch", "onnx")
HEADING = f"{'model':<10} {'batch':>6} {'torch':>10} {'onnx':>10} {'ratio':>6} {'goes on':>10} {'ratio':>6}"


@dataclass(frozen=True)
class RuntimeCost:
    """Processor time in ms of a usual window, in a batch, on one thread: the medians of the rounds.

    goes_on_ms  of the same window in onnxruntime where half a second less of its utterance was encoded before
    """

    model: str
    batch: int
    torch_ms: float
    onnx_ms: float
    goes_on_ms: float

    @property
    def ratio(self) -> float:
        """How many times more torch takes."""
        return self.torch_ms / self.onnx_ms

    @property
    def saved(self) -> float:
        """How many times more onnxruntime takes for the whole window."""
        return self.onnx_ms / self.goes_on_ms


def runtime_costs(model: str, rounds: int = ROUNDS) -> list[RuntimeCost]:
    """Measure both by turns, so that other work on the machine affects them alike.

    The model is opened as a server opens it. UsageError for one that has no graph.
    """
    opened = [open_engine(model, device="cpu", threads=1, engine=runtime, many_sessions=True) for runtime in RUNTIMES]
    return [_cost(model, opened, batch, rounds) for batch in BATCHES]


def _cost(model: str, opened: list[OpenedModel], batch: int, rounds: int) -> RuntimeCost:
    audio = np.stack([noise(opened[0].contract, seed) for seed in range(batch)])
    works = [bare_pass(one, audio) for one in opened]
    onnx = opened[-1].engine.model
    assert isinstance(onnx, OnnxModel)
    works.append(_goes_on(onnx.graph, batch))
    spent: list[list[float]] = [[] for _ in works]
    for work in works:
        work()
    for _ in range(rounds):
        for times, work in zip(spent, works, strict=True):
            began = time.process_time()
            work()
            times.append((time.process_time() - began) * 1e3 / batch)
    return RuntimeCost(model, batch, *(float(np.median(times)) for times in spent))


def _goes_on(graph: GraphModel, batch: int) -> Callable[[], object]:
    """A function that encodes usual windows of as many utterances, of which the windows before were encoded now."""
    contract = graph.contract
    before, window = (now_window(contract, 0, complete_at(contract, k), k) for k in (2, 3))
    assert before is not None and window is not None
    length = contract.lookback + window.end
    sounds = [(0.05 * np.random.default_rng(seed).standard_normal(length)).astype(np.float32) for seed in range(batch)]
    names = [Name(f"voice {number}", 1) for number in range(batch)]
    heard = [[sound[one.start : contract.lookback + one.end] for sound in sounds] for one in (before, window)]
    graph.owned(names, [before] * batch, heard[0], [None] * batch)
    starts = [graph.start(name, window) for name in names]
    return partial(graph.owned, [Name()] * batch, [window] * batch, heard[1], starts)


def row(cost: RuntimeCost) -> str:
    """One line of the table."""
    return (
        f"{cost.model:<10} {cost.batch:>6} {cost.torch_ms:>7.2f} ms {cost.onnx_ms:>7.2f} ms {cost.ratio:>5.2f}x "
        f"{cost.goes_on_ms:>7.2f} ms {cost.saved:>5.2f}x"
    )
