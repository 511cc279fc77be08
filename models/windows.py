"""The windows of an utterance, and which window owns each frame.

Grid window k of an utterance covers [k hop, k hop + window] from the utterance's start. Windows overlap to give
context, yet each encoder frame is pooled once: it belongs, by its centre, to the grid window whose centre is
nearest (ties to the later one; window 0 owns from the start). The stream, training and offline use share this module.

A frame of a model with a `reach` is the same in every window that covers it and `reach` to both sides. So what is
pooled is cut into cells, and one window covers several of them: each frame is encoded about once, not once a window.
Cell k is complete, its right context included, (k + 1) hop after the utterance's start, rounded down to whole frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from .contract import ModelContract


@dataclass(frozen=True)
class Window:
    """A part of an utterance that is encoded at once. Positions are samples from an origin that the maker chooses.

    start, end          the samples that are encoded
    own_start, own_end  the frames that are pooled, a whole number of frames from `start`
    index               k of a grid window or of the first cell, -1 for the now window
    borders             where the owned frames are divided into parts that are pooled each by itself
    """

    start: int
    end: int
    own_start: int
    own_end: int
    index: int
    borders: tuple[int, ...] = ()

    @property
    def centre(self) -> float:
        return (self.start + self.end) / 2


def owned_from(contract: ModelContract, k: int) -> int:
    """Offset from the utterance's start of the first frame that grid window k, or cell k, owns.

    The border between windows k - 1 and k is midway between their centres; a frame whose centre is on it goes
    to the later window, hence the rounding up of a half frame.
    """
    if k == 0:
        return 0
    if contract.reach:
        return complete_at(contract, k - 1) - contract.reach
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


def cells_window(contract: ModelContract, start: int, first: int, last: int) -> Window:
    """Cells `first` up to `last` of the utterance that begins at sample `start`, each a part of its own."""
    borders = [start + owned_from(contract, k) for k in range(first, last + 1)]
    return Window(
        start=max(start, borders[0] - contract.reach),
        end=borders[-1] + contract.reach,
        own_start=borders[0],
        own_end=borders[-1],
        index=first,
        borders=tuple(borders[1:-1]),
    )


def complete_at(contract: ModelContract, k: int) -> int:
    """Samples of an utterance after which grid window k, or cell k, is complete."""
    if contract.reach:
        return (k + 1) * contract.hop // contract.frame * contract.frame
    return k * contract.hop + contract.window


def complete_windows(contract: ModelContract, length: int) -> int:
    """How many grid windows, or cells, are complete within the first `length` samples of an utterance."""
    if contract.reach:
        return ((length // contract.frame + 1) * contract.frame - 1) // contract.hop
    return 0 if length < contract.window else (length - contract.window) // contract.hop + 1


def at_once(contract: ModelContract) -> int:
    """How many cells are encoded at once where no reading is due: as many as fit into a window; without a reach, 1."""
    return (contract.window - 2 * contract.reach - contract.frame) // contract.hop if contract.reach else 1


def next_window(contract: ModelContract, start: int, committed: int) -> Window:
    """What is encoded for its own sake after `committed` grid windows or cells: `at_once` of them."""
    if contract.reach:
        return cells_window(contract, start, committed, committed + at_once(contract))
    return grid_window(contract, start, committed)


def usual_window(contract: ModelContract) -> Window:
    """A window such as a stream asks for again and again."""
    if not contract.reach:
        return grid_window(contract, 0, 0)
    window = now_window(contract, 0, complete_at(contract, 3), 3)
    assert window is not None, "what lies within reach of the end belongs to no complete cell"
    return window


def now_window(contract: ModelContract, start: int, end: int, committed: int) -> Window | None:
    """The last `window` samples up to `end`, owning what the `committed` grid windows do not; None if nothing is left.

    With a reach: no more than is needed, and the cells that are complete by `end` are parts of their own; the last part
    is what no cell owns yet. `end` must be a whole number of frames from `start`.
    """
    own_start = start + owned_from(contract, committed)
    if own_start >= end:
        return None
    if not contract.reach:
        return Window(start=max(start, end - contract.window), end=end, own_start=own_start, own_end=end, index=-1)
    complete = complete_windows(contract, end - start)
    borders = tuple(start + owned_from(contract, k) for k in range(committed + 1, complete + 1))
    return Window(max(start, own_start - contract.reach), end, own_start, end, -1, borders)


def parts(contract: ModelContract, window: Window) -> list[Window]:
    """What is pooled by itself: the window; with a reach each stretch between its borders, as if encoded alone."""
    if not contract.reach:
        return [window]
    borders = (window.own_start, *window.borders, window.own_end)
    return [Window(a, b, a, b, window.index) for a, b in pairwise(borders)]


def without_last(contract: ModelContract, window: Window) -> Window | None:
    """A window without its last part, and without the audio that this alone needs; None if that is all it owns."""
    if not window.borders:
        return None
    *borders, own_end = window.borders
    return Window(window.start, own_end + contract.reach, window.own_start, own_end, window.index, tuple(borders))


def owned_frames(contract: ModelContract, window: Window) -> tuple[int, int]:
    """First and past-the-last frame that a window owns, counted from its start."""
    return (
        (window.own_start - window.start) // contract.frame,
        (window.own_end - window.start) // contract.frame,
    )


def part_frames(contract: ModelContract, window: Window) -> list[tuple[int, int]]:
    """First and past-the-last frame of each part of a window, counted from its start."""
    borders = [(at - window.start) // contract.frame for at in (window.own_start, *window.borders, window.own_end)]
    return list(pairwise(borders))


def plan(contract: ModelContract, length: int) -> Iterator[Window]:
    """All windows of an utterance of `length` samples whose end is known, in order: the offline computation.

    >>> c = ModelContract(id="x", labels=("a",), window=4, hop=2, frame=1, lookback=0, tail=0)
    >>> [(w.start, w.end, w.own_start, w.own_end) for w in plan(c, 7)]
    [(0, 4, 0, 3), (2, 6, 3, 5), (3, 7, 5, 7)]
    """
    length -= length % contract.frame
    committed, step = 0, at_once(contract)
    while complete_at(contract, committed + step - 1) <= length:
        yield next_window(contract, 0, committed)
        committed += step
    last = now_window(contract, 0, length, committed)
    if last is not None:
        yield last
