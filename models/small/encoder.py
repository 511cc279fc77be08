"""A small convolutional encoder over mel bands, for one window at a time."""

import torch
from torch import Tensor, nn


def level(mel_db: Tensor, mask: Tensor | None, range_db: float) -> Tensor:
    """Mel powers in dB without the window's overall level: clamped to `range_db` below the loudest, mean 0, over 15 dB.

    A microphone's gain adds the same number of dB to all bands, so it cancels out: the features tell a whisper close
    to the microphone from a shout far away by its spectrum, not by its level.

    mel_db  (B, T, bands)
    mask    (B, T)         true where there is audio, None for everywhere; the other frames become 0
    """
    if mask is None:
        shaped = (mel_db - mel_db.amax((1, 2), keepdim=True)).clamp_min(-range_db)
        return (shaped - shaped.mean((1, 2), keepdim=True)) / 15.0
    hidden = ~mask[:, :, None]
    peak = mel_db.masked_fill(hidden, -torch.inf).amax((1, 2), keepdim=True)
    peak = torch.where(peak.isinf(), torch.zeros_like(peak), peak)
    shaped = (mel_db - peak).clamp_min(-range_db).masked_fill(hidden, 0.0)
    count = mask.sum(1).clamp_min(1)[:, None, None] * mel_db.shape[2]
    mean = shaped.sum((1, 2), keepdim=True) / count
    return ((shaped - mean) / 15.0).masked_fill(hidden, 0.0)


def strided(mask: Tensor | None, stride: int) -> Tensor | None:
    """The mask (B, T / stride) after a layer of that stride in time."""
    return None if mask is None else mask[:, ::stride]


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """x (B, C, bands, T) with 0 in the frames that the mask hides; None hides none."""
    return x if mask is None else x * mask[:, None, None]


class Residual(nn.Module):
    """Two 3x3 convolutions with a shortcut. Strides are (bands, time)."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.first_norm: nn.Module = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.second_norm: nn.Module = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True)
        self.time_stride = stride[1]

    def forward(self, x: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """x (B, C, bands, T), mask (B, T); hidden frames stay 0, so padding looks like the edge of a window."""
        short = self.pool(self.shortcut(x))
        mask = strided(mask, self.time_stride)
        y = masked(torch.relu(self.first_norm(self.first(x))), mask)
        y = self.second_norm(self.second(y))
        return masked(torch.relu(y + short), mask), mask


class PitchBranch(nn.Module):
    """Three convolutions over periodicity (log pitch x time): 48 lags at 100 frames a second to a vector at 25."""

    def __init__(self, lags: int, channels: tuple[int, int, int]) -> None:
        super().__init__()
        one, two, three = channels
        self.convolutions = nn.ModuleList(
            [
                nn.Conv2d(1, one, 5, (2, 2), padding=2, bias=False),
                nn.Conv2d(one, two, 3, (2, 2), padding=1, bias=False),
                nn.Conv2d(two, three, 3, (2, 1), padding=1, bias=False),
            ]
        )
        self.norms = nn.ModuleList([nn.BatchNorm2d(width) for width in channels])
        self.width = three * -(-lags // 8)

    def forward(self, periodicity: Tensor, mask: Tensor | None) -> Tensor:
        """(B, width, T/4) of periodicity (B, T, lags), mask (B, T) true where there is audio."""
        x = masked(periodicity.transpose(1, 2)[:, None], mask)
        for convolution, norm, stride in zip(self.convolutions, self.norms, (2, 2, 1), strict=True):
            mask = strided(mask, stride)
            x = masked(torch.relu(norm(convolution(x))), mask)
        return x.flatten(1, 2)


class ConvEncoder(nn.Module):
    """5x5 stem and three residual blocks: 64 mel bands at 100 frames a second to `dim` features at 25.

    Within a window a feature depends on frames before and after it (padding at both edges), and on nothing outside
    the window. With `lags`, a second branch reads the periodicity, which follows the mel bands.
    """

    stride = 4

    def __init__(
        self,
        bands: int,
        channels: tuple[int, int, int, int],
        dim: int,
        range_db: float = 60.0,
        lags: int = 0,
        pitch_channels: tuple[int, int, int] = (12, 24, 32),
    ) -> None:
        super().__init__()
        stem, one, two, three = channels
        self.bands, self.range_db = bands, range_db
        self.stem = nn.Conv2d(1, stem, 5, 2, padding=2, bias=False)
        self.stem_norm: nn.Module = nn.BatchNorm2d(stem)
        self.blocks = nn.ModuleList(
            [Residual(stem, one, (2, 2)), Residual(one, two, (2, 1)), Residual(two, three, (2, 1))]
        )
        self.pitch = PitchBranch(lags, pitch_channels) if lags else None
        width = three * (bands // 16) + (self.pitch.width if self.pitch else 0)
        self.project = nn.Linear(width, dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, frames: Tensor, mask: Tensor | None) -> Tensor:
        """Features (B, T/4, dim) of front-end frames.

        frames  (B, T, bands + lags)  mel powers in dB, then periodicity
        mask    (B, T)                true where there is audio; None for everywhere
        """
        x = level(frames[:, :, : self.bands], mask, self.range_db).transpose(1, 2)[:, None]
        present = strided(mask, 2)
        x = masked(torch.relu(self.stem_norm(self.stem(x))), present)
        for block in self.blocks:
            x, present = block(x, present)
        flat = x.flatten(1, 2)
        if self.pitch is not None:
            flat = torch.cat([flat, self.pitch(frames[:, :, self.bands :], mask)], 1)
        return torch.nn.functional.gelu(self.norm(self.project(flat.transpose(1, 2))))
