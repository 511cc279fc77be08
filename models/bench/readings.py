"""What a reading costs after some seconds of speech, beside running the model again on the whole utterance."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from ..contract import ModelContract
from ..model import StreamModel
from ..pool_state import PoolState
from ..reading import CIRCUMPLEX, Calibration
from ..small import SmallConfig, SmallModel
from ..systems import build
from ..windows import Window, complete_windows, grid_window, next_window, now_window

INTERVAL_S = 1.0  # between two readings
CYCLE = 4  # readings after which the pattern of windows repeats: 5 windows in 4 s, with a hop of 0.8 s


@dataclass(frozen=True)
class ReadingCost:
    """One reading, `seconds` into an utterance, computed in two ways on one thread.

    ours     incrementally: the grid windows that became complete in the last second, the now window, the merges and
             the reading. The mean of four readings in a row, as sometimes one and sometimes two windows became complete
    again    the model over the whole utterance so far, as one window; None where skipped
    gflop    billions of operations, two a multiply-add, without the attention's own products (fused on a CPU, so not
             counted): for a transformer `again` costs more than its count says
    skipped  why `again` was not measured
    """

    model: str
    seconds: float
    ours_ms: float
    ours_gflop: float
    again_ms: float | None = None
    again_gflop: float | None = None
    again_wall_s: float = 0.0
    skipped: str | None = None

    @property
    def times_cheaper(self) -> float | None:
        """How many incremental readings cost as much as one run over the whole utterance."""
        return None if self.again_ms is None else self.again_ms / self.ours_ms


def small_model() -> SmallModel:
    """`small` with random weights: its cost does not depend on them."""
    contract = ModelContract(
        id="small", labels=tuple(CIRCUMPLEX), window=64_000, hop=8_000, frame=640, lookback=16_080, tail=4_800,
        reach=5_760,
    )  # fmt: skip
    return SmallModel(SmallConfig(), contract, Calibration())


MODELS: dict[str, Callable[[], StreamModel]] = {"small": small_model, "segmental": lambda: build("segmental")}


def due(contract: ModelContract, seconds: float) -> list[Window]:
    """The windows that a reading after `seconds` must encode: new grid windows, then the now window.

    With a reach, the now window holds the new cells too.
    """
    samples = round(seconds * contract.sample_rate)
    samples -= samples % contract.frame
    before = complete_windows(contract, samples - round(INTERVAL_S * contract.sample_rate))
    count = before if contract.reach else complete_windows(contract, samples)
    windows = [grid_window(contract, 0, k) for k in range(before, count)]
    last = now_window(contract, 0, samples, count)
    return windows if last is None else [*windows, last]


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def _gflop(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops() / 1e9)


def one_reading(model: StreamModel, audio: Tensor, past: PoolState, seconds: float) -> Tensor:
    """Label probabilities (1, L) after `seconds`, from the state of what came before and the newest windows."""
    state = past
    for new in model.encode_windows(audio, due(model.contract, seconds)):
        state = state.merge(new)
    return model.read(state, torch.tensor([seconds]))[0]


def all_again(model: StreamModel, audio: Tensor) -> Tensor:
    """Label probabilities (1, L) of the whole audio, encoded as one window."""
    count = len(audio) - model.contract.lookback
    (state,) = model.encode_windows(audio, [Window(0, count, 0, count, -1)])
    return model.read(state, torch.tensor([count / model.contract.sample_rate]))[0]


def bench_readings(
    durations: Sequence[float], models: dict[str, Callable[[], StreamModel]], until: float
) -> Iterator[ReadingCost]:
    """Costs of readings after each of `durations` (seconds, rising), by model; `until` is a time of time.monotonic().

    Everything runs on one thread and is measured in processor time, so that other load on the machine hardly matters.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, make in models.items():
            model = make().eval()
            slowness = 0.0  # of `again`, wall seconds for a second of audio; for a transformer it grows
            for seconds in durations:
                cost = _reading(name, model, seconds, until, slowness)
                slowness = cost.again_wall_s / seconds
                yield cost
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def _reading(name: str, model: StreamModel, seconds: float, until: float, slowness: float) -> ReadingCost:
    contract = model.contract
    count = round(seconds * contract.sample_rate)
    count -= count % contract.frame
    audio = torch.empty(contract.lookback + count).uniform_(-0.1, 0.1)
    # A pool state has the same size however long the utterance was, so the first window's stands for all before.
    (past,) = model.encode_windows(audio, [next_window(contract, 0, 0)])
    at = [seconds - n * INTERVAL_S for n in range(CYCLE)]
    ours_gflop = sum(_gflop(lambda t=t: one_reading(model, audio, past, t)) for t in at) / CYCLE  # type: ignore[misc]
    ours_ms = sum(_ms(lambda t=t: one_reading(model, audio, past, t)) for t in at) / CYCLE  # type: ignore[misc]
    if time.monotonic() + 2 * slowness * seconds > until:
        return ReadingCost(name, seconds, ours_ms, ours_gflop, skipped="no time left")
    # Counting operations hardly slows one long run, so it is counted and timed together.
    wall, processor = time.monotonic(), time.process_time()
    again_gflop = _gflop(lambda: all_again(model, audio))
    again_ms = (time.process_time() - processor) * 1e3
    return ReadingCost(name, seconds, ours_ms, ours_gflop, again_ms, again_gflop, time.monotonic() - wall)
