"""What a recognizer makes of recordings in the live path: word errors, languages, and words where nobody speaks.

Counted is what a session says at the end of its utterances, `transcript.final`: what is outside of an utterance is not
transcribed, and a word that the detector cuts off is an error like any other.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

import jiwer
import msgspec
import numpy as np

from emoscope.streamer import Config, replay
from emoscope.streamer.asr import Recognizer, RecognizerUnavailable
from emoscope.streamer.engine.opening import OpenedModel
from emoscope.streamer.protocol.events import TranscriptFinal, WarningEvent

from ..corpora import Clip
from .intervals import resample


class WordReport(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one corpus.

    minutes     of speech in utterances
    words       that were said, as the corpus has them
    errors      substituted, deleted and inserted words for each word that was said, with the 95 % interval; None where
                the corpus has no text, or nothing is said
    languages   how many utterances were taken for which
    recognized  words in all transcripts
    worst       clips with the most errors: name, what was said, what was recognized
    """

    corpus: str
    recognizer: str
    vad: str
    clips: int
    utterances: int
    minutes: float
    words: int
    errors: float | None
    ci95: tuple[float, float] | None
    languages: dict[str, int]
    recognized: int
    worst: list[tuple[str, str, str]]


WORST = 5


def evaluate_words(
    clips: Sequence[Clip],
    opened: OpenedModel,
    recognizer: Recognizer,
    config: Config,
    name: str,
    on_clip: Callable[[], None] = lambda: None,
) -> WordReport:
    """Transcribe every clip through the live path; `name` is the recognizer's. RecognizerUnavailable when it breaks."""
    counts, transcripts = np.zeros((len(clips), 2)), []
    languages: Counter[str] = Counter()
    seconds = utterances = 0.0
    for row, clip in enumerate(clips):
        finals = transcribed(clip, opened, recognizer, config)
        transcript = plain(" ".join(final.text for final in finals))
        counts[row] = word_errors(plain(clip.text), transcript), len(plain(clip.text).split())
        transcripts.append(transcript)
        languages.update(final.language for final in finals if final.language)
        seconds, utterances = seconds + sum(final.end - final.start for final in finals), utterances + len(finals)
        on_clip()
    said = int(counts[:, 1].sum())
    interval = None
    if said:
        drawn = resample([clip.speaker for clip in clips], np.zeros(len(clips), np.int64))
        interval = drawn.interval(lambda sums: sums[:, 0] / sums[:, 1], counts)
    wrong = [row for row in np.argsort(-counts[:, 0], kind="stable")[:WORST] if counts[row, 0]] if said else []
    return WordReport(
        corpus=clips[0].corpus,
        recognizer=name,
        vad=config.vad.backend,
        clips=len(clips),
        utterances=int(utterances),
        minutes=round(seconds / 60, 3),
        words=said,
        errors=float(counts[:, 0].sum() / said) if said else None,
        ci95=interval,
        languages=dict(languages.most_common()),
        recognized=sum(len(transcript.split()) for transcript in transcripts),
        worst=[(clips[row].name, plain(clips[row].text), transcripts[row]) for row in wrong],
    )


def transcribed(clip: Clip, opened: OpenedModel, recognizer: Recognizer, config: Config) -> list[TranscriptFinal]:
    """The transcripts of a clip's utterances."""
    finals = []
    for event in replay(clip.path, opened, config=config, asr=recognizer):
        if isinstance(event, TranscriptFinal):
            finals.append(event)
        elif isinstance(event, WarningEvent) and event.code == "text_disabled":
            raise RecognizerUnavailable(event.message)
    return finals


def plain(text: str) -> str:
    """Words in lower case with single spaces between them, without punctuation."""
    kept = (c if c.isalnum() or c == "'" else " " for c in unicodedata.normalize("NFC", text).lower())
    return " ".join("".join(kept).split())


def word_errors(said: str, recognized: str) -> int:
    """Substituted, deleted and inserted words."""
    if not said:
        return len(recognized.split())
    found = jiwer.process_words(said, recognized)
    return int(found.substitutions + found.deletions + found.insertions)
