"""Drawing primitives: bars, blocks, sliders, rules, numbers and columns, as strings or lines of text."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

VERTICAL_BLOCKS = " ▁▂▃▄▅▆▇█"
HORIZONTAL_BLOCKS = " ▏▎▍▌▋▊▉█"
FLOOR_DBFS, TOP_DBFS = -60.0, -10.0


def bar(share: float, width: int) -> str:
    """A horizontal bar that fills `share` (in [0, 1]) of `width` columns, in steps of an eighth, padded to `width`."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (HORIZONTAL_BLOCKS[rest] if rest else "")).ljust(width)


def height(share: float) -> str:
    """A vertical block for `share` in [0, 1]. It is never blank, so that a small share stays visible."""
    return VERTICAL_BLOCKS[max(1, min(8, round(share * 8)))]


def level(dbfs: float) -> str:
    """A vertical block for a level in dBFS."""
    return height((dbfs - FLOOR_DBFS) / (TOP_DBFS - FLOOR_DBFS))


def probability(share: float) -> str:
    """Format a probability with two decimals and no leading zero: .62, 1.0."""
    return "1.0" if share >= 0.995 else f"{share:.2f}"[1:]


def signed(value: float) -> str:
    """Format a value in [-1, 1] with its sign: +.41, -.38."""
    return "+1.0" if value >= 0.995 else "-1.0" if value <= -0.995 else f"{value:+.2f}".replace("0.", ".")


def slider(value: float, width: int) -> str:
    """A marker on a line from -1 to 1."""
    place = round((max(-1.0, min(1.0, value)) + 1) / 2 * (width - 1))
    return "─" * place + "●" + "─" * (width - 1 - place)


def clock(seconds: float, *, hours: bool = False) -> str:
    """Format a time as mm:ss, or hh:mm:ss from one hour on and where `hours` is set."""
    whole = int(seconds)
    if hours or whole >= 3600:
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60:02d}:{whole % 60:02d}"


def resampled(values: Sequence[float], width: int) -> list[float]:
    """Resample values to `width` columns: the maximum of those in a column, or repetition where there are too few."""
    count = len(values)
    if not count:
        return []
    return [
        max(values[i * count // width : max(i * count // width + 1, (i + 1) * count // width)]) for i in range(width)
    ]


def rule(title: str, width: int) -> Text:
    """A horizontal line with a title near its left end."""
    text = f" ─ {title} " if title else " "
    return Text(text + "─" * max(0, width - len(text) - 1), style=Style(dim=True))


def brightness(share: float) -> Style:
    """One of four steps of emphasis that any terminal can show: `share` in [0, 1] of the largest value."""
    if share < 0.25:
        return Style(dim=True)
    if share < 0.6:
        return Style()
    if share < 0.9:
        return Style(bold=True)
    return Style(bold=True, underline=True)


def fit(width: int, left: Text, right: Text | None = None) -> Text:
    """One line of exactly `width` columns. The right part is left out when there is no room for both."""
    line = left.copy()
    if right is not None and left.cell_len + right.cell_len + 1 <= width:
        line.append(" " * (width - left.cell_len - right.cell_len))
        line.append_text(right)
    line.truncate(max(0, width), overflow="ellipsis" if width > 1 else "crop", pad=True)
    return line


def add(line: Text, width: int, part: str, style: Style | None = None) -> bool:
    """Append a part if the line then still fits into `width`; whether it was appended."""
    if line.cell_len + cell_len(part) > width:
        return False
    line.append(part, style)
    return True


def beside(columns: Sequence[tuple[list[Text], int]], gap: int = 1) -> list[Text]:
    """Columns of lines side by side, each with its own width."""
    rows = max((len(lines) for lines, _ in columns), default=0)
    out = []
    for row in range(rows):
        line = Text()
        for place, (lines, width) in enumerate(columns):
            if place:
                line.append(" " * gap)
            line.append_text(fit(width, lines[row] if row < len(lines) else Text()))
        out.append(line)
    return out
