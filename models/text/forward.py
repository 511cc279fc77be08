"""The network of the text branch in NumPy: what `TextNetwork` computes, for one sentence, without torch."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..pool_state import SoftmaxState
from .config import TextConfig
from .words import Text

Array = npt.NDArray[np.float32]
NORM_EPSILON = 1e-5


class TextForward:
    """Words to features and attention scores, and pooled states to the logits of the corpus's classes.

    weights  by the names in their file, in half or single precision; the tables of words stay as they are, because
             few of their rows are needed
    """

    def __init__(self, config: TextConfig, weights: Mapping[str, npt.NDArray[Any]]) -> None:
        self.config = config
        self.weights = {
            name: array if name in ("words.weight", "pieces.weight") else array.astype(np.float32)
            for name, array in weights.items()
        }

    def summarise(self, text: Text, after: int) -> tuple[SoftmaxState, Array]:
        """The state of the spoken words from word number `after` on, and the attention scores (T, G) of those words.

        The words before are their context. A word of punctuation alone is in no state, and its score is -inf.
        """
        features, spoken = self._features(text)[after:], text.spoken[after:]
        queries, heads = self.config.queries, self.config.heads
        parts = features.reshape(len(features), heads, self.config.hidden // heads)
        scorer = self.weights["pooling.scorer.weight"].reshape(heads, queries, -1)
        raw = np.einsum("thk,hqk->tqh", parts, scorer)
        scores = raw + self.weights["pooling.scorer.bias"].reshape(heads, queries).T
        state = SoftmaxState.of_frames(scores[spoken], parts[spoken])
        shown = np.where(spoken[:, None], scores.reshape(len(scores), queries * heads), -np.inf)
        return state, np.asarray(shown, np.float32)

    def logits(self, state: SoftmaxState) -> Array:
        """(classes,) of a state without a batch axis."""
        logits: Array = self._linear("head", state.map(lambda array: array[None]).vector())[0]
        return logits

    def _features(self, text: Text) -> Array:
        """(T, hidden): each word in the context of those before it. Words of punctuation alone are no context."""
        words, marks = self.weights["words.weight"][text.words], text.marks @ self.weights["marks.weight"].T
        vectors = words.astype(np.float32) + self._pieces(text) + marks
        hidden = ~text.spoken
        x = self._linear("into", vectors)
        x[hidden] = 0
        for number in range(self.config.layers):
            x = x + _gelu(self._convolved(f"blocks.{number}", x))
            x[hidden] = 0
        return self._normed("norm", x)

    def _pieces(self, text: Text) -> Array:
        """(T, dim): the mean of each word's pieces; every word has one at least."""
        rows = self.weights["pieces.weight"][text.pieces].astype(np.float32)
        counts = np.diff(text.starts, append=len(text.pieces)).astype(np.float32)
        return np.asarray(np.add.reduceat(rows, text.starts) / counts[:, None], np.float32)

    def _convolved(self, name: str, x: Array) -> Array:
        """(T, hidden) of the same, over a word and those before it."""
        width = self.config.width
        normed = self._normed(f"{name}.norm", x)
        padded = np.concatenate([np.zeros((width - 1, normed.shape[1]), np.float32), normed])
        kernel = self.weights[f"{name}.conv.weight"]
        count = len(normed)
        summed: Array = sum(
            (padded[place : place + count] @ kernel[:, :, place].T for place in range(width)),
            start=self.weights[f"{name}.conv.bias"],
        )
        return summed

    def _normed(self, name: str, x: Array) -> Array:
        centred = x - x.mean(1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(1, keepdims=True) + NORM_EPSILON)
        normed: Array = centred / deviation * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]
        return normed

    def _linear(self, name: str, x: Array) -> Array:
        product: Array = x @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return product


def _gelu(x: Array) -> Array:
    """x times the normal distribution's share below x, by the error function.

    Abramowitz and Stegun (1964), "Handbook of mathematical functions", 7.1.26: to 1.5e-7.
    """
    size = np.abs(x.astype(np.float64)) / np.sqrt(2.0)
    t = 1.0 / (1.0 + 0.3275911 * size)
    series = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    error = np.copysign(1.0 - series * np.exp(-size * size), x)
    return np.asarray(x * 0.5 * (1.0 + error), np.float32)
