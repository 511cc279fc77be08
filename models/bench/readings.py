"""What a reading costs after a while, beside running the model again on all that was heard."""

import time
from collections import defaultdict
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
from ..windows import Window, complete_windows, grid_window, now_window, owned_frames

INTERVAL_S = 1.0  # between two readings
CYCLE = 4  # readings until window and reading fall together again: 5 windows a cycle with a hop of 0.8 s


@dataclass(frozen=True)
class ReadingCost:
    """One reading, `heard` seconds into an utterance: ours and again, on one thread.

    ours   the grid windows that became complete in the last second, the now window, the merges and the reading; the
           mean of four readings in a row, since sometimes one and sometimes two grid windows became complete
    again  the model over everything heard, in one go; None where skipped
    gflop  billions of operations, two a multiply-add, without the attention's own products (fused on a CPU, so not
           counted): for a transformer `again` costs more than its count says
    """

    model: str
    heard: float
    ours_ms: float
    ours_gflop: float
    again_ms: float | None = None
    again_gflop: float | None = None
    again_wall_s: float = 0.0
    skipped: str | None = None

    @property
    def times_cheaper(self) -> float | None:
        """How many readings of ours one run over everything costs."""
        return None if self.again_ms is None else self.again_ms / self.ours_ms


def small_model() -> SmallModel:
    """`small` with random weights: its cost does not depend on them."""
    contract = ModelContract(
        id="small", labels=tuple(CIRCUMPLEX), window=25_600, hop=12_800, frame=640, lookback=480, tail=4_800
    )
    return SmallModel(SmallConfig(), contract, Calibration())


MODELS: dict[str, Callable[[], StreamModel]] = {"small": small_model, "segmental": lambda: build("segmental")}


def due(contract: ModelContract, heard: float) -> list[Window]:
    """The windows that a reading after `heard` seconds asks for: new grid windows, then the now window."""
    samples = round(heard * contract.sample_rate)
    samples -= samples % contract.frame
    before = complete_windows(contract, samples - round(INTERVAL_S * contract.sample_rate))
    count = complete_windows(contract, samples)
    windows = [grid_window(contract, 0, k) for k in range(before, count)]
    last = now_window(contract, 0, samples, count)
    return windows if last is None else [*windows, last]


def encoded(model: StreamModel, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
    """States of windows of audio (lookback + N,), those of one length in one batch, as the engine does it."""
    contract = model.contract
    groups: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        groups[window.end - window.start].append(window)
    states = []
    for length, group in groups.items():
        batch = torch.stack([audio[w.start : w.end + contract.lookback] for w in group])
        owned = torch.tensor([owned_frames(contract, w) for w in group])
        state = model.encode(batch, torch.full((len(group),), length), owned).state
        states += [state.map(lambda array, row=row: array[row : row + 1]) for row in range(len(group))]  # type: ignore[misc]
    return states


def _ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return (time.process_time() - began) * 1e3


def _gflop(work: Callable[[], object]) -> float:
    with FlopCounterMode(display=False) as counter:
        work()
    return float(counter.get_total_flops() / 1e9)


def one_reading(model: StreamModel, audio: Tensor, past: PoolState, heard: float) -> Tensor:
    """Label probabilities (1, L) after `heard` seconds, from the state of what came before and the newest windows."""
    state = past
    for new in encoded(model, audio, due(model.contract, heard)):
        state = state.merge(new)
    return model.read(state, torch.tensor([heard]))[0]


def all_again(model: StreamModel, audio: Tensor) -> Tensor:
    """Label probabilities (1, L) of everything heard as one window."""
    count = len(audio) - model.contract.lookback
    (state,) = encoded(model, audio, [Window(0, count, 0, count, -1)])
    return model.read(state, torch.tensor([count / model.contract.sample_rate]))[0]


def bench_readings(
    heard: Sequence[float], models: dict[str, Callable[[], StreamModel]], until: float
) -> Iterator[ReadingCost]:
    """Costs of readings after each of `heard` seconds (rising), by model; `until` is a time of time.monotonic().

    Everything runs on one thread and is measured in processor time: what it costs, whatever else the machine does.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for name, make in models.items():
            model = make().eval()
            slowness = 0.0  # of running again, seconds a second heard; it grows with the square in a transformer
            for seconds in heard:
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
    # What came before is a state of the same size, however long it was: here, that of the first window.
    (past,) = encoded(model, audio, [grid_window(contract, 0, 0)])
    at = [seconds - n * INTERVAL_S for n in range(CYCLE)]
    ours_gflop = sum(_gflop(lambda t=t: one_reading(model, audio, past, t)) for t in at) / CYCLE  # type: ignore[misc]
    ours_ms = sum(_ms(lambda t=t: one_reading(model, audio, past, t)) for t in at) / CYCLE  # type: ignore[misc]
    if time.monotonic() + 2 * slowness * seconds > until:
        return ReadingCost(name, seconds, ours_ms, ours_gflop, skipped="no time left")
    # Counting slows a chain of small runs, one long run hardly: this is counted and timed at once.
    wall, processor = time.monotonic(), time.process_time()
    again_gflop = _gflop(lambda: all_again(model, audio))
    again_ms = (time.process_time() - processor) * 1e3
    return ReadingCost(name, seconds, ours_ms, ours_gflop, again_ms, again_gflop, time.monotonic() - wall)
