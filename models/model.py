"""The interface of the models that a stream can run, and the offline computation that all of them share."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor, nn

from .contract import ModelContract
from .errors import UsageError
from .pool_state import PoolState
from .reading import Calibration
from .speaker import SpeakerProfiles
from .windows import Window, owned_frames, plan

if TYPE_CHECKING:
    from .text import WordReader


@dataclass(frozen=True)
class Encoded:
    """The result of encoding a batch of B windows.

    state    pooled over the frames that each window owns, float32; with axes (B, S, ...) where parts were asked for
    scores   (B, T, G)   attention scores of every frame, G = queries x heads (or 1)
    """

    state: PoolState
    scores: Tensor


class StreamModel(nn.Module, ABC):
    """A speech emotion model: it encodes windows into pooled states, and reads label scores from pooled states."""

    architecture: str
    padding_is_exact: ClassVar[bool] = False
    """Whether `encode` masks the padding of a short window, so that its features are those of the window alone."""
    contract: ModelContract
    calibration: Calibration
    words: "WordReader | None" = None
    """What reads the words of an utterance, where the model brings it; None leaves them to the branch that ships."""

    def load_external(self) -> Self:
        """This model with what is not in its folder, such as the user's own copy of a public encoder.

        NotCached says how to get what is not on this machine, HeadMismatch that it is not what the model needs.
        """
        return self

    @property
    def device(self) -> torch.device:
        """Where the model's numbers are; the CPU for a model that has none."""
        return next((tensor.device for tensor in (*self.parameters(), *self.buffers())), torch.device("cpu"))

    @property
    def parameter_count(self) -> int:
        """Number of parameters, those of an external encoder included."""
        return sum(parameter.numel() for parameter in self.parameters())

    @abstractmethod
    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """Encode and pool windows.

        audio    (B, lookback + N)  samples in [-1, 1]; a shorter window is padded with zeros at its end
        lengths  (B,)               samples of each window, without the lookback, whole frames
        owned    (B, 2)             first and past-the-last frame that is pooled, from the window's start. A model whose
                                    contract has a `reach` also takes (B, S, 2): S parts, each pooled by itself; one
                                    without a frame gives the empty state
        """

    @abstractmethod
    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """Label logits (B, L) and dimensions (B, D) in [-1, 1] of pooled states.

        speakers  profiles of the speakers; a model whose contract has no `baseline` ignores them
        """

    def embed(self, state: PoolState) -> Tensor:
        """Embeddings (B, K) of pooled states, of which a speaker profile is the average. UsageError for a model whose
        contract has no `baseline`."""
        raise UsageError(f"{self.contract.id} cannot learn a speaker's voice; its contract has no baseline")

    def read(self, state: PoolState, seconds: Tensor, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """Calibrated label probabilities (B, L) and dimensions (B, D) after `seconds` (B,) of speech."""
        logits, dimensions = self.logits(state, speakers)
        return self.calibrated(logits, seconds), dimensions.float()

    def calibrated(self, logits: Tensor, seconds: Tensor) -> Tensor:
        """Probabilities (B, L) of label logits after `seconds` (B,) of speech."""
        temperature = torch.from_numpy(self.calibration.at(seconds.cpu().numpy())).to(logits)
        return torch.softmax(logits.float() / temperature[:, None], -1)

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
        end = len(audio) if end is None else end
        windows = list(plan(self.contract, end - start))
        if not windows:
            return None
        padded = torch.cat([audio.new_zeros(self.contract.lookback), audio])[start:]
        return reduce(lambda a, b: a.merge(b), self.encode_windows(padded, windows))

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """Pooled state (batch of one) of each window of an utterance.

        audio    (lookback + N,)  samples in [-1, 1]
        windows  positions are samples from the utterance's start, which is audio[lookback]
        """
        contract = self.contract

        def encode(group: Sequence[Window]) -> PoolState:
            batch = torch.stack([audio[window.start : window.end + contract.lookback] for window in group])
            owned = torch.tensor([owned_frames(contract, window) for window in group], device=audio.device)
            length = group[0].end - group[0].start
            return self.encode(batch, torch.full((len(group),), length, device=audio.device), owned).state

        return batched_by_length(windows, encode)

    def forward_windows(self, audio: Tensor, start: int = 0, end: int | None = None) -> tuple[Tensor, Tensor] | None:
        """Offline answer for one utterance: probabilities (L,) and dimensions (D,); None if nothing can be pooled."""
        state = self.pool_windows(audio, start, end)
        if state is None:
            return None
        seconds = whole_frames(self.contract, (len(audio) if end is None else end) - start)
        scores, dimensions = self.read(state, torch.tensor([seconds]))
        return scores[0], dimensions[0]


def whole_frames(contract: ModelContract, samples: int) -> float:
    """Seconds of the whole frames in `samples`: the length of speech that a reading is based on."""
    return (samples - samples % contract.frame) / contract.sample_rate


def batched_by_length(windows: Sequence[Window], encode: Callable[[Sequence[Window]], PoolState]) -> list[PoolState]:
    """The state (batch of one) of each window, in order, where `encode` answers for a batch of one length."""
    groups: dict[int, list[int]] = defaultdict(list)
    for position, window in enumerate(windows):
        groups[window.end - window.start].append(position)
    states: dict[int, PoolState] = {}
    for positions in groups.values():
        batch = encode([windows[position] for position in positions])
        for row, position in enumerate(positions):
            states[position] = batch.map(lambda array, row=row: array[row : row + 1])  # type: ignore[misc]
    return [states[position] for position in range(len(windows))]


def frame_mask(first: Tensor, last: Tensor, frames: int) -> Tensor:
    """Mask (B, frames), true from `first` up to `last` (both (B,))."""
    index = torch.arange(frames, device=first.device)[None]
    return (index >= first[:, None]) & (index < last[:, None])
