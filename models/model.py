"""What every model that the stream can drive must offer, and the offline computation that all of them share."""

from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from .contract import ModelContract
from .errors import UsageError
from .pool_state import PoolState
from .reading import Calibration
from .speaker import SpeakerProfiles
from .windows import Window, owned_frames, plan


@dataclass(frozen=True)
class Encoded:
    """What a batch of B windows leaves behind.

    state    pooled over the frames that each window owns, float32
    scores   (B, T, G)   attention scores of every frame, G = queries x heads (or 1)
    """

    state: PoolState
    scores: Tensor


class StreamModel(nn.Module, ABC):
    """A speech emotion model that sees windows and reads pooled states."""

    architecture: str
    padding_is_exact: ClassVar[bool] = False
    """Whether `encode` masks the padding of a short window, so that its features are those of the window alone."""
    contract: ModelContract
    calibration: Calibration

    @abstractmethod
    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """Windows to summaries.

        audio    (B, lookback + N)  samples in [-1, 1]; a shorter window is padded with zeros at its end
        lengths  (B,)               samples of each window, without the lookback, whole frames
        owned    (B, 2)             first and past-the-last frame that counts, from the window's start
        """

    @abstractmethod
    def logits(self, state: PoolState, voices: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) in [-1, 1] of pooled states.

        A model whose contract has a `baseline` heeds `voices`; the others read every voice alike.
        """

    def embed(self, state: PoolState) -> Tensor:
        """What a voice's baseline averages: (B, K) of pooled states. Of models whose contract has a `baseline`."""
        raise UsageError(f"{self.contract.id} learns no voice; its contract has no baseline")

    def read(self, state: PoolState, seconds: Tensor, voices: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """Calibrated label probabilities (B, L) and dimensions (B, D) after `seconds` (B,) of speech."""
        logits, dimensions = self.logits(state, voices)
        temperature = torch.from_numpy(self.calibration.at(seconds.cpu().numpy())).to(logits)
        return torch.softmax(logits.float() / temperature[:, None], -1), dimensions.float()

    def for_inference(self) -> Self:
        """This model, changed in place to answer many requests with fewer steps; it can no longer be trained or saved.

        Its states differ from before by rounding alone, about 1e-6. Calling it again changes nothing more.
        """
        return self.eval().requires_grad_(False)

    def pool_windows(self, audio: Tensor, start: int = 0, end: int | None = None) -> PoolState | None:
        """Pooled state (batch of one) of the utterance audio[start:end], window by window as the stream does it.

        Samples before `start` serve as lookback; before the recording there is silence. None when the utterance is
        shorter than a frame.
        """
        contract = self.contract
        end = len(audio) if end is None else end
        padded = torch.cat([audio.new_zeros(contract.lookback), audio])
        windows = list(plan(contract, end - start))
        groups: dict[int, list[tuple[int, Window]]] = defaultdict(list)
        for position, window in enumerate(windows):
            groups[window.end - window.start].append((position, window))
        states: dict[int, PoolState] = {}
        for length, group in groups.items():
            batch = torch.stack(
                [padded[start + w.start : start + w.start + contract.lookback + length] for _, w in group]
            )
            owned = torch.tensor([owned_frames(contract, w) for _, w in group], device=audio.device)
            lengths = torch.full((len(group),), length, device=audio.device)
            state = self.encode(batch, lengths, owned).state
            for row, (position, _) in enumerate(group):
                states[position] = state.map(lambda array, row=row: array[row : row + 1])  # type: ignore[misc]
        if not states:
            return None
        return reduce(lambda a, b: a.merge(b), (states[i] for i in range(len(windows))))

    def forward_windows(self, audio: Tensor, start: int = 0, end: int | None = None) -> tuple[Tensor, Tensor] | None:
        """Offline answer for one utterance: probabilities (L,) and dimensions (D,); None if nothing can be pooled."""
        state = self.pool_windows(audio, start, end)
        if state is None:
            return None
        heard = (len(audio) if end is None else end) - start
        heard -= heard % self.contract.frame
        scores, dimensions = self.read(state, torch.tensor([heard / self.contract.sample_rate]))
        return scores[0], dimensions[0]


def frame_mask(first: Tensor, last: Tensor, frames: int) -> Tensor:
    """Mask (B, frames), true from `first` up to `last` (both (B,))."""
    index = torch.arange(frames, device=first.device)[None]
    return (index >= first[:, None]) & (index < last[:, None])
