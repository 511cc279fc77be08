"""WebVTT subtitles: one cue per utterance, with its emotion and its words.

W3C (2019), "WebVTT: The Web Video Text Tracks Format", sections 4 and 6.
"""

import re
from collections.abc import Iterator, Sequence

from ..protocol.events import AnyEvent, EmotionFinal, WeighedWord
from ..protocol.text import clean
from .event_file import EventFile

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


class Subtitles(EventFile):
    """Appends a cue for each `emotion.final`: the label and its probability, then the words, each with its time.

    An utterance without words has only its label, and one of no duration has no cue. Times are on the audio clock.
    """

    what, kept = "subtitles file", "cues"
    _begun = False

    def write(self, event: AnyEvent) -> None:
        if not self._begun:
            self._begun = True
            self.append(HEAD.encode())
        if isinstance(event, EmotionFinal) and (text := cue(event)):
            self.append(text.encode())


def cue(event: EmotionFinal) -> str:
    """One utterance as a cue with its blank line; "" for an utterance of no duration."""
    start, end = _milliseconds(event.start), _milliseconds(event.end)
    if end <= start:
        return ""
    label = escaped(event.label)
    shown = re.sub(r"[\W_]+", "-", event.label).strip("-")
    lines = [f"{event.utterance}", f"{_clock(start)} --> {_clock(end)}"]
    lines.append(f"<c.emotion{shown and f'.{shown}'}>[{label} {event.confidence:.2f}]</c>")
    if words := "".join(_words(event.words, start, end)):
        lines.append(words)
    return "\n".join(lines) + "\n\n"


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


def _clock(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1_000)
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
