"""What the live path makes of the words of recordings: transcripts with times, readings with and without words.

Audio goes in by blocks of a tenth of a second, so that it is known how much of it had been heard when an event came.
After each recording there is a second of its room, so that utterances end as they do live.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from emoscope.streamer import Config, Drive, Session
from emoscope.streamer.asr import Recognizer, RecognizerUnavailable, prepare
from emoscope.streamer.engine.opening import OpenedModel
from emoscope.streamer.protocol.events import (
    AnyEvent,
    EmotionFinal,
    TranscriptFinal,
    TranscriptInterim,
    WarningEvent,
)
from emoscope.streamer.runtime.replay import with_source
from emoscope.streamer.session.requests import Done, Transcribe, with_words
from emoscope.streamer.session.transcript.gate import kept_words
from emoscope.streamer.session.transcript.hypothesis import Hypothesis
from emoscope.streamer.session.transcript.rolling import to_int16

from ..corpora import Clip
from ..corpora.audio import Samples, read_clip
from .conditions import RATE
from .runner import Span
from .sessions import PlannedSession, join

BLOCK = RATE // 10


@dataclass(frozen=True)
class HeardUtterance:
    """One utterance; its times are those of its session.

    transcript   its words
    lags         for each word, seconds of audio from its end to the event that first shows it as it stays
    with_words   its reading, the words counted
    voice_alone  the same without words
    """

    transcript: TranscriptFinal
    lags: tuple[float, ...]
    with_words: EmotionFinal
    voice_alone: EmotionFinal


@dataclass
class HeardClip:
    """One clip: the utterances in it, the words of one pass over the whole clip, and what all passes cost.

    begin        of the clip, seconds of its session
    processor_s  of the recognizer's process, for the live path; None where the system does not report it
    """

    clip: Clip
    begin: float
    seconds: float
    utterances: list[HeardUtterance] = field(default_factory=list)
    offline: str = ""
    processor_s: float | None = None


class WordListener:
    """Plays sessions to one model and one recognizer; the caller closes the recognizer."""

    def __init__(self, opened: OpenedModel, recognizer: Recognizer, config: Config) -> None:
        self._opened, self._recognizer, self._config = opened, recognizer, config

    def hear(self, planned: PlannedSession) -> list[HeardClip]:
        """What became of each clip of a session. RecognizerUnavailable when the recognizer breaks."""
        self._recognizer.check()
        pieces = [read_clip(clip.path, RATE) for clip in planned.clips]
        audio, spans = join(pieces, RATE, planned.seed)
        heard = [HeardClip(clip, begin, end - begin) for clip, (begin, end) in zip(planned.clips, spans, strict=True)]
        before = processor_s(self._recognizer.pid)
        found = list(self._utterances(audio))
        after = processor_s(self._recognizer.pid)
        for one, piece in zip(heard, pieces, strict=True):
            one.offline = self._one_pass(piece)
            one.processor_s = None if before is None or after is None else (after - before) / len(heard)
        for utterance in found:
            place = _place((utterance.transcript.start, utterance.transcript.end), spans)
            if place is not None:
                heard[place].utterances.append(utterance)
        if self._recognizer.last_exit:
            raise RecognizerUnavailable(self._recognizer.last_exit)
        return heard

    def _utterances(self, audio: Samples) -> Iterator[HeardUtterance]:
        alone = {
            event.utterance: event
            for _, event in self._events(audio, replace(self._config, interim=False), words=False)
            if isinstance(event, EmotionFinal)
        }
        shown: list[tuple[float, list[str]]] = []
        transcript: TranscriptFinal | None = None
        for at, event in self._events(audio, self._config, words=True):
            match event:
                case TranscriptInterim():
                    shown.append((at, event.text.split()))
                case TranscriptFinal():
                    transcript = event
                    shown.append((at, [word.word for word in event.words]))
                case EmotionFinal() if transcript is not None:
                    yield HeardUtterance(transcript, lags(transcript, shown), event, alone[event.utterance])
                    shown, transcript = [], None
                case WarningEvent() if event.code == "text_disabled":
                    raise RecognizerUnavailable(event.message)

    def _events(self, audio: Samples, config: Config, *, words: bool) -> Iterator[tuple[float, AnyEvent]]:
        """The events of a session, each with the seconds of audio that were heard when it came."""
        offered = prepare(self._recognizer if words else None, config)
        if offered.warnings:
            raise RecognizerUnavailable(offered.warnings[0].message)
        session = Session(
            self._opened.contract,
            with_source(config, {"sample_rate": RATE, "channels": 1, **offered.options}),
            transcribe=words,
        )
        engine = self._opened.engine
        heard = 0

        def blocks() -> Iterator[Samples]:
            nonlocal heard
            for begin in range(0, len(audio), BLOCK):
                heard = min(begin + BLOCK, len(audio))
                yield audio[begin : begin + BLOCK]

        for event in Drive(session, with_words(engine, self._recognizer) if words else engine).run(blocks()):
            yield heard / RATE, event

    def _one_pass(self, audio: Samples) -> str:
        """The words of one pass over a whole recording, those that are believed."""
        sound = to_int16(audio)
        result = self._recognizer.ask(Transcribe(0, 0, 0, len(sound), True, self._config.language, sound))
        if not (isinstance(result, Done) and isinstance(result.value, Hypothesis)):
            raise RecognizerUnavailable(getattr(result, "message", "a pass has no result"))
        return " ".join(word.word for word in kept_words(result.value, sound, 0))


def lags(transcript: TranscriptFinal, shown: list[tuple[float, list[str]]]) -> tuple[float, ...]:
    """For each word of a transcript, the audio between its end and the first event that shows the same word there."""
    found = []
    for place, word in enumerate(transcript.words):
        first = next(at for at, words in shown if len(words) > place and words[place] == word.word)
        found.append(max(0.0, first - word.end))
    return tuple(found)


def _place(span: Span, spans: list[Span]) -> int | None:
    """The clip that an utterance overlaps most; None where it overlaps none."""
    overlaps = [min(span[1], end) - max(span[0], begin) for begin, end in spans]
    best = int(np.argmax(overlaps))
    return best if overlaps[best] > 0 else None


def processor_s(pid: int) -> float | None:
    """Processor time that a process has taken so far, where /proc reports it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
