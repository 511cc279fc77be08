"""Which words of a pass are believed: recognizers invent sentences on silence and noise, and repeat themselves.

The rule on `no_speech_p` and `avg_logprob` and the bound on compression are Whisper's own (Radford et al. 2022,
section 4.5); the other rules look at the audio under the words.
"""

import numpy as np
import numpy.typing as npt

from ...protocol.config import SAMPLE_RATE
from ...protocol.events import SpokenWord
from .hypothesis import Hypothesis, RecognizedSegment

NO_SPEECH_P = 0.6
DOUBTFUL_LOGPROB = -1.0  # with `no_speech_p` above its bound
HOPELESS_LOGPROB = -1.6  # on its own: most tokens were guessed
COMPRESSION = 2.4
WORDS_A_SECOND = 9.0  # speech is not faster than this; a repeating text is
FLOOR_DBFS = -60.0
BELOW_LOUDEST_DB = 45.0
LEVEL_FRAME = SAMPLE_RATE // 50
AROUND_S = 0.1  # accuracy of the times of words
SHORTEST = SAMPLE_RATE // 5  # a shorter pass finds no words
STEADY_DB = 1.5  # noise as long as a word stays within 1.3; speech at 10 dB over white noise within 1.7 at least
NEAR_LOUDEST_DB = 20.0
EMPHASIS = 0.97

Sound = npt.NDArray[np.int16]


def levels_dbfs(audio: Sound) -> npt.NDArray[np.float64]:
    """Level of each whole 20 ms of `audio`, dBFS; one value where it is shorter."""
    count = max(1, len(audio) // LEVEL_FRAME)
    frames = audio[: count * LEVEL_FRAME].astype(np.float64).reshape(count, -1) / 32_768
    return np.asarray(10 * np.log10(np.mean(frames**2, 1) + 1e-12))


def audible(audio: Sound) -> bool:
    """True where `audio` is long and loud enough for words and is not steady noise; a recognizer is given no other."""
    return len(audio) >= SHORTEST and float(levels_dbfs(audio).max()) >= FLOOR_DBFS and spread_db(audio) >= STEADY_DB


def spread_db(audio: Sound) -> float:
    """How far the level of the loud parts varies, dB: much in speech, hardly in a fan or a hum.

    From the tenth to the ninety-fifth percentile over frames of 20 ms, after first-order pre-emphasis.
    """
    sound = audio.astype(np.float64)
    count = (len(sound) - 1) // LEVEL_FRAME
    frames = (sound[1:] - EMPHASIS * sound[:-1])[: count * LEVEL_FRAME].reshape(count, -1)
    levels = 10 * np.log10(np.mean(frames**2, 1) + 1e-9)
    low, high = np.quantile(levels[levels > levels.max() - NEAR_LOUDEST_DB], [0.1, 0.95])
    return float(high - low)


def believed(segment: RecognizedSegment) -> bool:
    """False where the recognizer's own scores are poor, or the text is faster than anybody speaks."""
    if not segment.words:
        return False
    span = max(0.2, segment.words[-1].end - segment.words[0].start)
    return not (
        (segment.no_speech_p > NO_SPEECH_P and segment.avg_logprob < DOUBTFUL_LOGPROB)
        or segment.avg_logprob < HOPELESS_LOGPROB
        or segment.compression_ratio > COMPRESSION
        or (len(segment.words) > 4 and len(segment.words) / span > WORDS_A_SECOND)
    )


def kept_words(hypothesis: Hypothesis, audio: Sound, begin: int) -> list[SpokenWord]:
    """The words that are believed, in order, on the session's clock; `audio` is the pass's, from sample `begin`."""
    if not len(audio):  # an utterance that was cut as it began
        return []
    levels = levels_dbfs(audio)
    floor = max(FLOOR_DBFS, float(levels.max()) - BELOW_LOUDEST_DB)
    first_s, last_s = begin / SAMPLE_RATE, (begin + len(audio)) / SAMPLE_RATE
    words: list[SpokenWord] = []
    before_s = first_s
    for segment in hypothesis.segments:
        for word in segment.words if believed(segment) else ():
            text = word.word.strip()
            if not text or not _numbers(word.start, word.end, word.p) or word.start >= len(audio) / SAMPLE_RATE:
                continue
            if not _sounds(levels, word.start, word.end, floor):
                continue
            start = min(max(before_s, first_s + word.start), last_s)
            end = min(max(start, first_s + word.end), last_s)
            words.append(
                SpokenWord(
                    word=text,
                    start=round(start, 3),
                    end=round(end, 3),
                    p=round(min(1.0, max(0.0, word.p)), 4),
                    space=word.space,
                )
            )
            before_s = start
    return words


def _numbers(*values: float) -> bool:
    return bool(np.isfinite(values).all())


def _sounds(levels: npt.NDArray[np.float64], start_s: float, end_s: float, floor: float) -> bool:
    """True where the audio under a word is loud enough."""
    first = max(0, int((start_s - AROUND_S) * SAMPLE_RATE / LEVEL_FRAME))
    last = int((end_s + AROUND_S) * SAMPLE_RATE / LEVEL_FRAME) + 1
    under = levels[first:last]
    return bool(len(under)) and float(under.max()) >= floor
