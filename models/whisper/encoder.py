"""The lower part of Whisper's encoder: log-mel bands, two convolutions, a few transformer layers, two hidden states.

Radford et al. (2022), "Robust speech recognition via large-scale weak supervision", section 2.2. The upper layers turn
what was heard into what was said; how it was said is clearest in the output of layers 2 and 3 (`README.md` of this
package has the figures).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

import torch
from torch import Tensor, nn

from ..encoders.mel import HOP, LOOKBACK, WhisperMel
from ..model import frame_mask

FRAME = 4 * HOP
"""Samples of a frame that comes out: two of Whisper's frames of 20 ms, averaged."""


@dataclass(frozen=True, kw_only=True)
class EncoderShape:
    """Of Whisper-base unless said otherwise; `layers` are those that run, `states` those that come out."""

    name: str = "openai/whisper-base"
    bands: int = 80
    dim: int = 512
    heads: int = 8
    ffn: int = 2048
    positions: int = 1500
    layers: int = 3
    states: tuple[int, ...] = (2, 3)
    digests: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each tensor in half precision: what a user's own copy is checked against."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "states", tuple(self.states))  # a card's JSON knows no tuples
        if not all(0 <= state <= self.layers for state in self.states) or not self.states:
            raise ValueError(f"states must be from 0 to {self.layers}; got {self.states}")


class WhisperStates(nn.Module):
    """Windows of audio to hidden states, 25 frames a second."""

    lookback = LOOKBACK

    def __init__(self, shape: EncoderShape) -> None:
        super().__init__()
        from transformers import WhisperConfig
        from transformers.models.whisper.modeling_whisper import WhisperEncoder

        config = WhisperConfig(
            d_model=shape.dim,
            encoder_layers=shape.layers,
            encoder_attention_heads=shape.heads,
            encoder_ffn_dim=shape.ffn,
            num_mel_bins=shape.bands,
            max_source_positions=shape.positions,
            dropout=0.0,
            attention_dropout=0.0,
            activation_dropout=0.0,
        )
        self.shape = shape
        self.mel = WhisperMel(shape.bands)
        make: Any = WhisperEncoder._from_config
        self.model: Any = make(config, attn_implementation="sdpa")
        self.model.layer_norm = nn.Identity()  # belongs to the output of the last of all layers, which does not run

    def tensors(self) -> dict[str, Tensor]:
        """The weights that a user's copy must bring, by transformers' names."""
        return dict(self.model.state_dict())

    def forward(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """Hidden states (B, T, S, dim) of audio (B, lookback + T * 640) whose first `lengths` (B,) samples count.

        States are float32, whatever the encoder computes in.
        """
        frames = (audio.shape[1] - self.lookback) // HOP
        shown = frame_mask(torch.zeros_like(lengths), lengths // HOP, frames)
        mel, _ = self.mel(audio, shown)
        whole = bool(shown.all())
        if not whole:
            mel = mel.masked_fill(~shown[:, :, None], 0.0)  # the convolutions' own padding
        dtype = self.model.conv1.weight.dtype
        x = mel.transpose(1, 2).to(dtype)
        gelu = nn.functional.gelu
        x = gelu(self.model.conv1(x))
        if not whole:
            x = x.masked_fill(~shown[:, None], 0.0)
        x = gelu(self.model.conv2(x)).transpose(1, 2)
        x = x + self.model.embed_positions.weight[: x.shape[1]]
        attend = None if whole else self._attended(shown[:, ::2], x.dtype)
        states = [x]
        for layer in self.model.layers:
            made = layer(x, attend)
            x = made[0] if isinstance(made, tuple) else made
            states.append(x)
        chosen = torch.stack([states[state].float() for state in self.shape.states], 2)
        return chosen.reshape(len(chosen), -1, 2, *chosen.shape[2:]).mean(2)

    @staticmethod
    def _attended(shown: Tensor, dtype: torch.dtype) -> Tensor:
        """Additive attention mask (B, 1, T, T) of frames (B, T)."""
        lowest = torch.finfo(dtype).min
        mask = torch.zeros_like(shown, dtype=dtype).masked_fill(~shown, lowest)
        return mask[:, None, None].expand(-1, 1, shown.shape[1], -1)


class Borrowed(nn.Module):
    """Holds a module whose weights are not the model's own: they are neither saved nor loaded with it.

    It moves between devices and precisions with the model all the same.
    """

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        object.__setattr__(self, "inner", inner.requires_grad_(False).eval())
        self.inner: nn.Module

    def forward(self, *inputs: Tensor) -> Tensor:
        made: Tensor = self.inner(*inputs)
        return made

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        self.inner._apply(fn, recurse)  # type: ignore[no-untyped-call]
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        return self
