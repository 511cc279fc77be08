"""The lower part of Whisper-base's encoder: two convolutions and three of its six layers.

Emotion is in the lower layers, words are in the upper ones: of logistic regressions on the mean and deviation of each
state, those on states 2 and 3 are the best. So the recognizer's own pass, which ends after layer 6, cannot be shared.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..encoders.build import transformers_model
from ..encoders.config import SpeechConfig
from ..encoders.spectral import WhisperSpeechEncoder
from ..model import frame_mask

LAYERS = 3
STATES = (2, 3)
DIM = 512
PAIR = 2
"""Frames of 20 ms that are averaged to one of 40 ms."""
MODEL: dict[str, Any] = {
    "model_type": "whisper",
    "d_model": DIM,
    "encoder_layers": LAYERS,
    "encoder_attention_heads": 8,
    "encoder_ffn_dim": 2048,
    "num_mel_bins": 80,
    "dropout": 0.0,
}


class LowerWhisper(WhisperSpeechEncoder):
    """Windows of audio to the outputs of layers 2 and 3, each window encoded alone and without padding."""

    def __init__(self) -> None:
        config = SpeechConfig(model=MODEL, whisper_pad_s=0.0)
        super().__init__(config, transformers_model(config))
        self.model.layer_norm = torch.nn.Identity()  # it belongs after layer 6
        self.requires_grad_(False).eval()

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> "LowerWhisper":
        """The encoder with these tensors, whatever their precision; it computes in float32."""
        made = cls()
        made.model.load_state_dict({name: tensor.float() for name, tensor in weights.items()})
        return made

    def states(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """States (B, T, 2, 512), T frames of 40 ms, of audio (B, lookback + N); lengths (B,) in samples.

        A frame of 40 ms is the mean of two of Whisper's. What lies beyond a window's length is not attended to.
        """
        frames = (audio.shape[1] - self.lookback) // self.frame
        mask = frame_mask(torch.zeros_like(lengths), lengths // self.frame, frames)
        outputs = self.outputs(self.front(audio, lengths), mask)
        chosen = torch.stack([outputs[state] for state in STATES], 2)
        chosen = chosen[:, : frames - frames % PAIR]
        return chosen.reshape(len(chosen), -1, PAIR, len(STATES), DIM).mean(2)
