"""Readings as a TextGrid of Praat: a tier of emotions and one of words for each channel.

Boersma and Weenink, "Praat: doing phonetics by computer", manual page "TextGrid file formats" (long text format).
"""

from collections.abc import Iterator
from pathlib import Path

from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, SessionClosed
from ..protocol.text import clean
from .event_file import EventFile
from .stretches import Stretches, channel_of

Interval = tuple[float, float, str]


class TextGrid(EventFile):
    """One recording. It is written when the file is closed, because its head counts what it holds.

    frames  a tier `interims` too, in which each interim covers what came since the one before
    """

    what, kept = "TextGrid", "tiers"

    def __init__(self, path: Path, frames: bool = False) -> None:
        super().__init__(path)
        self._frames, self._stretches = frames, Stretches(frames)
        self._tiers: dict[str, list[Interval]] = {}
        self._end = 0.0

    def write(self, event: AnyEvent) -> None:
        if isinstance(event, SessionClosed):
            self._end = max(self._end, event.totals.audio_s)
        reading = self._stretches.reading(event)
        if reading is None:
            return
        self._end = max(self._end, reading.end)
        channel = channel_of(reading)
        of = "" if channel is None else f" of channel {channel}"
        if isinstance(reading, EmotionInterim):
            self._add(f"interims{of}", self._stretches.start, reading.end, reading.label)
        if isinstance(reading, EmotionFinal):
            self._add(f"emotion{of}", reading.start, reading.end, reading.label)
            for word in reading.words:
                self._add(f"words{of}", word.start, word.end, word.word)

    def _add(self, tier: str, start: float, end: float, text: str) -> None:
        self._tiers.setdefault(tier, []).append((start, end, clean(" ".join(text.split()))))

    def finish(self) -> None:
        """Write the whole grid; nothing where no audio was read."""
        if self._end <= 0:
            return
        tiers = self._tiers or {"emotion": []}
        lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {self._end}"]
        lines += ["tiers? <exists>", f"size = {len(tiers)}", "item []:"]
        for number, name in enumerate(sorted(tiers), 1):
            intervals = list(covering(tiers[name], self._end))
            lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{name}"']
            lines += ["        xmin = 0", f"        xmax = {self._end}", f"        intervals: size = {len(intervals)}"]
            for place, (start, end, text) in enumerate(intervals, 1):
                quoted = text.replace('"', '""')
                lines += [f"        intervals [{place}]:", f"            xmin = {start}", f"            xmax = {end}"]
                lines.append(f'            text = "{quoted}"')
        self.append(("\n".join(lines) + "\n").encode("utf-8", "replace"))


def covering(intervals: list[Interval], end: float) -> Iterator[Interval]:
    """The intervals, and empty ones between them, from 0 to `end` without a gap or an overlap."""
    at = 0.0
    for start, until, text in sorted(intervals):
        start, until = max(at, start), min(until, end)
        if until <= start:
            continue
        if start > at:
            yield at, start, ""
        yield start, until, text
        at = until
    if at < end:
        yield at, end, ""
