"""Which parts fit, and where: a pure function from the state and a size to exactly so many lines."""

from rich.text import Text

from . import marks, moments, panels
from .palette import colour
from .state import ScreenState

SMALL_ROWS = 10  # under it there is the headline, and what else fits
TWO_COLUMNS, THREE_COLUMNS = 72, 120
MOST_TURNS, TALLEST_STRIP = 100, 4


def draw(state: ScreenState, width: int, height: int) -> list[Text]:
    """The screen: `height` lines of `width` columns, whatever both are. Nothing is shown that does not fit whole."""
    if width <= 0 or height <= 0:
        return []
    lines = _small(state, width, height) if height < SMALL_ROWS else _full(state, width, height)
    lines = lines[:height] + [Text()] * (height - len(lines))
    return [marks.spread(width, line) for line in lines]


def _small(state: ScreenState, width: int, height: int) -> list[Text]:
    if state.overlay is not None:
        return [Text(f" {line}") for line in state.overlay]
    wanted = [panels.headline(state, width), panels.level(state, width)]
    said = panels.message(state, width, max(1, height - 5))
    wanted += said if said[0].plain.strip() else []
    wanted += [panels.mood(state, width), panels.dimensions(state, width)]
    if height < 3:
        return wanted[:height]
    return [*_padded(wanted, height - 1), panels.footer(state, width)]


def _full(state: ScreenState, width: int, height: int) -> list[Text]:
    columns = 1 if width < TWO_COLUMNS else 2 if width < THREE_COLUMNS or not state.has_words else 3
    labels = max(1, len(state.labels))
    mood_column = columns >= 2 and not (columns == 2 and state.has_words)
    words_row = state.has_words and columns == 1
    room = height - 5  # header, level, headline, message, footer
    shown = min(labels, room)
    # Too few rows for a bar a label: two columns of bars, if the width allows it.
    folded = shown < labels and width >= 56
    if folded:
        mood_column, shown = False, min(room, (labels + 1) // 2)
    room -= shown

    def take(rows: int) -> bool:
        nonlocal room
        if room < rows:
            return False
        room -= rows
        return True

    with_rule = take(1)
    with_dimensions = take(1) and bool(state.reading is None or state.reading.dimensions)
    with_attention = take(1)
    with_mood = not mood_column and take(1)
    # Each of these only with the ones before it, so that fewer rows never bring one back.
    with_words = words_row and take(3)
    with_strip = with_words == words_row and take(3)
    with_turns = with_strip and take(2)
    turns = 1
    strip = 1
    while room > 0:  # what is left goes to the turns first, then to the strip's height
        if strip < TALLEST_STRIP and turns >= 4 * strip and with_strip:
            strip += 1
        elif turns < MOST_TURNS:
            turns += 1
        else:
            break
        room -= 1

    lines = [panels.header(state, width), panels.level(state, width)]
    if state.overlay is not None:
        return _overlaid(state, lines, width, height)
    body = _columns(state, width, shown, folded=folded, mood=mood_column, words=columns == 3 or (
        columns == 2 and state.has_words), rule=with_rule)  # fmt: skip
    lines += body
    if with_dimensions:
        lines.append(panels.dimensions(state, width))
    if with_attention:
        lines.append(moments.attention(state, width))
    if with_mood:
        lines.append(panels.mood(state, width))
    if with_words:
        lines += [marks.rule("words", width), *_padded(moments.words(state, width, 2), 2)]
    if with_strip:
        lines += [marks.rule("last 60 s", width), *moments.strip(state, width, strip)]
    if with_turns:
        lines += [marks.rule("turns", width), *_padded(panels.turns(state, width, turns), turns)]
    said = panels.message(state, width, 3)
    return [*_padded(lines, height - 1 - len(said)), *said, panels.footer(state, width)]


def _columns(
    state: ScreenState, width: int, rows: int, *, folded: bool, mood: bool, words: bool, rule: bool
) -> list[Text]:
    """The moment, the mood and the words, side by side where there is room."""
    if folded:
        half = (width - 1) // 2
        bars = panels.bars(state, half, len(state.labels))
        lines = marks.beside([(bars[:rows], half), (bars[rows : 2 * rows], half)])
        return [*([marks.rule("now", width)] if rule else []), panels.headline(state, width), *_padded(lines, rows)]
    count = 1 + mood + words
    each = (width - (count - 1)) // count
    # The headline's row stands over the moment alone; the mood has its own.
    now = [panels.headline(state, each if count > 1 else width), *panels.bars(state, each, rows)]
    parts = [(([marks.rule("now", each)] if rule else []) + _padded(now, rows + 1), each)]
    if mood:
        title = "mood" if state.mood is None else f"mood, half-life {state.mood.half_life_s:g} s"
        lines = [_mood_headline(state, each), *panels.mood_bars(state, each, rows)]
        parts.append((([marks.rule(title, each)] if rule else []) + _padded(lines, rows + 1), each))
    if words:
        parts.append((([marks.rule("words", each)] if rule else []) + moments.words(state, each, rows + 1), each))
    return marks.beside(parts)


def _mood_headline(state: ScreenState, width: int) -> Text:
    event = state.mood
    if event is None:
        return Text("   after the first utterance", panels.DIM)
    line = Text(" ")
    style = colour(event.label, state.labels)
    line.append("▌", style)
    line.append(f" {event.label}", style)
    line.append(f"  {marks.probability(event.confidence)}")
    if event.label == "unsure":
        marks.add(line, width, f"  perhaps {max(event.scores, key=lambda name: event.scores[name])}", panels.DIM)
    marks.add(line, width, f"   since {marks.clock(event.start)}", panels.DIM)
    return line


def _overlaid(state: ScreenState, head: list[Text], width: int, height: int) -> list[Text]:
    inside = height - len(head) - 2
    lines = [Text(f"  {line}") for line in (state.overlay or [])][:inside]
    return [*head, marks.rule("any key goes back", width), *_padded(lines, inside), panels.footer(state, width)]


def _padded(lines: list[Text], rows: int) -> list[Text]:
    return lines[:rows] + [Text()] * (rows - len(lines))
