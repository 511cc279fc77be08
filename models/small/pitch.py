"""How periodic a voice is at each pitch. Mel bands are too coarse to show the melody of speech."""

import math

import torch
from torch import Tensor, nn

from ..small_config import HOP, PITCH_LENGTH
from .constants import only_shapes

FFT = 1024
LOW_PASS_HZ = 1_400.0  # above it, formants and noise mask the period


class PitchLags(nn.Module):
    """Normalised autocorrelation at `lags` periods, evenly spaced in log pitch, for each frame of 10 ms.

    Frame i of a window that begins at sample s covers the `length` samples before s + (i + 1) hop, as in `LogMel`.

    The autocorrelation is divided by that of the taper: Boersma (1993), "Accurate short-term analysis of the
    fundamental frequency and the harmonics-to-noise ratio of a sampled sound", equation 9. By the theorem of Wiener
    and Khinchin it is a cosine sum over the power spectrum, so fractional lags are exact, and all lags are one matrix
    product.
    """

    def __init__(
        self,
        lags: int = 48,
        sample_rate: int = 16_000,
        length: int = PITCH_LENGTH,
        hop: int = HOP,
        low_hz: float = 62.5,
        high_hz: float = 500.0,
    ) -> None:
        super().__init__()
        self.lags, self.length, self.hop = lags, length, hop
        self.lookback = length - hop
        waves, kernel = _tables(lags, sample_rate, length, low_hz, high_hz)
        self.register_buffer("waves", waves, persistent=False)
        self.register_buffer("kernel", kernel, persistent=False)
        self.waves: Tensor
        self.kernel: Tensor

    def forward(self, audio: Tensor) -> Tensor:
        """Periodicity (B, frames, lags), about -1 to 1, of audio (B, lookback + frames * hop); 0 in silence."""
        squares = (audio.unfold(1, self.length, self.hop) @ self.waves).square()
        bins = len(self.kernel)
        spectrum = squares[..., :bins] + squares[..., bins:]
        total = spectrum.sum(-1, keepdim=True)
        return ((spectrum @ self.kernel) / total.clamp_min(1e-9)).clamp(-2.0, 2.0)


def _tables(lags: int, sample_rate: int, length: int, low_hz: float, high_hz: float) -> tuple[Tensor, Tensor]:
    """The sines and cosines of the lower bins under the taper (length, 2 bins), and what turns their power into
    periodicity (bins, lags)."""
    count = int(LOW_PASS_HZ * FFT / sample_rate)
    if only_shapes():
        return torch.empty(length, 2 * count), torch.empty(count, lags)
    taper = torch.hann_window(length, dtype=torch.float64)
    pitch = low_hz * (high_hz / low_hz) ** (torch.arange(lags, dtype=torch.float64) / max(1, lags - 1))
    period = (sample_rate / pitch)[None]
    bins = torch.arange(1, count + 1, dtype=torch.float64)
    cosines = torch.cos(2 * math.pi * bins[:, None] / FFT * period)
    # The taper's own autocorrelation needs all frequencies: most of its power is below the first bin.
    power = torch.fft.rfft(taper, FFT).abs().square()
    double = torch.full_like(power, 2.0)
    double[0] = double[-1] = 1.0
    every = torch.arange(len(power), dtype=torch.float64)
    own = (power * double) @ torch.cos(2 * math.pi * every[:, None] / FFT * period)
    own = own / (power * double).sum()
    # Only a few bins are needed: a product with their sines and cosines costs a third of an FFT.
    angle = 2 * math.pi / FFT * torch.arange(length, dtype=torch.float64)[:, None] * bins[None]
    waves = torch.cat([torch.cos(angle), torch.sin(angle)], 1) * taper[:, None]
    return waves.float(), (cosines / own).float()
