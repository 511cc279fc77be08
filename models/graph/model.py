"""A model without torch: NumPy arrays in and out, the encoder's graph in onnxruntime. Imports no torch."""

from collections.abc import Mapping, Sequence

import numpy as np

from ..cards import Card
from ..contract import ModelContract
from ..pool_state import PoolState, SoftmaxState
from ..reading import Calibration
from ..speaker import SpeakerProfiles, relative, standardised
from ..stages import Array, Stages, whole_window
from ..windows import Window
from .kept import Name, Start, Utterances, batch_of, kept_after
from .session import GraphSession

TRIED = 4  # frames that a graph is tried on before it is used


def head_shapes(card: Card) -> dict[str, tuple[int, ...]]:
    """The weights that follow the graph, by their names in the file, with the shapes that the card asks for."""
    contract, config = card.contract(), card.config
    width = 2 * int(config["queries"]) * int(config["dim"])
    shapes: dict[str, tuple[int, ...]] = {
        "centre": (width,), "spread": (width,),
        "head.weight": (len(contract.labels), width), "head.bias": (len(contract.labels),),
    }  # fmt: skip
    if contract.dimensions:
        count = len(contract.dimensions)
        shapes |= {"ratings.weight": (count, width), "ratings.bias": (count,)}
    return shapes | ({"own": (width,)} if contract.baseline else {})


class GraphModel:
    """`small`, or another model of its architecture, as an engine uses it: what `StreamModel` does, for arrays.

    Its answers differ from those of torch by rounding, less than 1e-5.

    session  the front end and the encoder
    stages   their shape
    heads    what follows the pooling, as `head_shapes` names it
    """

    def __init__(self, card: Card, session: GraphSession, stages: Stages, heads: Mapping[str, Array]) -> None:
        self.contract: ModelContract = card.contract()
        self.calibration: Calibration = card.calibrated()
        self._session, self._heads = session, heads
        self.stages, self._utterances = stages, Utterances(stages)
        config = card.config
        self._clip = float(config["clip"])
        queries, parts = int(config["queries"]), int(config["heads"])
        dim = int(config["dim"])
        if dim % parts:
            raise ValueError(f"{dim} features do not divide into {parts} heads")
        self._groups, self._split = (queries, parts), (parts, dim // parts)

    def misfit(self) -> str | None:
        """What the graph makes of a little silence, where the contract and the config promise something else."""
        contract, (queries, heads) = self.contract, self._groups
        silence = np.zeros((1, contract.lookback + TRIED * contract.frame), np.float32)
        try:
            features, scores = self.frames(silence)
        except Exception as error:  # the runtime's own, as for audio that is shorter than the graph's lookback
            return f"it does not run on {silence.shape[1]} samples ({type(error).__name__})"
        dim = heads * self._split[1]
        if (features.shape, scores.shape) == ((1, TRIED, dim), (1, TRIED, queries * heads)):
            return None
        return f"it makes features {features.shape} and scores {scores.shape} of {TRIED} frames"

    def frames(self, audio: Array) -> tuple[Array, Array]:
        """Features (B, T, K) and attention scores (B, T, G) of windows of one length, (B, lookback + N)."""
        made = self._session(whole_window(self.stages, audio))
        return made.features, made.scores

    def start(self, utterance: Name, window: Window) -> Start | None:
        """What of an utterance is known that a window of it can go on from; None where it must be encoded whole."""
        return self._utterances.start(utterance, window) if self.contract.reach else None

    def owned(
        self,
        utterances: Sequence[Name],
        windows: Sequence[Window],
        audio: Sequence[Array],
        starts: Sequence[Start | None],
    ) -> list[tuple[Array, Array]]:
        """Features (T, K) and attention scores (T, G) of the frames that each window owns.

        audio   of each whole window, lookback included
        starts  of `start`, all with the same step, or all None for windows of one length
        """
        stages, known = self.stages, [start for start in starts if start is not None]
        given = (
            batch_of(stages, audio, known)
            if known
            else whole_window(stages, np.stack(audio).astype(np.float32, copy=False))
        )
        made = self._session(given)
        owned = []
        for row, (name, window, start) in enumerate(zip(utterances, windows, starts, strict=True)):
            if name.voice and self.contract.reach:
                self._utterances.keep(name, kept_after(stages, window, start, made, row))
            begin = start.step.begin if start is not None else (window.own_start - window.start) // stages.frame
            frames = slice(begin, begin + (window.own_end - window.own_start) // stages.frame)
            owned.append((made.features[row, frames], made.scores[row, frames]))
        return owned

    def pooled(self, features: Array, scores: Array) -> SoftmaxState:
        """The state, without a batch axis, of some frames of one window: features (T, K), scores (T, G)."""
        count = len(features)
        return SoftmaxState.of_frames(scores.reshape(count, *self._groups), features.reshape(count, *self._split))

    def embed(self, state: PoolState) -> Array:
        """Embeddings (B, K) of pooled states, as `StreamModel.embed`."""
        assert isinstance(state, SoftmaxState)
        vector: Array = state.vector()
        return vector

    def read(self, state: PoolState, seconds: Array, speakers: SpeakerProfiles | None = None) -> tuple[Array, Array]:
        """Calibrated label probabilities (B, L) and dimensions (B, D) after `seconds` (B,) of speech."""
        x = self._standard(self.embed(state))
        if speakers is not None and "own" in self._heads:
            x = relative(x, self._standard(speakers.mean), speakers.weight, self._heads["own"])
        scores = self.calibration.probabilities(self._linear("head", x), seconds)
        if "ratings.weight" not in self._heads:
            return scores, np.zeros((len(x), 0), np.float32)
        return scores, np.tanh(self._linear("ratings", x))

    def _linear(self, name: str, x: Array) -> Array:
        product: Array = x @ self._heads[f"{name}.weight"].T + self._heads[f"{name}.bias"]
        return product

    def _standard(self, embeddings: Array) -> Array:
        return standardised(embeddings, self._heads["centre"], self._heads["spread"], self._clip)
