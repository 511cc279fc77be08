"""Words under their times: which line each stands on, and how large and dark it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...protocol.events import WeighedWord
from ...protocol.text import clean

LINES = 6
SMALLEST, LARGEST = 6.5, 9.5  # points
FAINTEST = 0.45
GAP = 3.0  # points between two words of a line
SCALES = (1.0, 0.85, 0.7)

Measure = Callable[[str, float], float]
"""The width in points of a text in a font size in points."""


@dataclass(frozen=True)
class PlacedWord:
    """A word as it is drawn: it begins at its time.

    line      0 is the highest
    size      of the font, points
    strength  opacity, 0 to 1
    """

    text: str
    start: float
    line: int
    size: float
    strength: float


def weight_shares(words: Sequence[WeighedWord]) -> list[float]:
    """The weight of each word of one utterance as a share of the largest."""
    top = max((word.weight for word in words), default=0.0) or 1.0
    return [max(0.0, word.weight / top) for word in words]


def place(
    words: Sequence[tuple[WeighedWord, float]], points_a_second: float, measure: Measure
) -> tuple[list[PlacedWord], int]:
    """Where the words of a row stand, and how many could not be placed because too many were said at once.

    words            in any order, each with its weight as a share of the largest in its utterance
    points_a_second  the scale of the time axis
    """
    ordered = sorted(words, key=lambda item: item[0].start)
    placed: list[PlacedWord] = []
    left_out = 0
    for scale in SCALES:
        placed, left_out = _place(ordered, points_a_second, measure, scale)
        if not left_out:
            break
    return placed, left_out


def _place(
    ordered: Sequence[tuple[WeighedWord, float]], points_a_second: float, measure: Measure, scale: float
) -> tuple[list[PlacedWord], int]:
    ends = [float("-inf")] * LINES
    placed, left_out = [], 0
    for word, share in ordered:
        text = clean(word.word.strip())
        if not text:
            continue
        size = scale * (SMALLEST + (LARGEST - SMALLEST) * share)
        left = word.start * points_a_second
        line = next((number for number, end in enumerate(ends) if left >= end + GAP), None)
        if line is None:
            left_out += 1
            continue
        ends[line] = left + measure(text, size)
        placed.append(PlacedWord(text, word.start, line, size, FAINTEST + (1 - FAINTEST) * share))
    return placed, left_out
