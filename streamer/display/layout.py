"""The layout: a pure function from the state and the terminal's size to the lines of the screen."""

from rich.text import Text

from . import panels, shapes, timeline
from .palette import colour
from .state import ScreenState

SMALL_ROWS = 10  # a smaller screen shows the headline first, and whatever else fits
TWO_COLUMNS, THREE_COLUMNS = 72, 120
MAX_TURNS, MAX_STRIP_ROWS = 100, 4


def draw(state: ScreenState, width: int, height: int) -> list[Text]:
    """The screen: exactly `height` lines of `width` columns. A part that does not fit completely is left out."""
    if width <= 0 or height <= 0:
        return []
    lines = _small(state, width, height) if height < SMALL_ROWS else _full(state, width, height)
    lines = lines[:height] + [Text()] * (height - len(lines))
    return [shapes.fit(width, line) for line in lines]


def _small(state: ScreenState, width: int, height: int) -> list[Text]:
    if state.overlay is not None:
        return [Text(f" {line}") for line in state.overlay]
    wanted = [panels.headline(state, width), panels.level(state, width)]
    message = panels.message(state, width, max(1, height - 5))
    wanted += message if message[0].plain.strip() else []
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
    # Too few rows for one bar per label: two columns of bars, if the width allows it.
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
    # Each part requires the one before it, so that a part never reappears on a smaller screen.
    with_words = words_row and take(3)
    with_strip = with_words == words_row and take(3)
    with_turns = with_strip and take(2)
    turns = 1
    strip = 1
    while room > 0:  # remaining rows go to the turns first, then to the height of the strip
        if strip < MAX_STRIP_ROWS and turns >= 4 * strip and with_strip:
            strip += 1
        elif turns < MAX_TURNS:
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
        lines.append(timeline.attention(state, width))
    if with_mood:
        lines.append(panels.mood(state, width))
    if with_words:
        lines += [shapes.rule("words", width), *_padded(timeline.words(state, width, 2), 2)]
    if with_strip:
        lines += [shapes.rule("last 60 s", width), *timeline.last_minute(state, width, strip)]
    if with_turns:
        lines += [shapes.rule("turns", width), *_padded(panels.turns(state, width, turns), turns)]
    message = panels.message(state, width, 3)
    return [*_padded(lines, height - 1 - len(message)), *message, panels.footer(state, width)]


def _columns(
    state: ScreenState, width: int, rows: int, *, folded: bool, mood: bool, words: bool, rule: bool
) -> list[Text]:
    """The current reading, the mood and the words, side by side where there is room."""
    if folded:
        half = (width - 1) // 2
        bars = panels.bars(state, half, len(state.labels))
        lines = shapes.beside([(bars[:rows], half), (bars[rows : 2 * rows], half)])
        return [
            *([shapes.rule("now", width)] if rule else []),
            panels.headline(state, width),
            *_padded(lines, rows),
        ]
    count = 1 + mood + words
    each = (width - (count - 1)) // count
    # The headline is above the current reading only; the mood has its own headline.
    now = [panels.headline(state, each if count > 1 else width), *panels.bars(state, each, rows)]
    parts = [(([shapes.rule("now", each)] if rule else []) + _padded(now, rows + 1), each)]
    if mood:
        title = "mood" if state.mood is None else f"mood, half-life {state.mood.half_life_s:g} s"
        lines = [_mood_headline(state, each), *panels.mood_bars(state, each, rows)]
        parts.append((([shapes.rule(title, each)] if rule else []) + _padded(lines, rows + 1), each))
    if words:
        parts.append((([shapes.rule("words", each)] if rule else []) + timeline.words(state, each, rows + 1), each))
    return shapes.beside(parts)


def _mood_headline(state: ScreenState, width: int) -> Text:
    event = state.mood
    if event is None:
        return Text("   after the first utterance", panels.DIM)
    line = Text(" ")
    style = colour(event.label, state.labels)
    line.append("▌", style)
    line.append(f" {event.label}", style)
    line.append(f"  {shapes.probability(event.confidence)}")
    if event.label == "unsure":
        shapes.add(line, width, f"  perhaps {max(event.scores, key=lambda name: event.scores[name])}", panels.DIM)
    shapes.add(line, width, f"   since {shapes.clock(event.start)}", panels.DIM)
    return line


def _overlaid(state: ScreenState, head: list[Text], width: int, height: int) -> list[Text]:
    inside = height - len(head) - 2
    lines = [Text(f"  {line}") for line in (state.overlay or [])][:inside]
    return [*head, shapes.rule("any key goes back", width), *_padded(lines, inside), panels.footer(state, width)]


def _padded(lines: list[Text], rows: int) -> list[Text]:
    return lines[:rows] + [Text()] * (rows - len(lines))
