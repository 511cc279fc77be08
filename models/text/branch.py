"""The text branch: emotion scores of a sentence that may still be growing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..languages import is_known
from ..pool_state import SoftmaxState
from .card import TextCard
from .config import TextConfig
from .forward import TextForward
from .words import UNKNOWN, Tokenizer, Vocabulary

PIECE = 64  # words that are encoded at a time, so that memory does not grow with the sentence
Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextState:
    """The pooled state of the words so far: a few KB, and a few numbers a word.

    before  the last words, context of those to come
    pool    their pool state, without a batch axis (NumPy)
    scores  (N, G) attention score of each word, -inf where nothing but punctuation is left of it
    known   (N,) true where the vocabulary holds the word
    """

    before: tuple[str, ...]
    pool: SoftmaxState
    scores: Array
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TextReading:
    """The text branch's answer for the words of one utterance.

    scores     (L,) calibrated probabilities in the order of the branch's labels, sum 1
    prior      (L,) p(e) among the sentences of the training data
    weights    (N,) share of each word given to `read`, sum 1; 0 where nothing but punctuation is left of it
    classes    (C,) probabilities of the corpus's own classes, from which `scores` are made
    tells      from 0 to 1, how much the words should count beside a voice: by how much they make "neutral" less
               likely than it is without them, 1 - p(neutral | words) / p(neutral), times `known`; 0 where they make
               it likelier. A plain sentence can be said in any emotion, so it must not speak against the voice
    known      share of the attention on words in the vocabulary; low for another language, or for garbled text
    """

    scores: Array
    prior: Array
    weights: Array
    classes: Array
    tells: float
    known: float


class TextBranch:
    """Classifies words, without torch. Stateless: the caller keeps the state of a growing sentence, a `TextState`.

    weights  of its network, by their names in their file
    labels   of the readings' scores, the voice model's
    classes  what the network tells apart, as its corpus names them
    """

    def __init__(self, card: TextCard, vocabulary: Vocabulary, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self.card = card
        self.labels = tuple(card.labels)
        self.classes = tuple(card.classes)
        self.languages = tuple(card.languages)
        self.weights, self.config = weights, TextConfig(**card.config)
        self._forward = TextForward(self.config, weights)
        self.tokenizer = Tokenizer(vocabulary)
        prior = np.array(card.class_prior, np.float64)
        self.class_prior = (prior / prior.sum()).astype(np.float32)
        self._shares = _shares(card)
        self.prior: Array = self.class_prior @ self._shares
        self._silent = self.classes.index("neutral") if "neutral" in self.classes else None

    def begin(self) -> TextState:
        """The state of no words."""
        queries, heads = self.config.queries, self.config.heads
        none = np.zeros((0, queries, heads), np.float32), np.zeros((0, heads, self.config.hidden // heads), np.float32)
        state = SoftmaxState.of_frames(*none)
        return TextState((), state, np.zeros((0, queries * heads), np.float32), np.zeros(0, np.bool_))

    def extend(self, state: TextState, words: Sequence[str]) -> TextState:
        """The state after more words; the same, up to rounding, however a sentence is divided into calls."""
        for first in range(0, len(words), PIECE):
            state = self._extend(state, words[first : first + PIECE])
        return state

    def _extend(self, state: TextState, words: Sequence[str]) -> TextState:
        context = self.config.context
        seen = (*state.before, *words)
        old = len(state.before)
        text = self.tokenizer(seen)
        pooled, scores = self._forward.summarise(text, old)
        return TextState(
            seen[-context:] if context else (),
            state.pool.merge(pooled),
            np.concatenate([state.scores, scores]),
            np.concatenate([state.known, text.words[old:] != UNKNOWN]),
        )

    def reading(self, state: TextState) -> TextReading | None:
        """The reading of the words so far; None where there are none, or only punctuation."""
        if not np.isfinite(state.scores).any():
            return None
        weights = np.asarray(state.pool.attention(state.scores), np.float64)
        weights /= weights.sum()
        known = float(weights[state.known].sum())
        logits = self._forward.logits(state.pool) / np.float64(self.card.temperature) + self.card.bias
        odds = np.exp(logits - logits.max())
        said = odds / odds.sum()
        # Unknown words are classified by their letters alone, so the prior replaces their share of the answer.
        blended = said**known * self.class_prior.astype(np.float64) ** (1 - known)
        classes = (blended / blended.sum()).astype(np.float32)
        scores = classes @ self._shares
        emotional = 1.0
        if self._silent is not None:
            emotional = max(0.0, 1.0 - float(classes[self._silent] / self.class_prior[self._silent]))
        return TextReading(
            scores / scores.sum(), self.prior, weights.astype(np.float32), classes, emotional * known, known
        )

    def read(self, words: Sequence[str], language: str | None = None) -> TextReading | None:
        """The reading of one utterance's words; None for a language that the branch does not know, or where there is
        nothing but punctuation.

        words     as a recognizer gives them, with or without spaces, capitals and punctuation
        language  its code, such as "en"; None where it is not known
        """
        if not is_known(language, self.languages):
            return None
        return self.reading(self.extend(self.begin(), words))


def _shares(card: TextCard) -> Array:
    """(C, L) how much of each class's probability each label gets; rows sum to 1."""
    table = np.zeros((len(card.classes), len(card.labels)), np.float32)
    for row, name in enumerate(card.classes):
        for label, share in card.shares.get(name, {card.label_of[name]: 1.0}).items():
            table[row, card.labels.index(label)] = share
    return np.asarray(table / table.sum(1, keepdims=True), np.float32)
