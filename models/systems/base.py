"""What the published systems share: a speech encoder whose frames are pooled window by window."""

from collections import defaultdict
from functools import reduce
from typing import Any

import torch
from torch import Tensor

from ..contract import ModelContract
from ..encoders import SpeechEncoder
from ..errors import CardInvalid, UsageError
from ..model import Encoded, StreamModel, frame_mask
from ..pool_state import PoolState
from ..pooling import Pooling
from ..windows import Window, owned_frames, plan


def check_contract(contract: ModelContract, encoder: SpeechEncoder) -> None:
    """CardInvalid where a card says other lengths or another rate than the encoder has."""
    if contract.sample_rate != encoder.config.sample_rate:
        raise CardInvalid(
            f"card {contract.id}: audio at {contract.sample_rate} Hz, but its {encoder.config.family} encoder hears "
            f"{encoder.config.sample_rate} Hz; correct sample_rate in the card, or use another checkpoint"
        )
    if (contract.frame, contract.lookback) != (encoder.frame, encoder.lookback):
        raise CardInvalid(
            f"card {contract.id}: frame {contract.frame} and lookback {contract.lookback} samples, but its "
            f"{encoder.config.family} encoder has {encoder.frame} and {encoder.lookback}"
        )


class SpeechSystem(StreamModel):
    """Windows of audio through `speech`, the frames that each window owns through `pooling`."""

    speech: SpeechEncoder
    pooling: Pooling[Any]

    def counted(self, mask: Tensor, owned: Tensor) -> Tensor:
        """Which frames (B, T) of a window are pooled: those that it owns."""
        return mask & frame_mask(owned[:, 0], owned[:, 1], mask.shape[1])

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`."""
        hidden, mask = self.speech(audio, lengths)
        return self.pool(hidden, self.counted(mask, owned))

    def pool(self, hidden: Tensor, counted: Tensor) -> Encoded:
        state, scores = self.pooling.summarise(hidden, counted)
        return Encoded(state, scores.flatten(2))

    def hear(self, audio: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Whole utterances at once: hidden states (B, T, D) and their mask (B, T) of audio (B, N), lengths (B,).

        Samples beyond the last whole frame are not heard; before the first there is silence.
        """
        lengths = torch.full((len(audio),), audio.shape[1], device=audio.device) if lengths is None else lengths
        frames = audio.shape[1] // self.speech.frame
        if frames == 0 or int(lengths.min()) < self.speech.frame:
            raise UsageError(
                f"an utterance of {int(lengths.min())} samples; the encoder needs a frame of {self.speech.frame} "
                f"({1000 * self.speech.frame // self.speech.config.sample_rate} ms)"
            )
        index = torch.arange(audio.shape[1], device=audio.device)[None]
        audio = audio.masked_fill(index >= lengths[:, None], 0.0)  # whatever stands there, NaN too
        padded = torch.nn.functional.pad(audio[:, : frames * self.speech.frame], (self.speech.lookback, 0))
        hidden, mask = self.speech(padded, lengths // self.speech.frame * self.speech.frame)
        return hidden, mask

    def pool_windows(self, audio: Tensor, start: int = 0, end: int | None = None) -> PoolState | None:
        """As in `StreamModel`; where the encoder can, overlapping windows share their front end's frames."""
        if not self.speech.reusable:
            return super().pool_windows(audio, start, end)
        contract = self.contract
        end = len(audio) if end is None else end
        windows = list(plan(contract, end - start))
        if not windows:
            return None
        last = max(w.end for w in windows)
        padded = torch.cat([audio.new_zeros(contract.lookback), audio])[start : start + contract.lookback + last]
        hidden = self.speech.windows(padded, [(w.start // contract.frame, w.end // contract.frame) for w in windows])
        groups: dict[int, list[tuple[Window, Tensor]]] = defaultdict(list)
        for window, states in zip(windows, hidden, strict=True):
            groups[len(states)].append((window, states))
        pooled: dict[Window, PoolState] = {}
        for group in groups.values():
            stacked = torch.stack([states for _, states in group])
            mask = torch.ones(stacked.shape[:2], dtype=torch.bool, device=audio.device)
            owned = torch.tensor([owned_frames(contract, w) for w, _ in group], device=audio.device)
            batch = self.pool(stacked, self.counted(mask, owned)).state
            for row, (window, _) in enumerate(group):
                pooled[window] = batch.map(lambda array, row=row: array[row : row + 1])  # type: ignore[misc]
        return reduce(lambda a, b: a.merge(b), (pooled[window] for window in windows))
