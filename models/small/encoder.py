"""The encoder of `small`: convolutions whose features depend on a fixed stretch of frames, not on the window.

A feature depends on `reach` frames of the front end to each side of it. What lies outside the utterance counts as zero
after every layer. So a feature at least that far from both edges of a window is the same in every window that covers
it, and the same as when the whole utterance is encoded at once.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..small_config import PITCH_CHANNELS, STRIDE, encoder_reach


def strided(mask: Tensor | None, stride: int) -> Tensor | None:
    """The mask (B, T / stride) after a layer of that stride in time."""
    return None if mask is None else mask[:, ::stride]


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """x (B, ..., T) with 0 in the frames that the mask (B, T) hides; None hides none."""
    if mask is None:
        return x
    return x * mask.reshape(len(mask), *(1,) * (x.ndim - 2), mask.shape[1])


class Layer(nn.Module):
    """A convolution, its normalisation and ReLU. Hidden frames stay 0, so padding looks like the edge of a window."""

    def __init__(self, convolution: nn.Conv1d | nn.Conv2d) -> None:
        super().__init__()
        width = convolution.out_channels
        self.convolution: nn.Module = convolution
        self.norm: nn.Module = nn.BatchNorm2d(width) if isinstance(convolution, nn.Conv2d) else nn.BatchNorm1d(width)
        self.time_stride = convolution.stride[-1]

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x (B, C, ..., T), mask (B, T) true where there is audio."""
        mask = strided(mask, self.time_stride)
        return masked(nn.functional.relu(self.norm(self.convolution(x))), mask), mask


class Stack(nn.Module):
    """Layers over frequency and time, (B, frequencies, T) to (B, width, T / strides)."""

    def __init__(self, layers: Sequence[nn.Module], width: int) -> None:
        super().__init__()
        self.layers, self.width = nn.ModuleList(layers), width

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x (B, frequencies, T), mask (B, T); the mask of the features comes back with them."""
        x = masked(x[:, None], mask)
        for layer in self.layers:
            x, mask = layer(x, mask)
        return x.flatten(1, 2), mask


class SpectralBlock(nn.Module):
    """Two 3x3 convolutions over frequency and time with a shortcut. Strides are (frequency, time)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = Layer(nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False))
        self.second: nn.Module = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm: nn.Module = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True)

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x (B, C, frequencies, T), mask (B, T)."""
        short = self.pool(self.shortcut(x))
        y, mask = self.first(x, mask)
        y = self.second_norm(self.second(y))
        return masked(nn.functional.relu(y + short), mask), mask


class TemporalBlock(nn.Module):
    """A convolution over three frames, `dilation` apart, and a linear layer, added to what came in."""

    def __init__(self, dim: int, dilation: int) -> None:
        super().__init__()
        self.layer = Layer(nn.Conv1d(dim, dim, 3, padding=dilation, dilation=dilation, bias=False))
        self.out = nn.Conv1d(dim, dim, 1)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """x (B, dim, T), mask (B, T)."""
        y, _ = self.layer(x, mask)
        return masked(x + self.out(y), mask)


class ConvEncoder(nn.Module):
    """Levelled mel bands and periodicity at 100 frames a second to `dim` features at 25.

    A 5x5 stem and three residual blocks read the bands, three convolutions the periodicity (log pitch x time);
    residual layers over time follow.
    """

    stride = STRIDE

    def __init__(
        self,
        bands: int,
        lags: int,
        channels: tuple[int, int, int, int],
        dim: int,
        dilations: Sequence[int],
        pitch_channels: tuple[int, int, int] = PITCH_CHANNELS,
    ) -> None:
        super().__init__()
        self.bands = bands
        stem, one, two, three = channels
        self.mel = Stack(
            [
                Layer(nn.Conv2d(1, stem, 5, 2, padding=2, bias=False)),
                SpectralBlock(stem, one, (2, 2)),
                SpectralBlock(one, two, (2, 1)),
                SpectralBlock(two, three, (2, 1)),
            ],
            three * (bands // 16),
        )
        first, second, third = pitch_channels
        self.pitch = (
            Stack(
                [
                    Layer(nn.Conv2d(1, first, 5, (2, 2), padding=2, bias=False)),
                    Layer(nn.Conv2d(first, second, 3, (2, 2), padding=1, bias=False)),
                    Layer(nn.Conv2d(second, third, 3, (2, 1), padding=1, bias=False)),
                ],
                third * -(-lags // 8),
            )
            if lags
            else None
        )
        self.project = nn.Linear(self.mel.width + (self.pitch.width if self.pitch else 0), dim)
        self.blocks = nn.ModuleList([TemporalBlock(dim, dilation) for dilation in dilations])
        self.norm = nn.LayerNorm(dim)
        self.reach = encoder_reach(dilations)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """Features (B, T / 4, dim) of front-end frames.

        frames  (B, T, bands + lags)  levelled mel bands, then periodicity; T a whole number of strides
        mask    (B, T)                true where there is audio; None for everywhere
        """
        flat, present = self.mel(frames[:, :, : self.bands].transpose(1, 2), mask)
        if self.pitch is not None:
            flat = torch.cat([flat, self.pitch(frames[:, :, self.bands :].transpose(1, 2), mask)[0]], 1)
        # Masked again, because the layer's bias shows in hidden frames too.
        x = masked(self.project(flat.transpose(1, 2)).transpose(1, 2), present)
        for block in self.blocks:
            x = block(x, present)
        return nn.functional.gelu(self.norm(x.transpose(1, 2)))
