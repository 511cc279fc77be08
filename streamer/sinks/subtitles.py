"""Subtitles, WebVTT and SubRip: one cue per utterance, with its emotion and its words.

W3C (2019), "WebVTT: The Web Video Text Tracks Format", sections 4 and 6.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..protocol.colours import COLOURS
from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, WeighedWord, words_to_text
from ..protocol.text import clean
from .event_file import EventFile
from .stretches import Stretches, channel_of

STRONG_WEIGHT = 1.5  # a word with this many times the average weight gets the class `strong`

HEAD = """WEBVTT

NOTE
Emotions as a machine read them from the voice: guesses about expression, not facts about a person.
Words in class "strong" carried the reading.

STYLE
::cue(.strong) {
  font-weight: bold;
}
"""
HEAD += "".join(f"::cue(.{label}) {{\n  color: {colour};\n}}\n" for label, colour in COLOURS.items()) + "\n"


class Subtitles(EventFile):
    """WebVTT. A cue for each `emotion.final`: the label and its probability, then the words, each with its time.

    frames  a cue for each interim too, from the one before it on; the final's then begins at the last of them

    An utterance without words has only its label, and one of no duration has no cue. Times are on the audio clock.
    """

    what, kept = "subtitles file", "cues"
    head = HEAD

    def __init__(self, path: Path, frames: bool = False) -> None:
        super().__init__(path)
        self._stretches = Stretches(frames)
        self._cues, self._begun = 0, False

    def write(self, event: AnyEvent) -> None:
        if not self._begun:
            self._begun = True
            self.append(self.head.encode())
        reading = self._stretches.reading(event)
        if reading is None:
            return
        start, end = _milliseconds(self._stretches.start), _milliseconds(reading.end)
        if end > start:
            self._cues += 1
            self.append(self.text(reading, start, end).encode())

    def text(self, reading: EmotionFinal | EmotionInterim, start: int, end: int) -> str:
        """One cue with its blank line; times in milliseconds."""
        return cue(reading, start, end)


class SubRip(Subtitles):
    """SubRip, with numbered cues of plain text."""

    head = ""

    def text(self, reading: EmotionFinal | EmotionInterim, start: int, end: int) -> str:
        """One cue with its blank line; times in milliseconds."""
        channel = channel_of(reading)
        speaker = "" if channel is None else f"channel {channel}: "
        lines = [str(self._cues), f"{_clock(start, ',')} --> {_clock(end, ',')}"]
        lines.append(f"{speaker}[{_plain(reading.label)} {reading.confidence:.2f}]")
        if isinstance(reading, EmotionFinal) and reading.words:
            lines.append(_plain(words_to_text(reading.words)))
        return "\n".join(lines) + "\n\n"


def cue(event: EmotionFinal | EmotionInterim, start: int | None = None, end: int | None = None) -> str:
    """One reading as a WebVTT cue with its blank line; "" for one of no duration. Times in milliseconds, or its own."""
    start = _milliseconds(event.start) if start is None else start
    end = _milliseconds(event.end) if end is None else end
    if end <= start:
        return ""
    label = escaped(event.label)
    shown = re.sub(r"[\W_]+", "-", event.label).strip("-")
    channel = channel_of(event)
    speaker = "" if channel is None else f"<v channel {channel}>"
    name = f"{event.utterance}" if channel is None else f"{channel}.{event.utterance}"
    lines = [name if isinstance(event, EmotionFinal) else f"{name}.{event.rev}", f"{_clock(start)} --> {_clock(end)}"]
    lines.append(f"{speaker}<c.emotion{shown and f'.{shown}'}>[{label} {event.confidence:.2f}]</c>")
    if isinstance(event, EmotionFinal) and (words := "".join(_words(event.words, start, end))):
        lines.append(words)
    return "\n".join(lines) + "\n\n"


def _plain(text: str) -> str:
    """Text on one line that no player takes for a tag or for times."""
    return clean(" ".join(text.split())).replace("<", "‹").replace(">", "›").replace("{", "(").replace("}", ")")


def escaped(text: str) -> str:
    """Text escaped for a cue: on one line, without anything that a player would parse as a tag or a timestamp."""
    text = clean(" ".join(text.split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def strong_words(words: Sequence[WeighedWord]) -> list[bool]:
    """For each word, whether its weight is clearly above average."""
    return [word.weight * len(words) >= STRONG_WEIGHT for word in words]


def _words(words: Sequence[WeighedWord], start: int, end: int) -> Iterator[str]:
    """Each word after its timestamp. WebVTT requires timestamps that increase, and that lie within the cue."""
    last = start
    for place, (word, strong) in enumerate(zip(words, strong_words(words), strict=True)):
        text = escaped(word.word)
        if not text:
            continue
        if place and word.space:
            yield " "
        at = _milliseconds(word.start)
        if last < at < end:
            yield f"<{_clock(at)}>"
            last = at
        yield f"<c.strong>{text}</c>" if strong else text


def _milliseconds(seconds: float) -> int:
    return max(0, round(seconds * 1_000))


def _clock(milliseconds: int, point: str = ".") -> str:
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{rest:03d}"
