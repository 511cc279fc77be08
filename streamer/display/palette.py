"""Colours and letters of labels, and glyphs for terminals that know no Unicode.

Each colour stands out from black and from white by a contrast of 3 at least (WCAG 2.1, 1.4.11), and any two stay
apart for people with each kind of colour blindness; colour is never the only sign. Found by a search under those
two conditions; a test holds them.
"""

from collections.abc import Sequence

from rich.style import Style

COLOURS = {
    "angry": "#d6796c",
    "bored": "#a13c05",
    "calm": "#25775d",
    "disgust": "#718219",
    "fearful": "#9d2bf0",
    "happy": "#b19106",
    "neutral": "#949499",
    "sad": "#578ef9",
    "surprised": "#c448ac",
}
_APART = ("sad", "happy", "calm", "surprised", "fearful", "disgust", "angry", "bored", "neutral")
SPARE = tuple(COLOURS[name] for name in _APART)
AMBER, RED = "#c07800", "#d83a3a"

# One column each, so that a line keeps its width.
PLAIN = str.maketrans(
    {
        **dict(zip("▁▂▃▄▅▆▇█", "__..--=#", strict=True)),
        **dict(zip("▏▎▍▌▋▊▉", "  -----", strict=True)),
        "─": "-", "│": "|", "●": "*", "○": "o", "·": ".", "–": "-", "→": ">", "▲": "^", "▼": "v", "‖": "=", "…": "~",
        "▶": ">", "×": "x", "’": "'", "—": "-",
    }
)  # fmt: skip


def colour(label: str, labels: Sequence[str]) -> Style:
    """The style of a label; `unsure` and unknown ones keep the terminal's own colour."""
    if label in COLOURS:
        return Style(color=COLOURS[label])
    if label in labels:
        return Style(color=SPARE[list(labels).index(label) % len(SPARE)])
    return Style()


def letters(labels: Sequence[str]) -> dict[str, str]:
    """A capital for each label, its first letter that is still free; `unsure` is a question mark."""
    taken = {"unsure": "?"}
    for label in labels:
        free = [c.upper() for c in label if c.isalpha() and c.upper() not in taken.values()]
        taken[label] = free[0] if free else str(len(taken) % 10)
    return taken
