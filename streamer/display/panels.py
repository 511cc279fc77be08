"""The panels of the screen. Each is a function from the state and a size to lines."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from rich.text import Text

from ..protocol.events import EmotionFinal, Sources
from ..protocol.text import clean, printable
from . import shapes
from .palette import AMBER, RED, colour, letters
from .state import ScreenState

DIM, BOLD, PLAIN = Style(dim=True), Style(bold=True), Style()
_WRAPPER = Console(file=io.StringIO(), legacy_windows=False)  # Text.wrap requires a console
NAME = 9  # columns for a label's name
TREND = 0.05  # a score that changed by more than this gets an arrow

PHASES = {
    "starting": ("○", "starting"),
    "running": ("●", "live"),
    "paused": ("‖", "paused"),
    "finishing": ("○", "finishing"),
    "ended": ("○", "ended"),
}


def header(state: ScreenState, width: int) -> Text:
    """The phase, the time, the source, the model and the files being written."""
    mark, word = PHASES[state.phase]
    if state.phase == "running" and not state.live:
        mark, word = "▶", "replay" if state.speed == 1 else f"replay ×{state.speed:g}"
    line = Text(f" {state.product}  ")
    live = state.phase == "running" and state.live
    line.append(f"{mark} {word}", Style(bold=True, color=RED if live else None))
    line.append(f" {shapes.clock(state.now_s, hours=True)}", BOLD)
    if state.files:
        names = ", ".join(clean(printable(Path(name).name)) for name in state.files)
        line.append(f"   rec {names}", Style(bold=True, color=RED))
    room = width - line.cell_len
    line.append(next((rest for rest in _sources(state, room) if cell_len(rest) <= room), ""))
    return shapes.fit(width, line)


def _sources(state: ScreenState, room: int) -> Iterator[str]:
    """Descriptions of the source and the model, from the longest to the shortest."""
    kind = "mic" if state.live else "file"
    model = f"   model {state.model}" if state.model else ""
    where = f" ({state.device})" if state.model else ""
    if not state.source:
        yield from (model + where, model)
        return
    brief = state.detail.removesuffix(" mixed")
    for detail, rest in ((state.detail, model + where), (state.detail, model), (brief, model)):
        yield f"   {kind} {state.source} {detail}".rstrip() + rest
    for detail, rest in ((brief, model), (brief, ""), ("", "")):
        spare = room - len(f"   {kind}  {detail}".rstrip()) - len(rest) - 1
        if spare >= 6:
            yield f"   {kind} {state.source[:spare].rstrip()}… {detail}".rstrip() + rest
        yield f"   {kind} {state.source} {detail}".rstrip() + rest


def level(state: ScreenState, width: int) -> Text:
    """The input level, problems with the input, and whether speech is detected."""
    line = Text(" level ")
    recent = [value for _, value in list(state.curve)[-16:]]
    blocks = 8 if width < 100 else 16
    shape = shapes.resampled(recent, blocks) if len(recent) >= blocks else [-120.0] * (blocks - len(recent)) + recent
    now = max(recent[-4:], default=-120.0)
    problem = _input_problem(state, now)
    line.append("".join(shapes.level(value) for value in shape), Style(color=AMBER) if problem else PLAIN)
    line.append(f" {now:4.0f} dBFS" if recent else "    - dBFS")
    if problem:
        shapes.add(line, width, f"  {problem}", Style(bold=True, color=AMBER))
    if shapes.add(line, width - 1, "   speech "):
        line.append("●" if state.speaking else "○", BOLD if state.speaking else DIM)
    if state.speaking and state.utterance:
        shapes.add(line, width, f"   utterance {state.utterance} · {state.now_s - state.started_s:.1f} s")
    elif state.phase == "running" and state.labels:
        shapes.add(line, width, f"   silence {shapes.clock(state.now_s - state.silent_since)}", DIM)
    if state.reading is not None and state.reading.baseline != "off":
        shapes.add(line, width, f"   baseline {state.reading.baseline}", DIM)
    return shapes.fit(width, line)


def _input_problem(state: ScreenState, now: float) -> str:
    if state.warns("clipping"):
        return "clipping"
    if state.phase != "running" or state.now_s < 1 or not state.live:
        return ""
    if state.curve and max(value for _, value in list(state.curve)[-20:]) <= -90.0:
        return "no signal"
    return "too quiet" if state.warns("too_quiet") and now < -50.0 else ""


def headline(state: ScreenState, width: int) -> Text:
    """The steadied label with its probability, and whether the reading is final."""
    reading = state.reading
    if reading is None:
        loading = f"loading model {state.model}".rstrip()
        # What a microphone hears is kept until the model is there. The first frame comes before it is open.
        if state.live:
            loading = f"listening; {loading}" if state.source else "opening the microphone"
        words = {"starting": loading, "paused": "paused: p goes on"}
        return shapes.fit(width, Text(f"   {words.get(state.phase, 'listening: say something')}", DIM))
    final = isinstance(reading, EmotionFinal)
    label = state.headline or reading.label
    line = Text(" ")
    style = colour(label, state.labels)
    line.append("▌", style)
    line.append(f" {label.upper()}", style + BOLD if final else style)
    confidence = reading.confidence if label == reading.label else reading.scores.get(label, reading.confidence)
    line.append(f"  {shapes.probability(confidence)}", BOLD if final else PLAIN)
    if label == "unsure" and reading.scores:
        best = max(reading.scores, key=lambda name: reading.scores[name])
        shapes.add(line, width, f"  perhaps {best}", DIM)
    if final:
        shapes.add(line, width, f"   final · {shapes.clock(reading.start)}–{shapes.clock(reading.end)}", DIM)
    else:
        shapes.add(line, width, f"   interim · {reading.end - reading.start:.1f} s", DIM)
    if reading.sources.text > 0:
        shapes.add(line, width, f"   {share(reading.sources)}", DIM)
    return shapes.fit(width, line)


def share(sources: Sources) -> str:
    """How much the voice and the words counted in a reading."""
    return f"voice {shapes.probability(sources.audio)}  words {shapes.probability(sources.text)}"


def bars(state: ScreenState, width: int, rows: int) -> list[Text]:
    """The scores of the current reading: one bar per label, always in the same order."""
    reading = state.reading
    scores = reading.scores if reading is not None else {}
    final = isinstance(reading, EmotionFinal)
    return _bars(state, scores, width, rows, faint=not final, before=state.before)


def mood_bars(state: ScreenState, width: int, rows: int) -> list[Text]:
    """The scores of the mood: one bar per label."""
    scores = state.mood.scores if state.mood is not None else {}
    return _bars(state, scores, width, rows, faint=False, before={})


def _bars(
    state: ScreenState, scores: Mapping[str, float], width: int, rows: int, *, faint: bool, before: Mapping[str, float]
) -> list[Text]:
    letter = letters(state.labels)
    room = max(1, width - NAME - 10)
    lines = []
    for name in state.labels[:rows]:
        share = scores.get(name, 0.0)
        style = colour(name, state.labels)
        line = Text(f" {letter[name]} ", BOLD if share and share == max(scores.values()) else PLAIN)
        line.append(f"{name[:NAME]:<{NAME}} ")
        line.append(shapes.bar(share, room), style + DIM if faint else style)
        line.append(f" {shapes.probability(share):>3}" if scores else "   -", PLAIN if scores else DIM)
        moved = share - before.get(name, share)
        line.append(" ▲" if moved > TREND else " ▼" if moved < -TREND else "  ")
        lines.append(line)
    return lines


def dimensions(state: ScreenState, width: int) -> Text:
    """Arousal, valence and dominance as sliders, marked where they are derived from the labels."""
    reading = state.reading
    if reading is None or not reading.dimensions:
        return shapes.fit(width, Text())
    note = " derived" if reading.derived else ""
    items = list(reading.dimensions.items())
    each = (width - len(note) - 2) // len(items)
    line = Text()
    for name, value in items:
        room = each - len(name) - 9
        if room >= 5:
            line.append(f" {name} ")
            line.append(shapes.slider(value, room), DIM)
            line.append(f" {shapes.signed(value)}  ")
        elif each >= len(name) + 7:
            line.append(f" {name} {shapes.signed(value)} ")
        else:
            line.append(f" {name[:3]} {shapes.signed(value)}")
    return shapes.fit(width, line, Text(note + " ", DIM))


def mood(state: ScreenState, width: int) -> Text:
    """The mood in one line, with its half-life."""
    event = state.mood
    if event is None:
        return shapes.fit(width, Text(" mood  -", DIM))
    line = Text(" mood  ")
    line.append(event.label, colour(event.label, state.labels) + BOLD)
    line.append(f" {shapes.probability(event.confidence)}")
    ranked = sorted(event.scores.items(), key=lambda item: -item[1])
    for name, share in ranked[:3]:  # an unsure mood shows its most probable labels
        part = f"   {name} {shapes.probability(share)}"
        if name != event.label and line.cell_len + len(part) <= width:
            line.append(part, DIM)
    return shapes.fit(width, line, Text(f"half-life {event.half_life_s:g} s ", DIM))


def turns(state: ScreenState, width: int, rows: int) -> list[Text]:
    """The finished utterances, the newest first."""
    lines = []
    for turn in list(state.turns)[: -rows - 1 : -1]:
        line = Text(f"  {shapes.clock(turn.start)}–{shapes.clock(turn.end)}  ")
        line.append(f"{turn.label:<{NAME}}", colour(turn.label, state.labels))
        line.append(f"  {shapes.probability(turn.confidence)}   ")
        if turn.text:
            line.append(turn.text)
        else:
            line.append(f"{turn.end - turn.start:.1f} s", DIM)
        lines.append(line)
    return lines


def wrapped(text: Text, width: int, rows: int) -> list[Text]:
    """The last `rows` lines of a text, wrapped at words."""
    lines = text.wrap(_WRAPPER, width)
    return [Text(" ") + line for line in list(lines)[-rows:]]


def message(state: ScreenState, width: int, rows: int = 1) -> list[Text]:
    """The newest warning, error or notice until it expires: between one and `rows` lines."""
    if not state.message or state.now_s >= state.message_until:
        return [Text()]
    text = Text(clean(" ".join(state.message.split())), Style(bold=True, color=RED) if state.serious else DIM)
    lines = wrapped(text, max(4, width - 2), 99)
    if len(lines) > rows:
        lines[rows - 1].append(" …")
    return lines[:rows]


def footer(state: ScreenState, width: int) -> Text:
    """Lag, inference time, RTF, dropped audio, and the keys. A part that does not fit is left out."""
    slow = state.lag_s > 1.0
    # The lag of the words is shown separately: readings do not wait for it.
    cause = f" (words {state.lag_text_s:.1f})" if state.lag_text_s > 1.0 else " (model)" if slow else ""
    lost = state.dropped_s + state.lost_input_s
    why = " (model)" if state.dropped_s else " (input)" if lost else ""
    amount = f"{lost:.0f}" if lost < 0.05 or lost >= 9.95 else f"{lost:.1f}"
    p50, p95 = state.percentile_ms(0.5), state.percentile_ms(0.95)
    parts = [
        (
            0,
            "" if state.unpaced else f"lag {state.lag_s:.2f} s{cause}",
            Style(bold=True, color=AMBER) if slow else PLAIN,
        ),
        (3, "" if p50 is None or p95 is None else f"infer p50/p95 {p50:.0f}/{p95:.0f} ms", PLAIN),
        (4, f"RTF {shapes.probability(state.rtf)}" if state.rtf else "", PLAIN),
        (1, f"dropped {amount} s{why}", Style(bold=True, color=RED) if state.warns("audio_dropped") else PLAIN),
    ]
    keys = ["q p b r d ? ", "q quit  p pause  b learn voice  r reset  d devices  ? help "]
    keys = keys if state.live else ["q p ? ", "q quit  p pause  ? help "]
    room = width - 1 - len(keys[0])
    chosen = []
    for rank, text, _ in sorted(parts):
        if text and len(text) + 3 <= room:
            chosen.append(rank)
            room -= len(text) + 3
    line = Text(" ")
    for rank, text, style in parts:
        if rank in chosen:
            line.append(" · " if line.cell_len > 1 else "")
            line.append(text, style)
    right = keys[1] if line.cell_len + len(keys[1]) + 2 <= width else keys[0]
    return shapes.fit(width, line, Text(right, DIM))
