"""What is kept of an utterance from one window to the next, so that each frame is made once: see `stages`.

A frame that is final is the same in every window, so what an engine keeps changes no answer but for rounding, and where
nothing is kept (the first window, another server, a restart) the window is encoded whole.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

import numpy as np

from ..stages import Array, GraphInput, GraphOutput, Stages
from ..windows import Window

MOST_VOICES = 1_024  # of which something is kept, some 50 kB each
FORGOTTEN_S = 10.0  # after which a voice is forgotten that asks for nothing
SPARE = 16  # feature frames before the newest final ones, which a window may own although they are known


@dataclass(frozen=True)
class Kept:
    """What is known of one utterance up to sample `end`, where the last window ended.

    start  sample at which the utterance begins; None where that is not known
    peaks  (1, memory) how loud the newest front-end frames were
    front, middle, late  (channels, frames) the newest final frames; those of the front end end at `end`, the others so
                         much earlier as their reach, or at `start`
    """

    start: int | None
    end: int
    peaks: Array
    front: Array
    middle: Array
    late: Array


class Name(NamedTuple):
    """Which utterance it is: its number in a voice, whose name no other has; "" for one of which nothing is kept."""

    voice: str = ""
    utterance: int = 0


class Step(NamedTuple):
    """How a window goes on from what is kept, in feature frames; windows with the same step share a pass.

    new     frames after `Kept.end`
    front, middle, late  frames of each that come before the new ones
    known_middle, known_late  how many of the frames that the graph would make of them are known
    begin   frames from the first feature that the graph gives to the first one that the window owns
    """

    new: int
    front: int
    middle: int
    late: int
    known_middle: int
    known_late: int
    begin: int


class Start(NamedTuple):
    """A window's step, and what it goes on from."""

    step: Step
    kept: Kept


class Utterances:
    """What is kept of the newest utterance of each voice; may be used by several threads."""

    def __init__(self, stages: Stages, most: int = MOST_VOICES, clock: Callable[[], float] = time.monotonic) -> None:
        self.stages, self._most, self._clock = stages, most, clock
        self._kept: dict[str, tuple[float, int, Kept]] = {}  # the voice that was used longest ago first
        self._lock = Lock()

    def __len__(self) -> int:
        """Voices of which something is kept."""
        return len(self._kept)

    def start(self, name: Name, window: Window) -> Start | None:
        """What a window of this utterance can go on from; None where it must be encoded whole."""
        _, utterance, kept = self._kept.get(name.voice, (0.0, 0, None))
        step = next_step(self.stages, kept, window) if kept is not None and utterance == name.utterance else None
        return None if kept is None or step is None else Start(step, kept)

    def keep(self, name: Name, kept: Kept) -> None:
        """What is known now of this utterance. What was used long ago is forgotten."""
        now = self._clock()
        with self._lock:
            self._kept.pop(name.voice, None)
            self._kept[name.voice] = now, name.utterance, kept
            while len(self._kept) > self._most or now - next(iter(self._kept.values()))[0] > FORGOTTEN_S:
                del self._kept[next(iter(self._kept))]


def next_step(stages: Stages, kept: Kept, window: Window) -> Step | None:
    """How a window goes on; None where it does not follow what is kept, or too little is."""
    new, rest = divmod(window.end - kept.end, stages.frame)
    own, rest_of_own = divmod(window.own_start - kept.end, stages.frame)
    if new <= 0 or rest or rest_of_own or window.start > kept.end:
        return None  # it is asked for again, or something between is missing
    before, last, over_time = stages.reaches
    # Frames are counted from `kept.end`, backwards; none is before the utterance.
    first = _first(stages, kept.start, kept.end)
    middle_end, late_end = max(-before, first), max(-before - last, first)
    late = min(late_end, max(own - over_time, first))
    middle, front = max(late_end - last, first), max(middle_end - before, first)
    step = Step(
        new, -front, middle_end - middle, late_end - late, middle_end - front, late_end - middle, own - late
    )  # fmt: skip
    enough = (
        kept.front.shape[1] >= stages.stride * step.front
        and kept.middle.shape[1] >= step.middle
        and kept.late.shape[1] >= step.late
    )
    return step if enough else None


def _first(stages: Stages, start: int | None, end: int) -> int:
    """Where an utterance begins, in feature frames from sample `end`; long ago where that is not known."""
    return -(2**40) if start is None else (start - end) // stages.frame


def batch_of(stages: Stages, audio: Sequence[Array], starts: Sequence[Start]) -> GraphInput:
    """The input for windows of one step. `audio` is that of each whole window, of which the end is used."""
    step = starts[0].step
    samples = stages.raw + step.new * stages.frame
    places = np.array([stages.raw - stages.mel, 0, 0, step.known_middle, step.known_late], np.int64)
    return GraphInput(
        np.stack([one[len(one) - samples :] for one in audio]).astype(np.float32, copy=False),
        np.stack([one.kept.peaks for one in starts]),
        np.stack([_last(one.kept.front, stages.stride * step.front) for one in starts]),
        np.stack([_last(one.kept.middle, step.middle) for one in starts]),
        np.stack([_last(one.kept.late, step.late) for one in starts]),
        places,
    )


def _last(frames: Array, count: int) -> Array:
    return frames[:, frames.shape[1] - count :]


def kept_after(stages: Stages, window: Window, start: Start | None, made: GraphOutput, row: int) -> Kept:
    """What is known after a window was encoded; `start` None where it was encoded whole, `row` its place in a batch."""
    before, last, over_time = stages.reaches
    if start is not None:
        kept, unlike = start.kept, (0, 0)
    elif window.own_start == window.start:  # the utterance begins here
        kept, unlike = _nothing(stages, window.start, window.start), (0, 0)
    else:  # what its first frames are in a longer window depends on audio that it does not hold
        kept, unlike = _nothing(stages, None, window.start), (before, before + last)
    length = -_first(stages, kept.start, window.end)
    middle, late = (  # without the frames that depend on what comes
        array[row][:, first : max(first, array.shape[2] - min(reach, length))]
        for array, first, reach in ((made.new_middle, unlike[0], before), (made.new_late, unlike[1], before + last))
    )
    return Kept(
        kept.start,
        window.end,
        _joined(kept.peaks, made.new_peaks[row], stages.memory),
        _joined(kept.front, made.new_front[row], stages.stride * 2 * before),
        _joined(kept.middle, middle, 2 * last),
        _joined(kept.late, late, SPARE + over_time),
    )


def _nothing(stages: Stages, start: int | None, end: int) -> Kept:
    peaks, front, middle, late = (np.zeros((channels, 0), np.float32) for channels in (1, *stages.channels))
    return Kept(start, end, peaks, front, middle, late)


def _joined(earlier: Array, new: Array, most: int) -> Array:
    """The last `most` frames of both, in an array of its own."""
    both: Array = np.concatenate([earlier, new], 1)
    return _last(both, min(most, both.shape[1])).copy()
