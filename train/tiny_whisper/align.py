"""Forced alignment of words: RAVDESS has no word times, so a small hidden Markov model estimates them.

There is one left-to-right model a sentence, of phones that both sentences share; each phone has two states with a
diagonal Gaussian, with silence before and after. A flat start gives every phone the same length within the part that is
louder than the background. Viterbi training then alternates alignment and estimation of the Gaussians (Rabiner 1989, "A
tutorial on hidden Markov models", section VI.B; flat start as in HTK). The sentences have AO, IH, NG, T and D
in different places, which determines the borders.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.float32]

# The words of each sentence, by RAVDESS's number of it, as phones of the CMU dictionary.
PHONES: dict[str, tuple[tuple[str, ...], ...]] = {
    number: tuple(tuple(word.split()) for word in words.split(","))
    for number, words in {
        "01": "K IH D Z,AA R,T AO K IH NG,B AY,DH AH,D AO R",
        "02": "D AO G Z,AA R,S IH T IH NG,B AY,DH AH,D AO R",
    }.items()
}
STATES = 2  # a phone; with one frame of 10 ms at least in each
SILENCE = "SIL"
FRAME_S = 0.01
COEFFICIENTS = 13
LOUD = 0.35  # of the range from a clip's quiet to its loud frames: where the flat start puts the speech
ROUNDS = 12
LEAST_VARIANCE = 0.05


@dataclass(frozen=True)
class WordTimes:
    """Seconds where each word of a clip begins and ends; (W,) each."""

    starts: npt.NDArray[np.float64]
    ends: npt.NDArray[np.float64]


def word_times(mels: Sequence[Frames], sentences: Sequence[str], rounds: int = ROUNDS) -> list[WordTimes]:
    """Times of each clip's words.

    mels       a clip's log-mel frames, (80, F), one each 10 ms
    sentences  the sentence of each clip, a key of PHONES
    """
    names = sorted({SILENCE, *(p for words in PHONES.values() for word in words for p in word)})
    features = [cepstra(mel) for mel in mels]
    chains = {sentence: _chain(sentence, names) for sentence in set(sentences)}
    paths = [_flat(mel, chains[sentence]) for mel, sentence in zip(mels, sentences, strict=True)]
    for _ in range(rounds):
        means, variances = _estimate(features, paths, [chains[s] for s in sentences], len(names) * STATES)
        paths = [
            _viterbi(_likelihood(some, means, variances)[:, chains[s]])
            for some, s in zip(features, sentences, strict=True)
        ]
    return [_words(path, sentence) for path, sentence in zip(paths, sentences, strict=True)]


def cepstra(mel: Frames) -> Frames:
    """(F, 26) mel cepstra and their slopes, normalised to mean 0 and deviation 1 over the clip."""
    bands = mel.shape[0]
    places = np.pi * (np.arange(bands) + 0.5) / bands
    basis = np.cos(np.arange(COEFFICIENTS)[:, None] * places[None])
    static = mel.T @ basis.T
    padded = np.pad(static, ((2, 2), (0, 0)), mode="edge")
    slopes = (2 * (padded[4:] - padded[:-4]) + padded[3:-1] - padded[1:-3]) / 10
    both = np.concatenate([static, slopes], 1)
    return np.asarray((both - both.mean(0)) / (both.std(0) + 1e-6), np.float32)


def _chain(sentence: str, names: list[str]) -> npt.NDArray[np.int64]:
    """(S,) the tied state at each position of a sentence's model."""
    phones = [SILENCE, *(phone for word in PHONES[sentence] for phone in word), SILENCE]
    return np.array([names.index(phone) * STATES + state for phone in phones for state in range(STATES)])


def _flat(mel: Frames, chain: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(F,) positions in the model, spread evenly over the loud part."""
    level = mel.mean(0)
    quiet, loud = np.percentile(level, [5, 95])
    voiced = np.flatnonzero(level > quiet + LOUD * (loud - quiet))
    first, last = int(voiced[0]), int(voiced[-1]) + 1
    inner = len(chain) - 2 * STATES
    path = np.zeros(mel.shape[1], np.int64)
    path[:first] = np.arange(first) * STATES // max(first, 1)
    path[first:last] = STATES + np.arange(last - first) * inner // (last - first)
    rest = mel.shape[1] - last
    path[last:] = len(chain) - STATES + np.arange(rest) * STATES // max(rest, 1)
    return path


def _estimate(
    features: Sequence[Frames],
    paths: Sequence[npt.NDArray[np.int64]],
    chains: Sequence[npt.NDArray[np.int64]],
    states: int,
) -> tuple[Frames, Frames]:
    """(S, K) mean and variance of each tied state over the frames that are assigned to it."""
    frames = np.concatenate(features)
    owners = np.concatenate([chain[path] for chain, path in zip(chains, paths, strict=True)])
    means = np.zeros((states, frames.shape[1]), np.float32)
    variances = np.ones_like(means)
    for state in np.unique(owners):
        own = frames[owners == state]
        means[state], variances[state] = own.mean(0), own.var(0) + LEAST_VARIANCE
    return means, variances


def _likelihood(features: Frames, means: Frames, variances: Frames) -> Frames:
    """(F, S) log density of each frame in each tied state."""
    inverse = 1 / variances
    quadratic = (features**2) @ inverse.T - 2 * features @ (means * inverse).T + (means**2 * inverse).sum(1)
    return np.asarray(-0.5 * (quadratic + np.log(variances).sum(1)), np.float32)


def _viterbi(likelihood: Frames) -> npt.NDArray[np.int64]:
    """(F,) the best path through a model from its first position to its last, with at most one step a frame."""
    frames, places = likelihood.shape
    if frames < places:
        raise ValueError(f"{frames} frames are too few for {places} states")
    best = np.full(places, -np.inf, np.float32)
    best[0] = likelihood[0, 0]
    came = np.zeros((frames, places), np.bool_)
    for frame in range(1, frames):
        before = np.concatenate([[-np.inf], best[:-1]])
        came[frame] = before > best
        best = np.maximum(best, before) + likelihood[frame]
    path = np.empty(frames, np.int64)
    place = places - 1
    for frame in range(frames - 1, -1, -1):
        path[frame] = place
        place -= int(came[frame, place])
    return path


def _words(path: npt.NDArray[np.int64], sentence: str) -> WordTimes:
    lengths = [len(word) * STATES for word in PHONES[sentence]]
    borders = STATES + np.cumsum([0, *lengths])
    times = (np.searchsorted(path, borders) * FRAME_S).astype(np.float64)
    return WordTimes(times[:-1], times[1:])
