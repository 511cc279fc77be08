"""How well a recognizer hears sentences whose words are known: through the real faster-whisper."""

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
    """What a model did on clips of one sentence each.

    wer            word error rate: edits over words spoken, case and punctuation left aside
    exact          share of clips without an edit
    language       share of clips detected as English
    start_s, end_s medians of how far a right clip's word starts and ends are from the aligned ones, seconds
    rtf            seconds of work a second of audio
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


def edits(said: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein's distance in words: the fewest insertions, deletions and replacements."""
    row = list(range(len(heard) + 1))
    for number, word in enumerate(said, 1):
        before, row[0] = row[0], number
        for place, other in enumerate(heard, 1):
            before, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, before + (word != other))
    return row[-1]


def measure(folder: Path, clips: Sequence[Clip], spoken: Sequence[WordTimes], threads: int = 1) -> RecognitionScores:
    """Transcribe RAVDESS clips with a converted model, int8 on the CPU, and compare with their sentences."""
    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
    wrong, words, exact, english, audio_s = 0, 0, 0, 0, 0.0
    starts: list[float] = []
    ends: list[float] = []
    began = time.perf_counter()
    for clip, times in zip(clips, spoken, strict=True):
        audio = read_clip(clip.path, 16_000)
        audio_s += len(audio) / 16_000
        segments, info = model.transcribe(audio, beam_size=1, word_timestamps=True, condition_on_previous_text=False)
        found = [word for segment in segments for word in segment.words or ()]
        said = plain_words(SENTENCES[clip.name.split("-")[4]])
        missed = edits(said, plain_words("".join(word.word for word in found)))
        wrong, words, english = wrong + missed, words + len(said), english + (info.language == "en")
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
