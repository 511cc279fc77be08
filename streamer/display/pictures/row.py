"""One row of a picture: a stretch of at most 40 s, its panels one below the other, and the plane beside them."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import FuncFormatter, MultipleLocator

from ..shapes import clock
from . import time_panels
from .plane import plane
from .sound import Sound
from .story import Story, rows
from .theme import Theme
from .time_panels import Row

WIDTH = 13.0  # inches
LEFT, RIGHT = 0.062, 0.805  # where the panels begin and end, as shares of the width
LONGEST_S, LONGEST_WITH_WORDS_S = 40.0, 30.0
TOP, BOTTOM = 0.28, 0.34  # inches above and below the panels
GAP = 0.10  # inches between two panels
SOUND, WORDS, FINALS, ANSWERS = 0.95, 0.80, 1.05, 1.25  # heights of the panels, inches
PLANE = 1.95  # inches


def cut(story: Story, start: float, end: float) -> list[tuple[float, float]]:
    """The rows of a stretch."""
    return rows(story, start, end, longest(story))


def longest(story: Story) -> float:
    """The most seconds in a row: fewer where words need room."""
    return LONGEST_WITH_WORDS_S if story.has_words else LONGEST_S


def height(story: Story) -> float:
    """The height of a row in inches."""
    panels = [SOUND, *([WORDS] if story.has_words else []), FINALS, ANSWERS]
    return TOP + BOTTOM + sum(panels) + GAP * (len(panels) - 1)


def draw_row(
    figure: FigureBase, story: Story, heard: Sound | None, stretch: tuple[float, float], seconds: float, theme: Theme
) -> int:
    """Draw a stretch of time. Returns how many of its words had no room.

    figure   WIDTH by `height` inches
    seconds  the length of the axis: the same in all rows of a picture, so that they have one scale
    """
    start, end = stretch
    row = Row(story, start, end, WIDTH * 72 * (RIGHT - LEFT) / seconds, theme)
    whole, top = height(story), height(story) - TOP
    panels: list[Axes] = []

    def panel(inches: float, name: str) -> Axes:
        nonlocal top
        axes = figure.add_axes((LEFT, (top - inches) / whole, right(stretch, seconds) - LEFT, inches / whole))
        top -= inches + GAP
        middle = 0.5 if name in ("sound", "loudness", "words") else 0.6
        axes.annotate(
            name, (0, middle), xycoords="axes fraction", xytext=(-36, 0), textcoords="offset points", rotation=90,
            fontsize=8, color=theme.soft, ha="center", va="center", annotation_clip=False,
        )  # fmt: skip
        panels.append(axes)
        return axes

    time_panels.sound(panel(SOUND, "sound" if heard is not None else "loudness"), row, heard)
    left_out = time_panels.words(panel(WORDS, "words"), row) if story.has_words else 0
    time_panels.finals(panel(FINALS, "emotions"), row)
    time_panels.answers_over_time(panel(ANSWERS, "as it was heard"), row)
    for axes in panels:
        _time_axis(axes, row, seconds, last=axes is panels[-1])
    axes = figure.add_axes((0.845, (whole - TOP - PLANE) / whole, PLANE / WIDTH, PLANE / whole))
    _bare(axes, theme)
    plane(axes, row)
    return left_out


def right(stretch: tuple[float, float], seconds: float) -> float:
    """Where the panels of a stretch end, as a share of the width: a shorter one ends earlier."""
    return LEFT + (RIGHT - LEFT) * (stretch[1] - stretch[0]) / seconds


def new_figure(width: float, inches: float, theme: Theme) -> Figure:
    """An empty picture, without the state that pyplot keeps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = Figure(figsize=(width, inches), facecolor=theme.paper)
    FigureCanvasAgg(figure)
    return figure


def _time_axis(axes: Axes, row: Row, seconds: float, *, last: bool) -> None:
    _bare(axes, row.theme)
    axes.set_xlim(row.start, row.end)
    step = next((step for step in (0.1, 0.2, 0.5, 1, 2, 5) if seconds / step <= 14), 5)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.grid(axis="x", color=row.theme.line, linewidth=0.5)
    axes.set_axisbelow(True)
    if axes.get_ylim()[0] < -1 or axes.get_ylim()[0] > axes.get_ylim()[1]:
        axes.set_yticks([])
    axes.tick_params(labelbottom=last, labelsize=7)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _time(at, step)))


def _time(seconds: float, step: float) -> str:
    tenths = round(seconds * 10)
    return clock(tenths // 10) + (f".{tenths % 10}" if step < 1 else "")


def _bare(axes: Axes, theme: Theme) -> None:
    axes.set_facecolor("none")
    axes.tick_params(length=0, colors=theme.soft, labelcolor=theme.soft, pad=3)
    for spine in axes.spines.values():
        spine.set_color(theme.line)
