"""How periodic a voice is at each pitch: the part of melody that mel bands are too coarse to show."""

import math

import torch
from torch import Tensor, nn

FFT = 1024
LOW_PASS_HZ = 1_400.0  # above, formants and noise would hide the period


class PitchLags(nn.Module):
    """Normalised autocorrelation at `lags` periods, evenly spaced in log pitch, for each frame of 10 ms.

    Frame i of a window that begins at sample s looks back from s + (i + 1) hop over `length` samples, as `LogMel`
    does. The autocorrelation is divided by that of the taper: Boersma (1993), "Accurate short-term analysis of the
    fundamental frequency and the harmonics-to-noise ratio of a sampled sound", equation 9. By the theorem of Wiener
    and Khinchin it is a cosine sum over the power spectrum, so any fractional lag is exact and all are one product.
    """

    def __init__(
        self,
        lags: int = 48,
        sample_rate: int = 16_000,
        length: int = 640,
        hop: int = 160,
        low_hz: float = 62.5,
        high_hz: float = 500.0,
    ) -> None:
        super().__init__()
        self.lags, self.length, self.hop = lags, length, hop
        self.lookback = length - hop
        taper = torch.hann_window(length, dtype=torch.float64)
        pitch = low_hz * (high_hz / low_hz) ** (torch.arange(lags, dtype=torch.float64) / max(1, lags - 1))
        period = (sample_rate / pitch)[None]
        bins = torch.arange(1, int(LOW_PASS_HZ * FFT / sample_rate) + 1, dtype=torch.float64)
        cosines = torch.cos(2 * math.pi * bins[:, None] / FFT * period)
        # Of the taper all frequencies count: it is slow, and its own spectrum lies below the first bin.
        power = torch.fft.rfft(taper, FFT).abs().square()
        double = torch.full_like(power, 2.0)
        double[0] = double[-1] = 1.0
        every = torch.arange(len(power), dtype=torch.float64)
        own = (power * double) @ torch.cos(2 * math.pi * every[:, None] / FFT * period)
        own = own / (power * double).sum()
        # So few bins are wanted that a product with their waves costs a third of an FFT.
        angle = 2 * math.pi / FFT * torch.arange(length, dtype=torch.float64)[:, None] * bins[None]
        waves = torch.cat([torch.cos(angle), torch.sin(angle)], 1) * taper[:, None]
        self.register_buffer("waves", waves.float(), persistent=False)
        self.register_buffer("kernel", (cosines / own).float(), persistent=False)
        self.waves: Tensor
        self.kernel: Tensor

    def forward(self, audio: Tensor) -> Tensor:
        """Periodicity (B, frames, lags), about -1 to 1, of audio (B, lookback + frames * hop); 0 in silence."""
        heard = (audio.unfold(1, self.length, self.hop) @ self.waves).square()
        bins = len(self.kernel)
        spectrum = heard[..., :bins] + heard[..., bins:]
        total = spectrum.sum(-1, keepdim=True)
        return ((spectrum @ self.kernel) / total.clamp_min(1e-9)).clamp(-2.0, 2.0)
