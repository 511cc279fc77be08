"""The small marks that figures are drawn with, each a string or a line of text; nothing here knows a session."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

RISING = " ▁▂▃▄▅▆▇█"
GROWING = " ▏▎▍▌▋▊▉█"
FLOOR_DBFS, TOP_DBFS = -60.0, -10.0


def bar(share: float, width: int) -> str:
    """A horizontal bar of `share` in [0, 1] of `width` columns, in eighths of a column, padded to `width`."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (GROWING[rest] if rest else "")).ljust(width)


def height(share: float) -> str:
    """A vertical block of `share` in [0, 1]; never blank, so that a small share is seen."""
    return RISING[max(1, min(8, round(share * 8)))]


def level(dbfs: float) -> str:
    """A block for a level in dBFS."""
    return height((dbfs - FLOOR_DBFS) / (TOP_DBFS - FLOOR_DBFS))


def probability(share: float) -> str:
    """Two places, no leading zero: .62, 1.0."""
    return "1.0" if share >= 0.995 else f"{share:.2f}"[1:]


def signed(value: float) -> str:
    """+.41, -.38, 0."""
    return "+1.0" if value >= 0.995 else "-1.0" if value <= -0.995 else f"{value:+.2f}".replace("0.", ".")


def slider(value: float, width: int) -> str:
    """A place on a line from -1 to 1."""
    place = round((max(-1.0, min(1.0, value)) + 1) / 2 * (width - 1))
    return "─" * place + "●" + "─" * (width - 1 - place)


def clock(seconds: float, *, hours: bool = False) -> str:
    """mm:ss, with hours where there are any or where asked for."""
    whole = int(seconds)
    if hours or whole >= 3600:
        return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 60:02d}:{whole % 60:02d}"


def stretched(values: Sequence[float], width: int) -> list[float]:
    """The values over `width` columns: the largest of those that fall together, each repeated where they are few."""
    count = len(values)
    if not count:
        return []
    return [
        max(values[i * count // width : max(i * count // width + 1, (i + 1) * count // width)]) for i in range(width)
    ]


def rule(title: str, width: int) -> Text:
    """A line with a title near its left end."""
    text = f" ─ {title} " if title else " "
    return Text(text + "─" * max(0, width - len(text) - 1), style=Style(dim=True))


def brightness(share: float) -> Style:
    """Four steps that any terminal can show, on light and on dark: `share` in [0, 1] of the largest."""
    if share < 0.25:
        return Style(dim=True)
    if share < 0.6:
        return Style()
    if share < 0.9:
        return Style(bold=True)
    return Style(bold=True, underline=True)


def spread(width: int, left: Text, right: Text | None = None) -> Text:
    """One line of exactly `width` columns; the right part goes first when there is no room for both."""
    line = left.copy()
    if right is not None and left.cell_len + right.cell_len + 1 <= width:
        line.append(" " * (width - left.cell_len - right.cell_len))
        line.append_text(right)
    line.truncate(max(0, width), overflow="ellipsis" if width > 1 else "crop", pad=True)
    return line


def add(line: Text, width: int, part: str, style: Style | None = None) -> bool:
    """Append a part if the line stays within `width`; whole, or not at all."""
    if line.cell_len + cell_len(part) > width:
        return False
    line.append(part, style)
    return True


def beside(columns: Sequence[tuple[list[Text], int]], gap: int = 1) -> list[Text]:
    """Columns of lines side by side, each of its width."""
    rows = max((len(lines) for lines, _ in columns), default=0)
    out = []
    for row in range(rows):
        line = Text()
        for place, (lines, width) in enumerate(columns):
            if place:
                line.append(" " * gap)
            line.append_text(spread(width, lines[row] if row < len(lines) else Text()))
        out.append(line)
    return out
