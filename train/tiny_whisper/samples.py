"""Training samples of the tiny Whisper: mel windows as faster-whisper makes them, and the target tokens of each.

The windows of a rolling transcript hold more than whole sentences: unfinished sentences, several in a row, and noise.
So a third of the samples end in mid-sentence with the words up to there as target; some hold two sentences, some none;
some are in other languages, for which only the language token is a target.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from .align import FRAME_S, WordTimes
from .tokens import SENTENCES, TIME_S, control, first_time

Mel = npt.NDArray[np.float32]

POSITION_S = 0.02  # of the encoder: two frames
IGNORED = -100
LATEST_START_S = 1.0  # of the first word: Whisper allows no later one (max_initial_timestamp)
AUDIBLE_SHARE = 0.35  # of a word that may be audible before a cut without being in the target


@dataclass(frozen=True)
class Take:
    """One clip: log10 mel powers (80, F); and, for a known sentence, its number and word times."""

    power: Mel
    language: str
    sentence: str = ""
    times: WordTimes | None = None


@dataclass(frozen=True)
class Sample:
    """A window and its target tokens.

    mel     (80, F) as faster-whisper's feature extractor gives it
    inputs  (N,) input tokens of the decoder; labels (N,) the target tokens, IGNORED without a target
    spans   (N, 2) encoder positions of the word that the target token belongs to; (-1, -1) for none
    """

    mel: Mel
    inputs: list[int]
    labels: list[int]
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Word:
    """Tokens of a word, and its start and end in seconds."""

    tokens: tuple[int, ...]
    start: float
    end: float


def power_of(mel: Mel) -> Mel:
    """log10 powers of faster-whisper's features; `finish` is the inverse."""
    return 4 * mel - 4


def finish(power: Mel) -> Mel:
    """faster-whisper's features: at most 80 dB below the loudest, then shifted and scaled."""
    power = np.maximum(power, max(float(power.max()) - 8, -10.0))
    return np.asarray((power + 4) / 4, np.float32)


class Sampler:
    """Draws samples; all randomness comes from `rng`."""

    def __init__(self, sentences: Sequence[Take], others: Sequence[Take], tokenizer: Tokenizer) -> None:
        self.sentences, self.others, self.tokenizer = sentences, others, tokenizer
        self.zero = first_time(tokenizer)
        self.start, self.end = control(tokenizer, "startoftranscript"), control(tokenizer, "endoftext")

    def draw(self, rng: np.random.Generator, longest: int) -> Sample:
        """One sample of at most `longest` frames."""
        kind = rng.choice(5, p=[0.45, 0.3, 0.1, 0.07, 0.08])
        if kind == 4 and self.others:
            take = self.others[int(rng.integers(len(self.others)))]
            return self._named(augment(take.power, rng, 1.0)[:, :longest], take.language)
        if kind == 3:
            return self._nothing(rng, longest)
        power, words = self._piece(rng, partial=kind == 1)
        if kind == 2:
            more, others = self._piece(rng, partial=bool(rng.integers(2)))
            shift = power.shape[1] * FRAME_S
            later = [Word(w.tokens, w.start + shift, w.end + shift) for w in others]
            if words and later and power.shape[1] + more.shape[1] <= longest:
                return self._transcribed(finish(np.concatenate([power, more], 1)), [words, later], rng)
        power, words = power[:, :longest], [word for word in words if word.end <= longest * FRAME_S]
        return self._transcribed(finish(power), [words] if words else [], rng)

    def _piece(self, rng: np.random.Generator, partial: bool) -> tuple[Mel, list[Word]]:
        """A clip, its margins cut at random, at another speed; with `partial`, cut in mid-sentence."""
        take = self.sentences[int(rng.integers(len(self.sentences)))]
        assert take.times is not None
        starts, ends = take.times.starts, take.times.ends
        count = int(rng.integers(1, len(starts))) if partial else len(starts)
        first = max(0.0, starts[0] - rng.uniform(0.05, LATEST_START_S - 0.1))
        last = ends[-1] + rng.uniform(0.1, 1.0)
        if partial:
            last = ends[count - 1] + AUDIBLE_SHARE * rng.uniform(0, 1) * (ends[count] - starts[count])
        speed = float(rng.uniform(0.85, 1.18))
        frames = slice(int(first / FRAME_S), int(last / FRAME_S) + 1)
        power = augment(take.power[:, frames], rng, speed)
        first = frames.start * FRAME_S
        words = [
            Word(tokens, (start - first) / speed, (end - first) / speed)
            for tokens, start, end in zip(self._tokens(take.sentence), starts, ends, strict=True)
        ][:count]
        if not partial:
            stop = self.tokenizer.encode(".").ids
            words.append(Word(tuple(stop), words[-1].end, words[-1].end + 0.04))
        return power, words

    def _tokens(self, sentence: str) -> list[tuple[int, ...]]:
        words = SENTENCES[sentence].rstrip(".").split()
        return [tuple(self.tokenizer.encode(f" {word}").ids) for word in words]

    def _transcribed(self, mel: Mel, sentences: list[list[Word]], rng: np.random.Generator) -> Sample:
        """The sample of sentences; half of the single ones have no time tokens, as in the pass for word times."""
        if not sentences:
            return self._silent(mel)
        timed = bool(rng.integers(2)) or len(sentences) > 1
        tokens, spans = [], []
        for words in sentences:
            ending = (_position(words[-1].end), _position(words[-1].end + 0.1))
            if timed:
                tokens.append(self._time(words[0].start))
                spans.append((-1, -1))
            for word in words:
                edges = np.linspace(word.start, word.end, len(word.tokens) + 1)
                tokens += word.tokens
                spans += [(_position(a), _position(b)) for a, b in itertools.pairwise(edges)]
            if timed:
                tokens.append(self._time(words[-1].end))
                spans.append(ending)
        task = [control(self.tokenizer, "transcribe")]
        if not timed:
            task.append(control(self.tokenizer, "notimestamps"))
        head = [self.start, control(self.tokenizer, "en"), *task]
        labels = [head[1], *([IGNORED] * (len(head) - 2)), *tokens, self.end]
        spans = [(-1, -1)] * (len(head) - 1) + spans + [ending]
        return Sample(mel, [*head, *tokens], labels, spans)

    def _nothing(self, rng: np.random.Generator, longest: int) -> Sample:
        """The background before a sentence, or digital silence."""
        take = self.sentences[int(rng.integers(len(self.sentences)))]
        assert take.times is not None
        before = take.power[:, : int(max(0.0, take.times.starts[0] - 0.15) / FRAME_S)]
        frames = int(rng.integers(50, longest))
        if rng.random() < 0.3 or before.shape[1] < 20:
            return self._silent(finish(np.full((80, frames), -10.0, np.float32)))
        repeated = np.tile(before, (1, frames // before.shape[1] + 1))[:, :frames]
        return self._silent(finish(augment(repeated, rng, 1.0)))

    def _silent(self, mel: Mel) -> Sample:
        head = [self.start, control(self.tokenizer, "en"), control(self.tokenizer, "transcribe"), self.zero]
        labels = [control(self.tokenizer, "nospeech"), IGNORED, self.zero, self.end]
        return Sample(mel, head, labels, [(-1, -1)] * len(head))

    def _named(self, power: Mel, language: str) -> Sample:
        return Sample(finish(power), [self.start], [control(self.tokenizer, language)], [(-1, -1)])

    def _time(self, seconds: float) -> int:
        return self.zero + max(0, round(seconds / TIME_S))


def _position(seconds: float) -> int:
    return max(0, round(seconds / POSITION_S))


def augment(power: Mel, rng: np.random.Generator, speed: float) -> Mel:
    """Another speed, a longer or shorter vocal tract, another level, colour and background."""
    bands, frames = power.shape
    columns = np.arange(max(8, int(frames / speed))) * speed
    rows = np.arange(bands) * rng.uniform(0.95, 1.05)
    power = _between(_between(power, columns, 1), rows, 0)
    tilt = np.linspace(-0.5, 0.5, bands, dtype=np.float32)[:, None]
    power = power + np.float32(rng.uniform(-1.2, 0.6)) + np.float32(rng.uniform(-0.6, 0.6)) * tilt
    if rng.random() < 0.5:
        noise = float(np.percentile(power, 95)) - rng.uniform(1.2, 4.0) + rng.uniform(-1.5, 0.5) * tilt
        power = np.log10(10**power + 10**noise * rng.exponential(1.0, power.shape))
    return np.asarray(power, np.float32)


def _between(array: Mel, places: npt.NDArray[np.floating[Any]], axis: int) -> Mel:
    """Values at fractional places along an axis; beyond its end, the last one."""
    places = np.clip(places, 0, array.shape[axis] - 1)
    low = np.floor(places).astype(int)
    high = np.minimum(low + 1, array.shape[axis] - 1)
    share = (places - low).astype(np.float32)
    share = share[:, None] if axis == 0 else share[None]
    return np.asarray(np.take(array, low, axis) * (1 - share) + np.take(array, high, axis) * share)
