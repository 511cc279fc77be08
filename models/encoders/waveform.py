"""wav2vec 2.0, HuBERT, WavLM and XLS-R: convolutions over the waveform, then a transformer."""

import warnings
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import CardInvalid
from .config import SpeechConfig
from .speech import FRAME, SpeechEncoder, attended

# transformers hands WavLM's attention a boolean padding mask beside a float position bias; torch warns each time.
warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")


def normalise_window(audio: Tensor, samples: Tensor) -> Tensor:
    """Audio (B, N) to mean 0 and variance 1 over the first `samples` (B,) of each row; the rest is 0.

    As transformers' Wav2Vec2FeatureExtractor does with `do_normalize`.
    """
    valid = torch.arange(audio.shape[1], device=audio.device)[None] < samples[:, None]
    count = samples[:, None]
    mean = (audio * valid).sum(1, keepdim=True) / count
    centred = (audio - mean) * valid
    variance = centred.square().sum(1, keepdim=True) / count
    return centred / (variance + 1e-7).sqrt()


def norm_over_time(norm: nn.GroupNorm, x: Tensor, count: Tensor) -> Tensor:
    """`norm`, one group a channel, of x (B, C, T) over the first `count` (B,) steps of each row alone.

    So padding in a batch does not change a window's features; beyond `count` the values are undefined.
    """
    if x.device.type == "meta" or bool((count == x.shape[2]).all()):
        whole: Tensor = norm(x)
        return whole
    valid = (torch.arange(x.shape[2], device=x.device)[None] < count[:, None])[:, None]
    steps = count[:, None, None]
    mean = (x * valid).sum(2, keepdim=True) / steps
    variance = ((x - mean) * valid).square().sum(2, keepdim=True) / steps
    return (x - mean) / (variance + norm.eps).sqrt() * norm.weight[:, None] + norm.bias[:, None]


class WaveformEncoder(SpeechEncoder):
    """Convolutional frames of 25 ms each 20 ms, then a transformer with a convolutional position embedding.

    Overlapping windows share their convolutional frames exactly where the convolutions normalise each frame by itself
    (`feat_extract_norm` is "layer") and the waveform is not normalised per window. With "group" the first
    convolution is normalised over the whole input, and no frame is the same in two windows.
    """

    def __init__(self, config: SpeechConfig, model: Any) -> None:
        super().__init__(config, model)
        hf = model.config
        stride, width = 1, 1
        for kernel, step in zip(hf.conv_kernel, hf.conv_stride, strict=True):
            width += (kernel - 1) * stride
            stride *= step
        if stride != FRAME:
            raise CardInvalid(f"the convolutions step by {stride} samples; the stream counts frames of {FRAME}")
        self.lookback = width - stride
        self.per_time = hf.feat_extract_norm == "group"
        self.reusable = not self.per_time and config.normalise != "window"

    @property
    def layers(self) -> Sequence[nn.Module]:
        layers: Sequence[nn.Module] = self.model.encoder.layers
        return layers

    def front_modules(self) -> Iterable[nn.Module]:
        return (self.model.feature_extractor,)

    def front(self, audio: Tensor, lengths: Tensor) -> Tensor:
        samples = lengths + self.lookback
        normalise = self.config.normalise
        if normalise == "window":
            audio = normalise_window(audio, samples)
        elif normalise != "none":
            mean, std = normalise
            audio = (audio - mean) / std
        x = audio.to(self.model.dtype)[:, None]
        count = samples
        for layer in self.model.feature_extractor.conv_layers:
            count = (count - layer.conv.kernel_size[0]) // layer.conv.stride[0] + 1
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                x = layer.activation(norm_over_time(norm, layer.conv(x), count))
            else:
                x = layer(x)
        return x.transpose(1, 2)

    def body(self, front: Tensor, mask: Tensor) -> Tensor:
        # A fresh tensor: the transformer writes zeros into the masked frames of its input.
        projected = self.model.feature_projection(front)
        hidden = (projected[0] if isinstance(projected, tuple) else projected).clone()
        last: Tensor = self.model.encoder(hidden, attention_mask=attended(mask)).last_hidden_state
        return last
