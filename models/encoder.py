"""A small convolutional encoder over mel bands, for one window at a time."""

import torch
from torch import Tensor, nn


def level(mel_db: Tensor, mask: Tensor, range_db: float) -> Tensor:
    """Mel powers in dB with the window's own level taken away, clamped `range_db` below its loudest, scaled to about 1.

    The microphone's gain moves all bands alike, so it drops out: a whisper close by and a shout far away differ in
    shape, not in level. mel_db (B, T, bands), mask (B, T) true where there is sound; hidden frames become 0.
    """
    hidden = ~mask[:, :, None]
    peak = mel_db.masked_fill(hidden, -torch.inf).amax((1, 2), keepdim=True)
    peak = torch.where(peak.isinf(), torch.zeros_like(peak), peak)
    shaped = (mel_db - peak).clamp_min(-range_db).masked_fill(hidden, 0.0)
    count = mask.sum(1).clamp_min(1)[:, None, None] * mel_db.shape[2]
    mean = shaped.sum((1, 2), keepdim=True) / count
    return ((shaped - mean) / 15.0).masked_fill(hidden, 0.0)


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

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, C, bands, T), mask (B, T); hidden frames stay 0, so padding cannot be told from the edge."""
        short = self.pool(self.shortcut(x))
        mask = mask[:, :: self.time_stride]
        keep = mask[:, None, None]
        y = torch.relu(self.first_norm(self.first(x))) * keep
        y = self.second_norm(self.second(y))
        return torch.relu(y + short) * keep, mask


class ConvEncoder(nn.Module):
    """5x5 stem and three residual blocks: 64 mel bands at 100 frames a second to `dim` features at 25.

    Within a window it sees both ways (padding at both edges); beyond the window it sees nothing.
    """

    stride = 4

    def __init__(self, bands: int, channels: tuple[int, int, int, int], dim: int, range_db: float = 60.0) -> None:
        super().__init__()
        stem, one, two, three = channels
        self.range_db = range_db
        self.stem = nn.Conv2d(1, stem, 5, 2, padding=2, bias=False)
        self.stem_norm: nn.Module = nn.BatchNorm2d(stem)
        self.blocks = nn.ModuleList(
            [Residual(stem, one, (2, 2)), Residual(one, two, (2, 1)), Residual(two, three, (2, 1))]
        )
        self.project = nn.Linear(three * (bands // 16), dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, mel_db: Tensor, mask: Tensor) -> Tensor:
        """Features (B, T/4, dim) of mel powers in dB (B, T, bands), mask (B, T) true where there is sound."""
        x = level(mel_db, mask, self.range_db).transpose(1, 2)[:, None]
        mask = mask[:, ::2]
        x = torch.relu(self.stem_norm(self.stem(x))) * mask[:, None, None]
        for block in self.blocks:
            x, mask = block(x, mask)
        flat = x.flatten(1, 2).transpose(1, 2)
        return torch.nn.functional.gelu(self.norm(self.project(flat)))
