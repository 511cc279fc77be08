"""The front end of `small`: causal, so that a frame is the same in every window that covers it."""

import math

import torch
from torch import Tensor, nn

from ..small_config import HOP, MEL_LENGTH
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
        length: int = MEL_LENGTH,
        hop: int = HOP,
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


def levelled(mel_db: Tensor, memory: int, range_db: float) -> Tensor:
    """Mel powers in dB below the loudest of the last `memory` frames, at most `range_db` below, about -2 to 2.

    A microphone's gain adds the same number of dB to all bands, so it cancels out: the features tell a whisper close
    to the microphone from a shout far away by its spectrum, not by its level. Only earlier frames count, so that a
    frame is the same in every window that covers it.

    mel_db  (B, T, bands)
    """
    peak = mel_db.amax(2)[:, None]
    before = torch.full_like(peak[:, :, :1], -torch.inf).expand(-1, -1, memory - 1)
    loudest = torch.nn.functional.max_pool1d(torch.cat([before, peak], 2), memory, 1)
    half = range_db / 2
    return ((mel_db - loudest.transpose(1, 2)).clamp_min(-range_db) + half) / (half / 2)


class Frontend(nn.Module):
    """Levelled mel powers, then periodicity: (B, frames, bands + lags). The frames of both end at the same samples.

    memory    frames over which the loudest is sought, the frame itself included
    range_db  what is further below the loudest is clamped
    """

    def __init__(
        self, bands: int, lags: int, memory: int = 100, range_db: float = 60.0, sample_rate: int = 16_000
    ) -> None:
        super().__init__()
        self.mel = LogMel(bands, sample_rate)
        self.pitch = PitchLags(lags, sample_rate) if lags else None
        self.bands, self.hop, self.memory, self.range_db = bands, self.mel.hop, memory, range_db
        self.sample_rate = sample_rate
        pitch_lookback = self.pitch.lookback if self.pitch else 0
        self.raw_lookback = max(self.mel.lookback, pitch_lookback)
        self.lookback = max(self.mel.lookback + (memory - 1) * self.hop, pitch_lookback)
        self.width = bands + lags

    def forward(self, audio: Tensor) -> Tensor:
        """(B, frames, bands + lags) of audio (B, lookback + frames * hop) in [-1, 1]."""
        earlier = self.lookback - self.mel.lookback - (self.memory - 1) * self.hop
        mel = levelled(self.mel(audio[:, earlier:]), self.memory, self.range_db)[:, self.memory - 1 :]
        return self._with_periodicity(mel, audio[:, self.lookback - self.raw_lookback :])

    def raw(self, audio: Tensor) -> Tensor:
        """As `forward`, with mel powers in dB as they are, of audio (B, raw_lookback + frames * hop)."""
        return self._with_periodicity(self.mel(audio[:, self.raw_lookback - self.mel.lookback :]), audio)

    def level(self, raw: Tensor) -> Tensor:
        """Levelled frames of raw ones (B, frames, bands + lags), before which nothing was heard."""
        mel = levelled(raw[:, :, : self.bands], self.memory, self.range_db)
        return torch.cat([mel, raw[:, :, self.bands :]], -1)

    def _with_periodicity(self, mel: Tensor, audio: Tensor) -> Tensor:
        if self.pitch is None:
            return mel
        return torch.cat([mel, self.pitch(audio[:, self.raw_lookback - self.pitch.lookback :])], -1)
