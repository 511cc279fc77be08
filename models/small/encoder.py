"""A small convolutional encoder over mel bands, for one window at a time."""

import torch
from torch import Tensor, nn


def level(mel_db: Tensor, mask: Tensor | None, range_db: float) -> Tensor:
    """Mel powers in dB with the window's own level taken away, clamped `range_db` below its loudest, scaled to about 1.

    The microphone's gain moves all bands alike, so it drops out: a whisper close by and a shout far away differ in
    shape, not in level. mel_db (B, T, bands), mask (B, T) true where there is sound, None for everywhere; hidden
    frames become 0.
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


def thinned(mask: Tensor | None, stride: int) -> Tensor | None:
    """The mask (B, T / stride) after a layer of that stride in time."""
    return None if mask is None else mask[:, ::stride]


def shown(x: Tensor, mask: Tensor | None) -> Tensor:
    """x (B, C, bands, T) with hidden frames at 0. No mask hides nothing, and costs nothing."""
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
        """x (B, C, bands, T), mask (B, T); hidden frames stay 0, so padding cannot be told from the edge."""
        short = self.pool(self.shortcut(x))
        mask = thinned(mask, self.time_stride)
        y = shown(torch.relu(self.first_norm(self.first(x))), mask)
        y = self.second_norm(self.second(y))
        return shown(torch.relu(y + short), mask), mask


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
        """(B, width, T/4) of periodicity (B, T, lags), mask (B, T) true where there is sound."""
        x = shown(periodicity.transpose(1, 2)[:, None], mask)
        for convolution, norm, stride in zip(self.convolutions, self.norms, (2, 2, 1), strict=True):
            mask = thinned(mask, stride)
            x = shown(torch.relu(norm(convolution(x))), mask)
        return x.flatten(1, 2)


class ConvEncoder(nn.Module):
    """5x5 stem and three residual blocks: 64 mel bands at 100 frames a second to `dim` features at 25.

    Within a window it sees both ways (padding at both edges); beyond the window it sees nothing. With `lags`, a
    branch of its own reads the periodicity behind the mel bands.
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

    def forward(self, sound: Tensor, mask: Tensor | None) -> Tensor:
        """Features (B, T/4, dim) of mel powers in dB, then periodicity (B, T, bands + lags).

        mask (B, T) true where there is sound; None for everywhere.
        """
        x = level(sound[:, :, : self.bands], mask, self.range_db).transpose(1, 2)[:, None]
        seen = thinned(mask, 2)
        x = shown(torch.relu(self.stem_norm(self.stem(x))), seen)
        for block in self.blocks:
            x, seen = block(x, seen)
        flat = x.flatten(1, 2)
        if self.pitch is not None:
            flat = torch.cat([flat, self.pitch(sound[:, :, self.bands :], mask)], 1)
        return torch.nn.functional.gelu(self.norm(self.project(flat.transpose(1, 2))))
