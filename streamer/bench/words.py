"""`emoscope bench words`: how long after it was said a word is settled, and what a recognizer costs."""

import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ..asr import Choice, Recognizer
from ..protocol.config import Config
from ..protocol.events import AnyEvent, EmotionFinal, TranscriptFinal, TranscriptInterim, WarningEvent
from ..runtime.live import Live
from ..runtime.news import Note, Tick
from ..sources.paced_recording import PacedRecording

POLL_S = 0.01


@dataclass
class WordsCost:
    """What one recognizer came to on one recording, played as it would be heard.

    delays_s    wall time from a word's end to the event that settles it, a word each
    late        finals without the words of their whole utterance
    rtf         time in the recognizer for a second of speech, its interim passes included
    peak_mb     largest memory of its process, None where the system does not tell
    why_not     it could not run
    """

    name: str
    delays_s: list[float] = field(default_factory=list)
    finals: int = 0
    late: int = 0
    rtf: float = 0.0
    peak_mb: float | None = None
    why_not: str = ""

    def row(self) -> str:
        """One line of the table."""
        if self.why_not:
            return f"{self.name:<24} {self.why_not}"
        ranked = sorted(self.delays_s)
        median = f"{statistics.median(ranked):.2f} s" if ranked else "-"
        worst = f"{ranked[int(0.95 * (len(ranked) - 1))]:.2f} s" if ranked else "-"
        memory = "-" if self.peak_mb is None else f"{self.peak_mb:.0f} MB"
        late = f"{self.late}/{self.finals}"
        return f"{self.name:<24} {len(ranked):>5} {median:>8} {worst:>8} {late:>7} {self.rtf:>6.2f} {memory:>8}"


HEADING = f"{'recognizer':<24} {'words':>5} {'median':>8} {'p95':>8} {'late':>7} {'RTF':>6} {'memory':>8}"


def bench_words(choice: Choice, path: Path, model: str = "small", seconds: float = 30.0) -> WordsCost:
    """Listen to the first `seconds` of a recording in real time. The recognizer is loaded before it begins."""
    cost = WordsCost(str(choice))
    with Recognizer(choice) as recognizer:
        while not recognizer.loaded(1.0):
            pass
        if recognizer.broken:
            cost.why_not = recognizer.broken
            return cost
        cost.name = recognizer.name
        from ..engine.opening import KEEP_THREADS, open_engine

        loaded = open_engine(model, threads=KEEP_THREADS).loaded
        live = Live(PacedRecording(path), lambda: loaded, Config(), seconds=seconds, words=partial(_same, recognizer))
        watch = _Watch(cost)
        live.start()
        while not live.done:
            live.join(POLL_S)
            for item in live.news():
                watch.see(item, time.monotonic())
            cost.peak_mb = _peak_mb(recognizer.pid) or cost.peak_mb
        for item in live.news():
            watch.see(item, time.monotonic())
        if live.error is not None:
            raise live.error
        cost.rtf = recognizer.busy_s / watch.speech_s if watch.speech_s else 0.0
    return cost


def _same(recognizer: Recognizer) -> Recognizer:
    return recognizer


class _Watch:
    """Puts the times at which words were said beside those at which they were settled."""

    def __init__(self, cost: WordsCost) -> None:
        self._cost = cost
        self._heard: list[tuple[float, float]] = []
        self._settled: dict[int, list[float]] = defaultdict(list)
        self.speech_s = 0.0

    def see(self, item: AnyEvent | Tick | Note, now: float) -> None:
        """One thing that a live session told, at wall time `now`."""
        match item:
            case Tick():
                self._heard.append((item.audio_s, now))
            case TranscriptInterim():
                self._count(item.utterance, len(item.text[: item.stable].split()), now)
            case TranscriptFinal():
                self._count(item.utterance, len(item.words), now)
                times = self._settled.pop(item.utterance, [])
                self._cost.delays_s += [
                    settled - self._when(word.end) for word, settled in zip(item.words, times, strict=False)
                ]
            case EmotionFinal():
                self.speech_s += item.end - item.start
                self._cost.finals += 1
                self._cost.late += item.text != "used"
            case WarningEvent() if item.code == "text_disabled":
                self._cost.why_not = item.message

    def _count(self, utterance: int, words: int, now: float) -> None:
        known = self._settled[utterance]
        known += [now] * (words - len(known))

    def _when(self, audio_s: float) -> float:
        """Wall time at which so much audio had been heard."""
        return next((wall for heard, wall in self._heard if heard >= audio_s), self._heard[-1][1])


def _peak_mb(pid: int) -> float | None:
    """Peak resident memory of a process, where /proc tells it."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), None)
