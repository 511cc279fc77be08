"""Colours and letters of labels, and ASCII replacements for terminals without Unicode."""

from collections.abc import Sequence

from rich.style import Style

from ..protocol.colours import COLOURS as COLOURS

_APART = ("sad", "happy", "calm", "surprised", "fearful", "disgust", "angry", "bored", "neutral")
SPARE = tuple(COLOURS[name] for name in _APART)
AMBER, RED = "#c07800", "#d83a3a"

# Each replacement is one column wide, so that a line keeps its width.
PLAIN = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", "__..--=#", strict=True)),
        **dict(zip("▏▎▍▌▋▊▉", "  -----", strict=True)),
        "─": "-", "│": "|", "●": "*", "○": "o", "·": ".", "–": "-", "→": ">", "▲": "^", "▼": "v", "‖": "=", "…": "~",
        "▶": ">", "×": "x", "’": "'", "—": "-",
    }
)  # fmt: skip


def hexadecimal(label: str, labels: Sequence[str]) -> str | None:
    """The colour of a label as `#rrggbb`; None for `unsure` and unknown labels."""
    if label in COLOURS:
        return COLOURS[label]
    return SPARE[list(labels).index(label) % len(SPARE)] if label in labels else None


def colour(label: str, labels: Sequence[str]) -> Style:
    """The style of a label. `unsure` and unknown labels have the terminal's default colour."""
    found = hexadecimal(label, labels)
    return Style() if found is None else Style(color=found)


def letters(labels: Sequence[str]) -> dict[str, str]:
    """A capital for each label: the first of its letters that no other label has. `unsure` is a question mark."""
    taken = {"unsure": "?"}
    for label in labels:
        free = [c.upper() for c in label if c.isalpha() and c.upper() not in taken.values()]
        taken[label] = free[0] if free else str(len(taken) % 10)
    return taken
