"""Word error rate and word times of a converted model on sentences with known words, through faster-whisper."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from faster_whisper import WhisperModel

from ..corpora import Clip
from ..corpora.audio import read_clip
from .align import WordTimes
from .tokens import SENTENCES


@dataclass(frozen=True)
class RecognitionScores:
    """The scores of a model on clips of one sentence each.

    wer            word error rate: edits over words word_times, case and punctuation left aside
    exact          share of clips without an edit
    language       share of clips detected as English
    start_s, end_s median absolute error of word starts and ends in clips without an edit, seconds
    rtf            real-time factor: seconds of computation a second of audio
    """

    clips: int
    wer: float
    exact: float
    language: float
    start_s: float
    end_s: float
    rtf: float


def plain_words(text: str) -> list[str]:
    """Words of a sentence, lower case, without punctuation."""
    return "".join(c for c in text.lower() if c.isalnum() or c.isspace() or c == "'").split()


def edits(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """The Levenshtein distance in words: the fewest insertions, deletions and replacements."""
    row = list(range(len(hypothesis) + 1))
    for number, word in enumerate(reference, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(hypothesis, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def measure(
    folder: Path, clips: Sequence[Clip], word_times: Sequence[WordTimes], threads: int = 1
) -> RecognitionScores:
    """Transcribe RAVDESS clips with a converted model, int8 on the CPU, and compare with their sentences."""
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    wrong, words, exact, english, audio_s = 0, 0, 0, 0, 0.0
    starts: list[float] = []
    ends: list[float] = []
    began = time.perf_counter()
    for clip, times in zip(clips, word_times, strict=True):
        audio = read_clip(clip.path, 16_000)
        audio_s += len(audio) / 16_000
        segments, info = model.transcribe(audio, beam_size=1, word_timestamps=True, condition_on_previous_text=False)
        found = [word for segment in segments for word in segment.words or ()]
        reference = plain_words(SENTENCES[clip.name.split("-")[4]])
        missed = edits(reference, plain_words("".join(word.word for word in found)))
        wrong, words, english = wrong + missed, words + len(reference), english + (info.language == "en")
        if not missed:
            exact += 1
            starts += [abs(word.start - time_s) for word, time_s in zip(found, times.starts, strict=True)]
            ends += [abs(word.end - time_s) for word, time_s in zip(found, times.ends, strict=True)]
    worked = time.perf_counter() - began
    return RecognitionScores(
        clips=len(clips),
        wer=round(wrong / words, 4),
        exact=round(exact / len(clips), 4),
        language=round(english / len(clips), 4),
        start_s=round(float(np.median(starts)), 3) if starts else float("inf"),
        end_s=round(float(np.median(ends)), 3) if ends else float("inf"),
        rtf=round(worked / audio_s, 4),
    )
