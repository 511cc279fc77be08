"""What the engine asks of a model: NumPy arrays in, NumPy arrays out, whatever computes them. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.graph.model import GraphModel
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Calibration
from emoscope.models.speaker import SpeakerProfiles
from emoscope.models.text import WordReader

if TYPE_CHECKING:
    from .own_words import OwnWords

BATCH = 16  # windows in one forward pass; more brings nothing on a CPU

Array = npt.NDArray[np.float32]
Span = tuple[int, int]
"""The first and the past-the-last frame that is pooled."""


@dataclass(frozen=True)
class Pooled:
    """What one window came to.

    states  the pooled state of each of its parts, without a batch axis
    scores  (T, G) of the frames in them
    """

    states: list[PoolState]
    scores: Array


class ArrayModel(Protocol):
    """A model as `BatchEngine` uses it.

    own_words  what reads the words of an utterance together with the voice, for a model that does
    """

    @property
    def contract(self) -> ModelContract: ...
    @property
    def calibration(self) -> Calibration: ...
    @property
    def words(self) -> WordReader | None: ...
    @property
    def own_words(self) -> "OwnWords | None": ...

    def encode(self, windows: Sequence[Array], length: int, parts: Sequence[Sequence[Span]]) -> list[Pooled]:
        """Encode windows together, each once, and pool the parts of each by themselves.

        windows  the samples of each, with its lookback; none is longer than lookback + `length`
        length   samples to which they are padded, without the lookback
        parts    the frames that are pooled, from each window's start; each part begins where the one before it ends
        """

    def read(self, state: PoolState, seconds: Array, speakers: SpeakerProfiles | None = None) -> tuple[Array, Array]:
        """Calibrated label probabilities (B, L) and dimensions (B, D) after `seconds` (B,) of speech."""

    def embed(self, state: PoolState) -> Array:
        """Embeddings (B, K) of pooled states, of which a speaker profile is the average."""


class OnnxModel:
    """A model whose encoder runs in onnxruntime. It takes windows of one length: nothing is padded.

    A window alone costs as much as in a batch, so padding short windows to share a pass would only add work.
    """

    words: WordReader | None = None
    own_words: "OwnWords | None" = None

    def __init__(self, model: GraphModel) -> None:
        self.graph = model
        self.contract, self.calibration = model.contract, model.calibration
        self.read, self.embed = model.read, model.embed

    def encode(self, windows: Sequence[Array], length: int, parts: Sequence[Sequence[Span]]) -> list[Pooled]:
        """As in `ArrayModel`."""
        features, scores = self.graph.frames(np.stack(windows).astype(np.float32, copy=False))
        pooled = self.graph.pooled
        return [
            Pooled([pooled(frames[a:b], weights[a:b]) for a, b in spans], weights[spans[0][0] : spans[-1][1]].copy())
            for frames, weights, spans in zip(features, scores, parts, strict=True)
        ]
