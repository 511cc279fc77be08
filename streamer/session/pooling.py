"""The pooled state of the current utterance, and of the mood over utterances."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState
from emoscope.models.windows import Window, parts

from ..protocol.config import SAMPLE_RATE, Config
from .requests import Summary


@dataclass
class WindowScores:
    """Attention scores (T, G) of the frames of a part of a window; the first frame begins at sample `start`."""

    start: int
    scores: npt.NDArray[np.float32]


@dataclass
class PoolingState:
    """What was pooled so far.

    pool         of the current utterance; None before its first window
    segments     windows, or parts of windows, in it
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
    """What one reading is computed from: the pooled state, its number of parts and their attention scores."""

    pool: PoolState | None
    segments: int
    scores: list[WindowScores]


class Pooling:
    """Merges the parts of windows in their order: each frame once into its utterance, and once into the mood."""

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
        """The utterance so far and the last part of a window, which is not kept."""
        last = parts(self.contract, window)[-1]
        return self._with(summary.states[-1], self._scores(summary, window, last), last)

    def merge(self, summary: Summary | None, window: Window, *, last: bool = True) -> None:
        """Add the parts of a window to utterance and mood for good; without a summary, their frames count as dropped.

        last  whether the last part is among them
        """
        s, kept = self.state, parts(self.contract, window)
        if not last:
            kept = kept[:-1]
        for place, part in enumerate(kept):
            if summary is None:
                s.dropped += part.own_end - part.own_start
                continue
            state = summary.states[place]
            s.pool, s.segments, s.scores = self._with(state, self._scores(summary, window, part), part)
            if s.mood is None:
                s.mood, s.mood_start = state, part.own_start
            else:
                # A part ages as a whole: from its own centre to the centre of the newest one (models/README.md).
                age_s = (part.centre - s.mood_centre) / SAMPLE_RATE
                s.mood = s.mood.weighted(-math.log(2) * age_s / self.config.half_life_s).merge(state)
            s.mood_centre = part.centre

    def _with(self, state: PoolState, scores: npt.NDArray[np.float32], part: Window) -> Pooled:
        """The utterance so far and one more part."""
        pool, segments, earlier = self.current
        if self.config.attention:
            earlier = [*earlier, WindowScores(part.own_start, scores)]
        return Pooled(state if pool is None else pool.merge(state), segments + 1, earlier)

    def _scores(self, summary: Summary, window: Window, part: Window) -> npt.NDArray[np.float32]:
        """The attention scores of one part of a window."""
        frame = self.contract.frame
        begin = window.own_start
        return summary.scores[(part.own_start - begin) // frame : (part.own_end - begin) // frame]
