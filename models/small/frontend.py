"""The front end of `small`: causal, so that a frame is the same in every window that covers it."""

import math

import torch
from torch import Tensor, nn

from .constants import only_shapes
from .pitch import PitchLags

FFT = 512


def mel_filters(bands: int, sample_rate: int, low_hz: float, high_hz: float) -> Tensor:
    """Triangular filters (bands, FFT/2 + 1), evenly spaced on the mel scale of O'Shaughnessy (1987)."""
    if only_shapes():
        return torch.empty(bands, FFT // 2 + 1)

    def mel(hz: float) -> float:
        return 2595.0 * math.log10(1.0 + hz / 700.0)

    points = torch.linspace(mel(low_hz), mel(high_hz), bands + 2)
    hz = 700.0 * (10.0 ** (points / 2595.0) - 1.0)
    bins = torch.linspace(0, sample_rate / 2, FFT // 2 + 1)
    rising = (bins[None] - hz[:-2, None]) / (hz[1:-1] - hz[:-2])[:, None]
    falling = (hz[2:, None] - bins[None]) / (hz[2:] - hz[1:-1])[:, None]
    return torch.minimum(rising, falling).clamp_min(0)


class LogMel(nn.Module):
    """Mel power in dB. Frame i ends where its hop ends, and depends on no later sample.

    Frame i of a window that begins at sample s covers [s + (i + 1) hop - length, s + (i + 1) hop], so the audio
    handed in begins `lookback` = length - hop samples before s, and a frame is the same in every window.
    """

    def __init__(
        self,
        bands: int = 64,
        sample_rate: int = 16_000,
        length: int = 400,
        hop: int = 160,
        low_hz: float = 50.0,
        high_hz: float = 7_600.0,
    ) -> None:
        super().__init__()
        self.bands, self.length, self.hop = bands, length, hop
        self.lookback = length - hop
        self.register_buffer("filters", mel_filters(bands, sample_rate, low_hz, high_hz), persistent=False)
        self.register_buffer(
            "taper", torch.empty(length) if only_shapes() else torch.hann_window(length), persistent=False
        )
        self.filters: Tensor
        self.taper: Tensor

    def power(self, audio: Tensor) -> Tensor:
        """Mel power (B, frames, bands) of audio (B, lookback + frames * hop) in [-1, 1]."""
        frames = audio.unfold(1, self.length, self.hop) * self.taper
        spectrum = torch.view_as_real(torch.fft.rfft(frames, FFT)).square().sum(-1)
        return spectrum @ self.filters.T

    def forward(self, audio: Tensor) -> Tensor:
        """Mel power in dB (B, frames, bands); digital silence is -160."""
        return 10.0 * torch.log10(self.power(audio) + 1e-16)


class Frontend(nn.Module):
    """Mel powers in dB, then periodicity: (B, frames, bands + lags). The frames of both end at the same samples."""

    def __init__(self, bands: int, lags: int, sample_rate: int = 16_000) -> None:
        super().__init__()
        self.mel = LogMel(bands, sample_rate)
        self.pitch = PitchLags(lags, sample_rate) if lags else None
        self.bands, self.hop = bands, self.mel.hop
        self.lookback = max(self.mel.lookback, self.pitch.lookback if self.pitch else 0)
        self.width = bands + lags

    def forward(self, audio: Tensor) -> Tensor:
        """(B, frames, bands + lags) of audio (B, lookback + frames * hop) in [-1, 1]."""
        mel: Tensor = self.mel(audio[:, self.lookback - self.mel.lookback :])
        if self.pitch is None:
            return mel
        return torch.cat([mel, self.pitch(audio[:, self.lookback - self.pitch.lookback :])], -1)
