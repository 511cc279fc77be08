"""`emoscope bench words`: how long after it was said a word is final, and what a recognizer costs."""

import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..asr import Choice, Recognizer, choose
from ..protocol.config import Config
from ..protocol.events import AnyEvent, EmotionFinal, TranscriptFinal, TranscriptInterim, WarningEvent
from ..runtime.live import Live
from ..runtime.updates import Meter, Notice
from ..sources.paced_recording import PacedRecording

if TYPE_CHECKING:
    from ..engine.opening import OpenedModel

POLL_S = 0.01


@dataclass
class WordsCost:
    """What one recognizer took on one recording, played in real time.

    delays_s    for each word, wall time from its end to the event that makes it final
    late        readings at an utterance's end that did not have all of its words
    rtf         time in the recognizer for each second of speech, interim passes included
    peak_mb     largest memory of its process; None where the system does not report it
    failure     why it could not run; "" if it did
    """

    name: str
    delays_s: list[float] = field(default_factory=list)
    finals: int = 0
    late: int = 0
    rtf: float = 0.0
    peak_mb: float | None = None
    failure: str = ""

    def row(self) -> str:
        """One line of the table."""
        if self.failure:
            return f"{self.name:<24} {self.failure}"
        ranked = sorted(self.delays_s)
        median = f"{statistics.median(ranked):.2f} s" if ranked else "-"
        worst = f"{ranked[int(0.95 * (len(ranked) - 1))]:.2f} s" if ranked else "-"
        memory = "-" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        late = f"{self.late}/{self.finals}"
        return f"{self.name:<24} {len(ranked):>5} {median:>8} {worst:>8} {late:>7} {self.rtf:>6.2f} {memory:>8}"


HEADING = f"{'recognizer':<24} {'words':>5} {'median':>8} {'p95':>8} {'late':>7} {'RTF':>6} {'memory':>8}"


def print_costs(path: Path, names: Sequence[str], seconds: float, opened: "OpenedModel") -> None:
    """Measure recognizers, as `--asr` names them, one after another, and print a row for each.

    UsageError for an unknown name.
    """
    choices = [choice for choice in map(choose, names) if choice is not None]
    print("Time from a word's end to the event that makes it final; finals that came without all of their words; time")
    print("in the recognizer for a second of speech, interim passes included; peak memory of its process.")
    print(HEADING)
    for choice in choices:
        print(bench_words(choice, path, opened, seconds).row(), flush=True)


def bench_words(choice: Choice, path: Path, opened: "OpenedModel", seconds: float) -> WordsCost:
    """Play the first `seconds` of a recording in real time, to a recognizer that was loaded before."""
    cost = WordsCost(str(choice))
    with Recognizer(choice) as recognizer:
        while not recognizer.loaded(1.0):
            pass
        if recognizer.failure:
            cost.failure = recognizer.failure
            return cost
        cost.name = recognizer.name
        live = Live(
            PacedRecording(path),
            lambda: opened.loaded,
            Config(),
            seconds=seconds,
            start_recognizer=partial(_same, recognizer),
        )
        watch = _Watch(cost)
        live.start()
        while not live.done:
            live.join(POLL_S)
            for item in live.updates():
                watch.see(item, time.monotonic())
            cost.peak_mb = _peak_mb(recognizer.pid) or cost.peak_mb
        for item in live.updates():
            watch.see(item, time.monotonic())
        if live.error is not None:
            raise live.error
        cost.rtf = recognizer.busy_s / watch.speech_s if watch.speech_s else 0.0
    return cost


def _same(recognizer: Recognizer) -> Recognizer:
    return recognizer


class _Watch:
    """Matches the times at which words were said with the times at which they became final."""

    def __init__(self, cost: WordsCost) -> None:
        self._cost = cost
        self._clock: list[tuple[float, float]] = []
        self._final_at: dict[int, list[float]] = defaultdict(list)
        self.speech_s = 0.0

    def see(self, item: AnyEvent | Meter | Notice, now: float) -> None:
        """Take in an item that a live session reported at wall time `now`."""
        match item:
            case Meter():
                self._clock.append((item.audio_s, now))
            case TranscriptInterim():
                self._count(item.utterance, len(item.text[: item.stable].split()), now)
            case TranscriptFinal():
                self._count(item.utterance, len(item.words), now)
                times = self._final_at.pop(item.utterance, [])
                self._cost.delays_s += [
                    final - self._when(word.end) for word, final in zip(item.words, times, strict=False)
                ]
            case EmotionFinal():
                self.speech_s += item.end - item.start
                self._cost.finals += 1
                self._cost.late += item.text != "used"
            case WarningEvent() if item.code == "text_disabled":
                self._cost.failure = item.message

    def _count(self, utterance: int, words: int, now: float) -> None:
        known = self._final_at[utterance]
        known += [now] * (words - len(known))

    def _when(self, audio_s: float) -> float:
        """Wall time at which this much audio had been played."""
        return next((wall for position, wall in self._clock if position >= audio_s), self._clock[-1][1])


def _peak_mb(pid: int) -> float | None:
    """Peak resident memory of a process in MB, where /proc reports it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)
