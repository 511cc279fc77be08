"""The pooled state of the current utterance, and of the mood over utterances."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState
from emoscope.models.windows import Window

from ..protocol.config import SAMPLE_RATE, Config
from .requests import Summary


@dataclass
class WindowScores:
    """Attention scores (T, G) of the frames that one window owns; the first frame begins at sample `start`."""

    start: int
    scores: npt.NDArray[np.float32]


@dataclass
class PoolingState:
    """What was pooled so far.

    pool         of the current utterance; None before its first window
    segments     windows in it
    scores       its attention scores, for as long as an utterance may be
    mood         pooled over utterances, older frames weighted down as of the window centre `mood_centre` (sample)
    mood_start   first sample of the mood
    dropped      samples of speech whose windows were never encoded
    """

    pool: PoolState | None = None
    segments: int = 0
    scores: list[WindowScores] = field(default_factory=list)
    mood: PoolState | None = None
    mood_centre: float = 0.0
    mood_start: int = 0
    dropped: int = 0


class Pooled(NamedTuple):
    """What one reading is computed from: the pooled state, its number of windows and their attention scores."""

    pool: PoolState | None
    segments: int
    scores: list[WindowScores]


class Pooling:
    """Merges window summaries in window order: each frame once into its utterance, and once into the mood."""

    def __init__(self, contract: ModelContract, config: Config, state: PoolingState) -> None:
        self.contract, self.config, self.state = contract, config, state

    @property
    def current(self) -> Pooled:
        """The utterance so far."""
        return Pooled(self.state.pool, self.state.segments, self.state.scores)

    def begin(self) -> None:
        """Start an utterance with an empty pool."""
        self.state.pool, self.state.segments, self.state.scores = None, 0, []

    def forget_mood(self) -> None:
        """Start the mood afresh with the next window."""
        self.state.mood = None

    def preview(self, summary: Summary, window: Window) -> Pooled:
        """The utterance so far and one more window, which is not kept."""
        pool, segments, scores = self.current
        if self.config.attention:
            scores = [*scores, WindowScores(window.own_start, summary.scores)]
        return Pooled(summary.state if pool is None else pool.merge(summary.state), segments + 1, scores)

    def merge(self, summary: Summary | None, window: Window) -> None:
        """Add a window to utterance and mood for good; without a summary, its frames count as dropped."""
        s = self.state
        if summary is None:
            s.dropped += window.own_end - window.own_start
            return
        s.pool, s.segments, s.scores = self.preview(summary, window)
        if s.mood is None:
            s.mood, s.mood_start = summary.state, window.own_start
        else:
            # A window ages as a whole: from its own centre to the centre of the newest window (models/README.md).
            age_s = (window.centre - s.mood_centre) / SAMPLE_RATE
            s.mood = s.mood.weighted(-math.log(2) * age_s / self.config.half_life_s).merge(summary.state)
        s.mood_centre = window.centre
