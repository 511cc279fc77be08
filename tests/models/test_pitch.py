"""Periodicity: where a voice's pitch is, whatever its level."""

import math

import pytest
import torch

from emoscope.models.small.frontend import Frontend
from emoscope.models.small.pitch import FFT, PitchLags

LAGS = PitchLags()
HZ = 62.5 * 8 ** (torch.arange(48) / 47)


def tone(hz: float, seconds: float = 0.5) -> torch.Tensor:
    """A voice-like tone with seven harmonics, (1, N)."""
    time = torch.arange(int(16_000 * seconds)) / 16_000
    return 0.1 * sum(torch.sin(2 * math.pi * hz * k * time) / k for k in range(1, 8))[None]  # type: ignore[index]


@pytest.mark.parametrize("hz", [80.0, 120.0, 210.0, 330.0, 450.0])
def test_a_voice_is_periodic_at_its_pitch_and_not_between(hz):
    """Near 1 at its own lag (and at twice it, an octave lower: what repeats once repeats twice), low half way."""
    correlations = LAGS(tone(hz))[0, 20]

    def at(wanted: float) -> float:
        return float(correlations[(HZ / wanted).log2().abs().argmin()])

    assert at(hz) > 0.9
    assert at(hz / math.sqrt(2)) < 0.5


def test_it_is_the_autocorrelation_over_that_of_the_taper():
    """As in Boersma (1993): from the power spectrum up to 1,400 Hz, at the lag of each pitch."""
    audio = torch.randn(1, 640, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    taper = torch.hann_window(640, dtype=torch.float64)
    power = torch.fft.rfft(audio * taper, FFT).abs().square()[0]
    bins = torch.arange(1, int(1_400 * FFT / 16_000) + 1)
    own = torch.fft.rfft(taper, FFT).abs().square()
    double = torch.full_like(own, 2.0)
    double[0] = double[-1] = 1.0
    expected = []
    for hz in HZ.double():
        lag = 16_000 / hz
        wave = torch.cos(2 * math.pi * torch.arange(len(own)) / FFT * lag)
        ratio = (power[bins] * wave[bins]).sum() / power[bins].sum()
        expected.append(ratio / ((own * double * wave).sum() / (own * double).sum()))
    torch.testing.assert_close(LAGS(audio.float())[0, 0].double(), torch.stack(expected), atol=1e-4, rtol=1e-4)


def test_gain_changes_nothing_and_silence_has_no_period():
    """Forty decibels down it is the same picture; zeros give zeros, not NaN."""
    torch.testing.assert_close(LAGS(tone(150.0)), LAGS(0.01 * tone(150.0)), atol=1e-3, rtol=0)
    assert (LAGS(torch.zeros(1, 3200)) == 0).all()


def test_frames_look_back_and_end_where_those_of_the_mel_bands_end():
    """A change after a frame's end leaves both parts of the frame alone; both parts have as many frames."""
    frontend = Frontend(64, 48)
    audio = tone(150.0, 2.0)
    changed = audio.clone()
    changed[:, frontend.lookback + 11 * 160 :] = 0.3
    before, after = frontend(audio), frontend(changed)
    assert before.shape == (1, (audio.shape[1] - frontend.lookback) // 160, 112)
    torch.testing.assert_close(before[:, :11], after[:, :11])
    for part in (slice(0, 64), slice(64, 112)):
        assert not torch.allclose(before[:, 11:20, part], after[:, 11:20, part])
