"""The windows of an utterance, and which window owns each frame.

Grid window k of an utterance covers [k hop, k hop + window] from the utterance's start. Windows overlap to give
context, yet each encoder frame is pooled once: it belongs, by its centre, to the grid window whose centre is
nearest (ties to the later one; window 0 owns from the start). The stream, training and offline use share this module.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .contract import ModelContract


@dataclass(frozen=True)
class Window:
    """A part of an utterance that is encoded at once. Positions are samples from an origin that the maker chooses.

    start, end          the samples that are encoded
    own_start, own_end  the frames that are pooled, a whole number of frames from `start`
    index               k of a grid window, -1 for the now window
    """

    start: int
    end: int
    own_start: int
    own_end: int
    index: int

    @property
    def centre(self) -> float:
        return (self.start + self.end) / 2


def owned_from(contract: ModelContract, k: int) -> int:
    """Offset from the utterance's start of the first frame that grid window k owns.

    The border between windows k - 1 and k is midway between their centres; a frame whose centre is on it goes
    to the later window, hence the rounding up of a half frame.
    """
    if k == 0:
        return 0
    border = k * contract.hop + (contract.window - contract.hop) / 2
    frame = contract.frame
    return int(-(-(border - frame / 2) // frame)) * frame


def grid_window(contract: ModelContract, start: int, k: int) -> Window:
    """Grid window k of the utterance that begins at sample `start`."""
    begin = start + k * contract.hop
    return Window(
        start=begin,
        end=begin + contract.window,
        own_start=start + owned_from(contract, k),
        own_end=start + owned_from(contract, k + 1),
        index=k,
    )


def complete_windows(contract: ModelContract, length: int) -> int:
    """How many grid windows lie within the first `length` samples of an utterance."""
    return 0 if length < contract.window else (length - contract.window) // contract.hop + 1


def now_window(contract: ModelContract, start: int, end: int, committed: int) -> Window | None:
    """The last `window` samples up to `end`, owning what the `committed` grid windows do not; None if nothing is left.

    `end` must be a whole number of frames from `start`.
    """
    own_start = start + owned_from(contract, committed)
    if own_start >= end:
        return None
    return Window(start=max(start, end - contract.window), end=end, own_start=own_start, own_end=end, index=-1)


def owned_frames(contract: ModelContract, window: Window) -> tuple[int, int]:
    """First and past-the-last frame that a window owns, counted from its start."""
    return (
        (window.own_start - window.start) // contract.frame,
        (window.own_end - window.start) // contract.frame,
    )


def plan(contract: ModelContract, length: int) -> Iterator[Window]:
    """All windows of an utterance of `length` samples whose end is known, in order: the offline computation.

    >>> c = ModelContract(id="x", labels=("a",), window=4, hop=2, frame=1, lookback=0, tail=0)
    >>> [(w.start, w.end, w.own_start, w.own_end) for w in plan(c, 7)]
    [(0, 4, 0, 3), (2, 6, 3, 5), (3, 7, 5, 7)]
    """
    length -= length % contract.frame
    count = complete_windows(contract, length)
    for k in range(count):
        yield grid_window(contract, 0, k)
    last = now_window(contract, 0, length, count)
    if last is not None:
        yield last
