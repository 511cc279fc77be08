"""Colours and fonts of the pictures, and what matplotlib is told so that the same events give the same bytes."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ...protocol.errors import EmoscopeError
from ..palette import hexadecimal

HOW = "pip install 'emoscope[pictures]'"
FONTS = (
    "DejaVu Sans", "Noto Sans", "Arial", "Segoe UI", "Noto Sans CJK SC", "Noto Sans CJK JP", "Hiragino Sans",
    "PingFang SC", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic", "Noto Sans Arabic", "Noto Sans Devanagari",
)  # fmt: skip
"""Fonts in which a character is looked for, in this order."""


@dataclass(frozen=True)
class Theme:
    """Colours of everything but the labels, whose colours can be seen on light and on dark."""

    paper: str
    ink: str
    soft: str
    line: str
    wave: str


LIGHT = Theme(paper="#ffffff", ink="#1b1f24", soft="#59616b", line="#dfe3e8", wave="#c3c9d1")
DARK = Theme(paper="#14171b", ink="#eceff3", soft="#a5adb8", line="#2c323a", wave="#4d5560")
PAGE = Theme(paper="#010a01", ink="#010a02", soft="#010a03", line="#010a04", wave="#010a05")
"""Marks that an HTML page replaces by variables of its style sheet, so that one drawing serves light and dark."""


def require() -> None:
    """EmoscopeError where matplotlib is not installed."""
    try:
        import matplotlib as matplotlib
    except ImportError:
        raise EmoscopeError(f"pictures need the package matplotlib: {HOW}") from None


@contextmanager
def drawing() -> Iterator[list[str]]:
    """Matplotlib's settings for one picture. The list is filled, at the end, with what could not be drawn as it should.

    Nothing is read from a user's own matplotlibrc, text is never taken for formulas, and SVG keeps its text as text.
    """
    import matplotlib as mpl
    from matplotlib import font_manager

    here = {font.name for font in font_manager.fontManager.ttflist}
    settings: dict[Any, Any] = {
        "font.family": [name for name in FONTS if name in here] or ["sans-serif"],
        "font.size": 8.0,
        "text.parse_math": False,
        "svg.fonttype": "none",
        "svg.hashsalt": "emoscope",
        "axes.linewidth": 0.6,
    }
    problems: list[str] = []
    with mpl.rc_context(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mpl.rcdefaults()
        mpl.rcParams.update(settings)
        yield problems
    missing = {str(item.message).split(" missing from ")[0] for item in caught if "missing from" in str(item.message)}
    if missing:
        problems.append(
            f"{len(missing)} characters are in no font of this machine and are drawn as boxes; "
            "install a font that has them (Noto Sans), or draw an .svg or .html"
        )


def label_colour(label: str, labels: Sequence[str], theme: Theme) -> str:
    """The colour of a label; `unsure` and unknown labels have the colour of quiet text."""
    return hexadecimal(label, labels) or theme.soft
