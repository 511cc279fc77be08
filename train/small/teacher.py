"""What `small` learns from `whisper`, frame by frame: the states of its encoder, and what its head says of them.

Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network"; Romero et al. (2015), "FitNets", for
the hints of intermediate features. Teacher and student hear the same crop. The teacher hears it clean, while the
student's copy may be noisy, so the student learns to hear through noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emoscope.models.whisper import WhisperModel
from emoscope.models.whisper.encoder import DIM, STATES

from ..acted.batches import Crop, Piece
from ..acted.utterances import Utterance

States = npt.NDArray[np.float16]


@dataclass(frozen=True)
class Teacher:
    """One `whisper` model with the states that it reads.

    states  for each training utterance (frames / stride, DIM), standardised by this model
    stride  front-end frames of a state
    """

    model: WhisperModel
    states: Sequence[States]
    stride: int

    def hears(self, batch: Sequence[Crop]) -> Tensor:
        """The states (B, T, DIM) of crops."""
        return torch.from_numpy(
            np.stack([np.concatenate([self._part(piece) for piece in crop.pieces]) for crop in batch])
        ).float()

    @torch.no_grad()
    def says(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) of standardised states (B, T, DIM), without a baseline."""
        owned = torch.tensor([[0, states.shape[1]]]).expand(len(states), 2)
        return self.model.logits(self.model.pool_states(states, owned).state)

    def _part(self, piece: Piece) -> States:
        return self.states[piece.utterance][piece.first // self.stride : (piece.first + piece.frames) // self.stride]


def matched(
    utterances: Sequence[Utterance], heard: Sequence[Utterance], stride: int
) -> tuple[list[Utterance], list[States]]:
    """The utterances that both models have, each as long as in both, and the teacher's states of them.

    utterances  of `small`, front-end frames
    heard       of `whisper`: states of both layers, of which long utterances have the first seconds alone
    """
    known = {(one.clip, one.start): one for one in heard}
    both, states = [], []
    for one in utterances:
        other = known.get((one.clip, one.start))
        count = 0 if other is None else min(one.frames // stride, other.frames)
        if other is not None and count:
            both.append(Utterance(one.clip, one.start, one.end, one.sound[: count * stride]))
            states.append(other.sound[:count])
    return both, states


@torch.no_grad()
def standardised(model: WhisperModel, states: Sequence[States]) -> list[States]:
    """The states (T, 2 x DIM) of utterances as `model` reads them, (T, DIM)."""
    return [
        model.standardise(torch.from_numpy(each.astype(np.float32)).reshape(1, -1, len(STATES), DIM))[0].half().numpy()
        for each in states
    ]
