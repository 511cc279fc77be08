"""What the engine asks of a model: NumPy arrays in, NumPy arrays out, whatever computes them. Imports no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.graph.kept import Name, Start
from emoscope.models.graph.model import GraphModel
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Calibration
from emoscope.models.speaker import SpeakerProfiles
from emoscope.models.text import WordReader
from emoscope.models.windows import Window, part_frames

from ..session.requests import Encode

if TYPE_CHECKING:
    from .own_words import OwnWords

BATCH = 16  # windows in one forward pass; more brings nothing on a CPU

Array = npt.NDArray[np.float32]


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

    own_words     what reads the words of an utterance together with the voice, for a model that does
    keeps_frames  a window goes on from earlier ones of its utterance
    """

    @property
    def contract(self) -> ModelContract: ...
    @property
    def calibration(self) -> Calibration: ...
    @property
    def words(self) -> WordReader | None: ...
    @property
    def own_words(self) -> "OwnWords | None": ...

    @property
    def keeps_frames(self) -> bool: ...

    def start(self, request: Encode) -> Start | None:
        """What was kept of earlier windows that this one can go on from; None where it must be encoded whole."""

    def encode(self, requests: Sequence[Encode], length: int, starts: Sequence[Start | None]) -> list[Pooled]:
        """Encode windows together, each once, and pool the parts of each by themselves.

        length   samples to which they are padded, without the lookback
        starts   of `start`: all with the same step, or all None
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
        self.keeps_frames = bool(model.contract.reach)

    def start(self, request: Encode) -> Start | None:
        """As in `ArrayModel`."""
        return self.graph.start(Name(request.voice, request.utterance), request.window)

    def encode(self, requests: Sequence[Encode], length: int, starts: Sequence[Start | None]) -> list[Pooled]:
        """As in `ArrayModel`."""
        names, windows = [Name(one.voice, one.utterance) for one in requests], [one.window for one in requests]
        encoded = self.graph.owned(names, windows, [one.audio for one in requests], starts)
        return [self._pooled(one.window, *owned) for one, owned in zip(requests, encoded, strict=True)]

    def _pooled(self, window: Window, features: Array, scores: Array) -> Pooled:
        spans = part_frames(self.contract, window)
        first = spans[0][0]
        states: list[PoolState] = [self.graph.pooled(features[a - first : b - first], scores[a - first : b - first])
                                   for a, b in spans]  # fmt: skip
        return Pooled(states, scores.copy())
