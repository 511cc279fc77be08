"""A public checkpoint of the voice as a model that a stream can run."""

import torch
from torch import Tensor

from ..contract import ModelContract
from ..model import Encoded
from ..pool_state import PoolState
from ..reading import DIMENSIONS, Calibration
from ..speaker import SpeakerProfiles
from ..systems.base import SpeechSystem, check_contract
from .labels import LabelMap
from .parts import Family, Parts, VoiceFamily

CHECKPOINT = "checkpoint"
HOT = 100.0  # a temperature at which scores are nearly alike

# A contract needs labels; a model of dimensions alone has no opinion on these and is always `unsure`.
UNDECIDED_LABELS = ("angry", "sad", "happy", "surprised", "fearful", "disgust", "neutral")


def calibration_of(family: Family, labels: int, *, decides: bool = True) -> Calibration:
    """No temperature is known for a public checkpoint. `unsure` where it has no opinion, or has heard too little."""
    if not isinstance(family, VoiceFamily):
        return Calibration(unsure_below=1.01 / labels)  # without words all labels are alike
    if not decides:
        return Calibration(unsure_below=0.5)
    start = family.reliable_from
    if not start:
        return Calibration()
    return Calibration(
        seconds=(0.0, start - 0.01, start), temperature=(HOT, HOT, 1.0), unsure_below=min(1.5 / labels, 0.75)
    )


class CheckpointModel(SpeechSystem):
    """Frames of a public encoder, pooled and read by its own head, with the project's names and range.

    Dimensions are the checkpoint's 0 to 1, linearly mapped to -1 to 1 and bounded there.
    """

    architecture = CHECKPOINT

    def __init__(self, family: Family, parts: Parts, names: LabelMap, contract: ModelContract) -> None:
        super().__init__()
        self.family, self.names, self.contract = family, names, contract
        self.calibration = calibration_of(family, len(contract.labels), decides=bool(names.labels))
        self.speech, self.head = parts.encoder, parts.head
        self.pooling = parts.head.pooling
        check_contract(contract, self.speech)

    def pool(self, hidden: Tensor, mask: Tensor) -> Encoded:
        """As in `SpeechSystem`, of the head's features."""
        return super().pool(self.head.frames(hidden), mask)

    def outputs(self, state: PoolState) -> Tensor:
        """The head's own outputs (B, O), in the checkpoint's order and range."""
        vector = self.head.pooled(state)
        outputs: Tensor = self.head(vector.to(next(self.head.parameters()).dtype))
        return outputs.float()

    def forward(self, audio: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Outputs (B, O) of whole utterances audio (B, N), as the checkpoint's authors compute them."""
        return self.outputs(self.pool(*self.encode_utterances(audio, lengths)).state)

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`: logits of the project's labels, and dimensions in [-1, 1]."""
        outputs = self.outputs(state)
        if not self.names.labels:
            order = [index for _, index in self.names.dimensions]
            dimensions = (2 * outputs[:, order] - 1).clamp(-1, 1)
            return dimensions.new_zeros(len(dimensions), len(self.contract.labels)), dimensions
        return grouped(torch.log_softmax(outputs, 1), self.names), outputs.new_zeros(len(outputs), 0)


def grouped(log_scores: Tensor, names: LabelMap) -> Tensor:
    """Log probabilities (B, L) of the project's labels, of the outputs' (B, O): outputs of one name are added up."""
    columns = [
        torch.logsumexp(log_scores[:, [i for i, one in enumerate(names.of) if one == label]], 1)
        for label in range(len(names.labels))
    ]
    return torch.stack(columns, 1)


def labels_and_dimensions(names: LabelMap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Labels and dimensions of the contract."""
    if names.labels:
        return names.labels, ()
    known = tuple(name for name, _ in names.dimensions)
    return UNDECIDED_LABELS, tuple(name for name in DIMENSIONS if name in known)
