"""The parts of the screen that show the utterance over time: attention, the last minute, the words."""

from rich.style import Style
from rich.text import Text

from ..protocol.events import EmotionFinal
from ..protocol.text import clean
from . import shapes
from .palette import colour, letters
from .panels import BOLD, DIM, PLAIN, share, wrapped
from .state import STRIP_S, ScreenState


def attention(state: ScreenState, width: int) -> Text:
    """The loudness of the last utterance as blocks. A brighter block had more attention."""
    reading = state.reading
    line = Text(" attention ")
    if reading is None or not reading.attention:
        return shapes.fit(width, Text())
    spans = reading.attention
    note = Text("bright: counted more ", DIM) if width >= 76 else Text()
    room = max(1, width - line.cell_len - note.cell_len - 1)
    levels = state.curve_between(reading.start, reading.end)
    columns = max(1, min(room, max(len(levels), 2 * len(spans))))
    # Compare weights per second: the last span may be shorter than the others.
    rates = [span.weight / max(1e-3, span.end - span.start) for span in spans]
    top = max(rates) or 1.0
    shape = shapes.resampled(levels, columns) if levels else []
    strong = colour(reading.label, state.labels) + BOLD
    length = max(1e-6, reading.end - reading.start)
    for column in range(columns):
        at = reading.start + (column + 0.5) / columns * length
        place = next((i for i, span in enumerate(spans) if at < span.end), len(spans) - 1)
        share = rates[place] / top
        block = shapes.level(shape[column]) if shape else shapes.height(share)
        line.append(block, _weight(share, strong))
    return shapes.fit(width, line, note)


def _weight(share: float, strong: Style) -> Style:
    """Bold is not visible on blocks, so the highest weights have the label's colour."""
    return DIM if share < 0.3 else PLAIN if share < 0.65 else strong


def last_minute(state: ScreenState, width: int, rows: int) -> list[Text]:
    """The last minute, in `rows` lines and a line of names: height is confidence, colour is label, gaps are silence."""
    columns = max(1, width - 2)
    step = STRIP_S / columns
    # The right edge moves by whole columns, so that the picture does not flicker.
    edge = (int(state.now_s / step) + 1) * step
    cells: list[tuple[str, float] | None] = []
    readings = list(state.strip)
    for column in range(columns):
        left = edge - (columns - column) * step
        inside = [m for m in readings if m.start < left + step and m.end > left]
        best = max(inside, key=lambda m: min(m.end, left + step) - max(m.start, left), default=None)
        cells.append(None if best is None else (best.label, best.confidence))
    lines = []
    for row in reversed(range(rows)):
        line = Text(" ")
        for cell in cells:
            if cell is None:
                line.append(" ", DIM)
                continue
            part = max(1, round(cell[1] * rows * 8)) - row * 8
            line.append(shapes.VERTICAL_BLOCKS[max(0, min(8, part))], colour(cell[0], state.labels))
        lines.append(line)
    return [*lines, _names(state, cells)]


def _names(state: ScreenState, cells: list[tuple[str, float] | None]) -> Text:
    """The label under each run of equal labels: its name where there is room, else its letter."""
    letter = letters(state.labels)
    line = Text(" ")
    column = 0
    while column < len(cells):
        cell = cells[column]
        run = 1
        while column + run < len(cells) and (cells[column + run] or ("",))[0] == (cell or ("",))[0]:
            run += 1
        if cell is None:
            line.append(" " * run, DIM)
        else:
            # A space separates the name from the one before it.
            gap = "" if line.plain.endswith(" ") else " "
            name = gap + cell[0] if len(gap + cell[0]) < run else letter.get(cell[0], "?")
            line.append(name.ljust(run), colour(cell[0], state.labels))
        column += run
    return line


def words(state: ScreenState, width: int, rows: int) -> list[Text]:
    """The transcript. Words of a final are as bright as their weight; unconfirmed and earlier words are dim."""
    event, reading = state.transcript, state.reading
    if event is None:
        return []
    weighed = reading.words if isinstance(reading, EmotionFinal) and reading.utterance == event.utterance else []
    text = Text()
    if weighed:
        top = max(word.weight for word in weighed) or 1.0
        for place, word in enumerate(weighed):
            # The space has no style, so that an underline ends with its word.
            text.append(" " * (word.space and place > 0), PLAIN)
            text.append(clean(word.word.strip()), shapes.brightness(word.weight / top))
    elif event.utterance != state.utterance:
        text.append(clean(event.text), DIM)  # of the previous utterance: the current one has no words yet
    else:
        text.append(clean(event.text[: event.stable]))
        text.append(clean(event.text[event.stable :]), Style(dim=True, italic=True))
    last = [state.language or ""]
    if reading is not None and reading.sources.text > 0:
        last.append(share(reading.sources))
    details = " · ".join(part for part in last if part)
    if not details or rows < 3:
        return wrapped(text, max(4, width - 2), rows)
    return [*wrapped(text, max(4, width - 2), rows - 2), Text(), Text(f" {details}", DIM)]
