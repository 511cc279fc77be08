"""W2V-BERT 2.0 and Whisper's encoder: mel bands, then a conformer or a transformer."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CardInvalid
from ..model import frame_mask
from .config import SpeechConfig
from .mel import HOP, LOOKBACK, KaldiFilterbank, WhisperMel
from .speech import FRAME, SpeechEncoder, attended


class FilterbankEncoder(SpeechEncoder):
    """W2V-BERT 2.0: pairs of Kaldi's mel frames, normalised over the window, through conformer layers."""

    lookback = LOOKBACK

    def __init__(self, config: SpeechConfig, model: Any) -> None:
        super().__init__(config, model)
        self.filterbank = KaldiFilterbank()

    @property
    def layers(self) -> Sequence[nn.Module]:
        layers: Sequence[nn.Module] = self.model.encoder.layers
        return layers

    def front_modules(self) -> Iterable[nn.Module]:
        return (self.model.feature_projection,)

    def front(self, audio: Tensor, lengths: Tensor) -> Tensor:
        frames = (audio.shape[1] - self.lookback) // FRAME
        mask = frame_mask(torch.zeros_like(lengths), lengths // FRAME, frames)
        return self.filterbank(audio, mask).to(self.model.dtype)  # type: ignore[no-any-return]

    def body(self, front: Tensor, mask: Tensor) -> Tensor:
        hidden = self.model.feature_projection(front)[0]
        last: Tensor = self.model.encoder(hidden, attention_mask=attended(mask)).last_hidden_state
        return last


class WhisperSpeechEncoder(SpeechEncoder):
    """Whisper's encoder, its decoder left out: mel bands, two convolutions, a transformer.

    With `whisper_pad_s` the window is followed by silence up to that length and all of it attended to, as in training;
    the frames of the window come out. Without, only the window is encoded, and masked in a batch.
    """

    lookback = LOOKBACK

    def __init__(self, config: SpeechConfig, model: Any) -> None:
        super().__init__(config, model)
        self.mel = WhisperMel(model.config.num_mel_bins)
        self.limit = int(model.config.max_source_positions)
        self.padded = min(self.limit, round(config.whisper_pad_s * 16_000 / FRAME))

    @property
    def layers(self) -> Sequence[nn.Module]:
        layers: Sequence[nn.Module] = self.model.layers
        return layers

    def front_modules(self) -> Iterable[nn.Module]:
        return (self.model.conv1, self.model.conv2, self.model.embed_positions)

    def set_phase(self, phase: Any, upper: int = 4) -> None:
        super().set_phase(phase, upper)
        self.model.embed_positions.requires_grad_(False)  # sinusoids, never trained

    def front(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """Mel bands (B, T, 2 * bands), two frames of 10 ms stacked; in `padded` mode as many as are attended to."""
        frames = (audio.shape[1] - self.lookback) // HOP
        most = self.padded or self.limit
        if frames // 2 > most:
            raise CardInvalid(
                f"a window of {frames / 100:.2f} s; this Whisper encodes at most {most / 50:.2f} s at a time"
            )
        mask = frame_mask(torch.zeros_like(lengths), lengths // HOP, frames)
        mel, silence = self.mel(audio, mask)
        if self.padded:
            rest = max(0, 2 * self.padded - frames)
            mel = torch.cat([mel, silence.expand(-1, rest, mel.shape[2])], 1)
        else:
            mel = mel.masked_fill(~mask[:, :, None], 0.0)  # what the convolutions' own padding is
        stacked: Tensor = mel.reshape(len(mel), mel.shape[1] // 2, -1).to(self.model.dtype)
        return stacked

    def body(self, front: Tensor, mask: Tensor) -> Tensor:
        return self.model.layer_norm(self.outputs(front, mask)[-1])  # type: ignore[no-any-return]

    def outputs(self, front: Tensor, mask: Tensor) -> list[Tensor]:
        """What the first layer is given, and the output of each layer: (B, T, dim) each, without a last norm."""
        mel = front.reshape(len(front), -1, front.shape[2] // 2).transpose(1, 2)
        gelu = nn.functional.gelu
        x = gelu(self.model.conv2(gelu(self.model.conv1(mel)))).transpose(1, 2)
        x = x + self.model.embed_positions.weight[: x.shape[1]]
        x = nn.functional.dropout(x, self.model.dropout, self.training)
        attend = None
        if not self.padded:
            lowest = torch.finfo(x.dtype).min
            attend = torch.zeros_like(mask, dtype=x.dtype).masked_fill(~mask, lowest)[:, None, None]
            attend = attend.expand(-1, 1, mask.shape[1], -1)
        outputs = [x]
        for layer in self.layers:
            made = layer(x, attend)
            x = made[0] if isinstance(made, tuple) else made
            outputs.append(x)
        return outputs

    def transform(self, front: Tensor, mask: Tensor) -> Tensor:
        """As in `SpeechEncoder`; the silence after the window is cut off."""
        chosen: Tensor = self.hidden(self.layers, lambda: self.body(front, mask))
        return chosen[:, : mask.shape[1]].masked_fill(~mask[:, :, None], 0.0)
