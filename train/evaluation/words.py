"""What a recognizer makes of recordings in the live path: word errors, languages, and words where nobody speaks.

Counted is what a session says at the end of its utterances, `transcript.final`: what is outside of an utterance is not
transcribed, and a word that the detector cuts off is an error like any other. Beside it stand the errors of one pass
over each whole recording, which are the recognizer's own.
"""

import itertools
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import jiwer
import msgspec
import numpy as np

from emoscope.streamer import Config
from emoscope.streamer.asr import Recognizer
from emoscope.streamer.engine.opening import OpenedModel

from ..corpora import Clip
from .calibration_inputs import Interval
from .claims import CORPORA as UNACTED
from .heard import HeardClip, HeardUtterance, WordListener
from .intervals import one_hot, resample
from .predictions import clip_answer
from .protocols import apply_protocol, protocol_of
from .scores import Array, Probabilities, answers, uar_of
from .sessions import SessionConfig, plan_sessions


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that were measured often: median, ninth decile, and how often."""

    median: float
    p90: float
    count: int


class WordTimes(msgspec.Struct, frozen=True, kw_only=True):
    """How far the times of words are off where a corpus says when its sentence begins and ends, seconds.

    begin, end  absolute errors of the first word's begin and the last word's end
    begin_bias, end_bias  medians with their sign; above zero is too late
    """

    begin: Spread
    end: Spread
    begin_bias: float
    end_bias: float


class WordReadings(msgspec.Struct, frozen=True, kw_only=True):
    """What words change in the readings.

    changed      finals whose best label is another one with words than without
    share        mean share of the words in the readings (`sources.text`), and the greatest
    voice, both  UAR of the corpus's classes by the voice alone, and with words, over the clips of speakers on whom the
                 model was not trained; None where there are none, or no emotion is played
    gain         both less voice, with its interval
    scored       clips that these are of
    """

    finals: int
    changed: int
    share: float
    greatest: float
    voice: float | None = None
    both: float | None = None
    gain: float | None = None
    gain_ci95: Interval | None = None
    scored: int = 0


class WordReport(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one corpus.

    minutes     of speech in utterances
    words       that were said, as the corpus has them
    errors      substituted, deleted and inserted words for each word that was said, with the 95 % interval; None where
                the corpus has no text, or nothing is said
    offline     the same of one pass over each whole recording
    languages   how many utterances were taken for which
    right_language  share of the utterances with words that were taken for the corpus's language
    changes     how often an utterance's language is another one than that of the utterance before it in its session
    recognized  words in all transcripts
    texts       transcripts where the corpus has no text: clip and words
    times       of words; None where the corpus says nothing about them
    lag         of audio from a word's end to the event that first shows it as it stays
    processor_s of the recognizer for a clip, and for a second of it; None where the system does not report it
    readings    what words change in them
    worst       clips with the most errors: name, what was said, what was recognized
    """

    corpus: str
    recognizer: str
    vad: str
    language: str | None
    sessions: int
    clips: int
    utterances: int
    minutes: float
    words: int
    errors: float | None
    ci95: Interval | None
    offline: float | None
    offline_ci95: Interval | None
    languages: dict[str, int]
    right_language: float | None
    changes: int
    recognized: int
    texts: list[tuple[str, str]]
    times: WordTimes | None
    lag: Spread | None
    processor_s: tuple[float, float] | None
    readings: WordReadings
    worst: list[tuple[str, str, str]]


WORST = 5
ONE_EACH = SessionConfig()


def evaluate_words(
    clips: Sequence[Clip],
    opened: OpenedModel,
    recognizer: Recognizer,
    config: Config,
    name: str,
    sessions: SessionConfig = ONE_EACH,
    trained: Collection[str] = (),
    on_clips: Callable[[int], None] = lambda clips: None,
) -> WordReport:
    """Transcribe every clip through the live path. RecognizerUnavailable when the recognizer breaks.

    name     the recognizer's
    trained  speakers on whom the model was trained: their readings are not scored
    """
    listener = WordListener(opened, recognizer, config)
    heard: list[HeardClip] = []
    planned = plan_sessions(clips, sessions)
    changes = 0
    for one in planned:
        own = listener.hear(one)
        changes += _changes([u for clip in own for u in clip.utterances])
        heard += own
        on_clips(len(own))
    drawn = resample([one.clip.speaker for one in heard], np.zeros(len(heard), np.int64))
    said = [plain(one.clip.text) for one in heard]
    streamed = [plain(" ".join(u.transcript.text for u in one.utterances)) for one in heard]
    counts, offline = _counted(said, streamed), _counted(said, [plain(one.offline) for one in heard])
    total = int(counts[:, 1].sum())

    def rate(found: Array) -> tuple[float | None, Interval | None]:
        if not total:
            return None, None
        return float(found[:, 0].sum() / total), drawn.interval(lambda sums: sums[:, 0] / sums[:, 1], found)

    errors, ci95 = rate(counts)
    offline_errors, offline_ci95 = rate(offline)
    utterances = [u for one in heard for u in one.utterances]
    with_words = [u.transcript.language for u in utterances if u.transcript.language]
    language = heard[0].clip.language
    wrong = [row for row in np.argsort(-counts[:, 0], kind="stable")[:WORST] if counts[row, 0]] if total else []
    spent = [one.processor_s for one in heard if one.processor_s is not None]
    return WordReport(
        corpus=heard[0].clip.corpus,
        recognizer=name,
        vad=config.vad.backend,
        language=config.language,
        sessions=len(planned),
        clips=len(heard),
        utterances=len(utterances),
        minutes=round(sum(u.transcript.end - u.transcript.start for u in utterances) / 60, 3),
        words=total,
        errors=errors,
        ci95=ci95,
        offline=offline_errors,
        offline_ci95=offline_ci95,
        languages=dict(Counter(with_words).most_common()),
        right_language=with_words.count(language) / len(with_words) if language and with_words else None,
        changes=changes,
        recognized=sum(len(text.split()) for text in streamed),
        texts=[] if total else [(one.clip.name, text) for one, text in zip(heard, streamed, strict=True) if text],
        times=_times(heard),
        lag=spread([lag for u in utterances for lag in u.lags]),
        processor_s=(sum(spent) / len(heard), sum(spent) / sum(one.seconds for one in heard)) if spent else None,
        readings=_readings(heard, opened, trained),
        worst=[(heard[row].clip.name, said[row], streamed[row]) for row in wrong],
    )


def _counted(said: Sequence[str], recognized: Sequence[str]) -> Array:
    """(N, 2) errors of each clip, and words that were said in it."""
    pairs = zip(said, recognized, strict=True)
    return np.array([(word_errors(one, other), len(one.split())) for one, other in pairs], np.float64)


def _changes(utterances: Sequence[HeardUtterance]) -> int:
    told = [u.transcript.language for u in utterances if u.transcript.language]
    return sum(one != other for one, other in itertools.pairwise(told))


def _times(heard: Sequence[HeardClip]) -> WordTimes | None:
    """Errors of the first word's begin and the last word's end, over clips with words in them."""
    begins, ends = [], []
    for one in heard:
        words = [word for u in one.utterances for word in u.transcript.words]
        if one.clip.spoken is not None and words:
            begins.append(words[0].start - one.begin - one.clip.spoken[0])
            ends.append(words[-1].end - one.begin - one.clip.spoken[1])
    begin, end = spread([abs(error) for error in begins]), spread([abs(error) for error in ends])
    if begin is None or end is None:
        return None
    return WordTimes(begin=begin, end=end, begin_bias=float(np.median(begins)), end_bias=float(np.median(ends)))


def spread(values: Sequence[float]) -> Spread | None:
    """Median and ninth decile; None of nothing."""
    if not values:
        return None
    median, p90 = np.percentile(values, [50, 90])
    return Spread(median=round(float(median), 3), p90=round(float(p90), 3), count=len(values))


def _readings(heard: Sequence[HeardClip], opened: OpenedModel, trained: Collection[str]) -> WordReadings:
    utterances = [u for one in heard for u in one.utterances]
    shares = [u.with_words.sources.text for u in utterances]
    found = WordReadings(
        finals=len(utterances),
        changed=sum(_best(u.with_words.scores) != _best(u.voice_alone.scores) for u in utterances),
        share=float(np.mean(shares)) if shares else 0.0,
        greatest=max(shares, default=0.0),
    )
    corpus = heard[0].clip.corpus
    protocol, labels = protocol_of(None, corpus), opened.contract.labels
    played = [one for one in heard if corpus not in UNACTED and one.clip.speaker not in trained]
    played = [one for one in played if protocol.read(one.clip.label) in protocol.classes]
    if not played:
        return found
    names, rows = [one.clip.label for one in played], []
    for answer in ([_answer(one, labels, words=words) for one in played] for words in (False, True)):
        merged, truth = apply_protocol(labels, np.stack(answer), names, protocol)
        rows.append(one_hot(answers(merged), truth, len(protocol.classes)))
    voice, both = (float(uar_of(row.sum(0))) for row in rows)
    drawn = resample([one.clip.speaker for one in played], truth)
    interval = drawn.interval(lambda sums: uar_of(sums[:, 1]) - uar_of(sums[:, 0]), np.stack(rows, 1))
    return msgspec.structs.replace(
        found, voice=voice, both=both, gain=both - voice, gain_ci95=interval, scored=len(played)
    )


def _answer(one: HeardClip, labels: Sequence[str], *, words: bool) -> Probabilities:
    """Probabilities (L,) of a clip."""
    finals = [u.with_words if words else u.voice_alone for u in one.utterances]
    return clip_answer([(f.end - f.start, [f.scores[x] for x in labels]) for f in finals], len(labels))


def _best(scores: dict[str, float]) -> str:
    return max(scores, key=scores.__getitem__)


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
