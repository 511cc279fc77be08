"""What the published systems share: a speech encoder whose frames are pooled by windows."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..contract import ModelContract
from ..encoders import SpeechEncoder
from ..errors import CardInvalid, UsageError
from ..model import Encoded, StreamModel, batched_by_length, frame_mask
from ..pool_state import PoolState
from ..pooling import Pooling
from ..windows import Window, owned_frames


def check_contract(contract: ModelContract, encoder: SpeechEncoder) -> None:
    """Raise CardInvalid where the card's sample rate, frame or lookback is not the encoder's."""
    if contract.sample_rate != encoder.config.sample_rate:
        raise CardInvalid(
            f"card {contract.id}: audio at {contract.sample_rate} Hz, but its {encoder.config.family} encoder takes "
            f"{encoder.config.sample_rate} Hz; correct sample_rate in the card, or use another checkpoint"
        )
    if (contract.frame, contract.lookback) != (encoder.frame, encoder.lookback):
        raise CardInvalid(
            f"card {contract.id}: frame {contract.frame} and lookback {contract.lookback} samples, but its "
            f"{encoder.config.family} encoder has {encoder.frame} and {encoder.lookback}"
        )


def lookback(speech: Mapping[str, Any]) -> int:
    """Samples before a window that the speech encoder's first frame covers: 5 ms for convolutions, 15 for mel bands."""
    family = speech["model"]["model_type"]
    return 80 if family in ("wav2vec2", "hubert", "wavlm") else 240


class SpeechSystem(StreamModel):
    """Encodes windows with `speech` and pools the frames that each window owns with `pooling`."""

    speech: SpeechEncoder
    pooling: Pooling[Any]

    def pooled_frames(self, mask: Tensor, owned: Tensor) -> Tensor:
        """Which frames (B, T) of a window are pooled: those that it owns."""
        return mask & frame_mask(owned[:, 0], owned[:, 1], mask.shape[1])

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`."""
        hidden, mask = self.speech(audio, lengths)
        return self.pool(hidden, self.pooled_frames(mask, owned))

    def pool(self, hidden: Tensor, mask: Tensor) -> Encoded:
        """Pooled states of hidden states (B, T, D) where mask (B, T) is true, with the scores (B, T, G)."""
        state, scores = self.pooling.summarise(hidden, mask)
        return Encoded(state, scores.flatten(2))

    def encode_utterances(self, audio: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, D) of whole utterances, and their mask (B, T).

        audio    (B, N)  samples in [-1, 1]; samples beyond the last whole frame are left out
        lengths  (B,)    samples that count; all by default

        UsageError for an utterance shorter than a frame.
        """
        lengths = self.checked_lengths(audio, lengths)
        frames = audio.shape[1] // self.speech.frame
        index = torch.arange(audio.shape[1], device=audio.device)[None]
        audio = audio.masked_fill(index >= lengths[:, None], 0.0)  # the padding may hold anything, also NaN
        padded = torch.nn.functional.pad(audio[:, : frames * self.speech.frame], (self.speech.lookback, 0))
        hidden, mask = self.speech(padded, lengths // self.speech.frame * self.speech.frame)
        return hidden, mask

    def checked_lengths(self, audio: Tensor, lengths: Tensor | None) -> Tensor:
        """Samples that count (B,) of utterances audio (B, N), all by default; UsageError for one under a frame."""
        lengths = torch.full((len(audio),), audio.shape[1], device=audio.device) if lengths is None else lengths
        if min(audio.shape[1], int(lengths.min())) < self.speech.frame:
            raise UsageError(
                f"an utterance of {int(lengths.min())} samples; the encoder needs a frame of {self.speech.frame} "
                f"({1000 * self.speech.frame // self.speech.config.sample_rate} ms)"
            )
        return lengths

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """As in `StreamModel`; where the encoder can, overlapping windows share their front end's frames."""
        if not self.speech.reusable:
            return super().encode_windows(audio, windows)
        contract = self.contract
        last = max(window.end for window in windows)
        spans = [(window.start // contract.frame, window.end // contract.frame) for window in windows]
        hidden = dict(zip(windows, self.speech.windows(audio[: contract.lookback + last], spans), strict=True))

        def encode(group: Sequence[Window]) -> PoolState:
            stacked = torch.stack([hidden[window] for window in group])
            mask = torch.ones(stacked.shape[:2], dtype=torch.bool, device=audio.device)
            owned = torch.tensor([owned_frames(contract, window) for window in group], device=audio.device)
            return self.pool(stacked, self.pooled_frames(mask, owned)).state

        return batched_by_length(windows, encode)
