"""The spectrogram and the MFCC of `camulenet`, against their formulas."""

import numpy as np
import pytest
import torch

from emoscope.models.systems.cepstral import SpectrogramAndCepstra

torch.set_num_threads(1)


def test_front_ends_are_what_their_formulas_say():
    """Spectrogram and MFCC of one frame in the middle, by sums in float64."""
    audio = 0.1 * torch.randn(1, 8_000, generator=torch.Generator().manual_seed(4))
    spectrogram, cepstra = SpectrogramAndCepstra()(audio)
    assert spectrogram.shape == (1, 50, 401) and cepstra.shape == (1, 50, 40)
    n = np.arange(640)
    taper = 0.54 - 0.46 * np.cos(2 * np.pi * n / 640)
    frame = audio[0, 31 * 160 - 640 : 31 * 160].double().numpy() * taper  # frame 30 ends at sample 31 x 160
    turns = np.exp(-2j * np.pi * np.outer(np.arange(401), n) / 800)
    power = np.abs(turns @ frame) ** 2
    assert spectrogram[0, 30].numpy() == pytest.approx((np.log10(power) + 4) / 4, abs=1e-3)
    edges = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), 82) / 2595) - 1)
    hertz = 20.0 * np.arange(401)
    bands = [
        np.clip(np.minimum((hertz - a) / (b - a), (c - hertz) / (c - b)), 0, None) @ power
        for a, b, c in zip(edges, edges[1:], edges[2:], strict=False)
    ]
    decades = (np.log10(bands) + 4) / 4
    for order in range(40):
        angle = np.pi / 80 * (np.arange(80) + 0.5) * order
        value = np.sqrt((1 if order == 0 else 2) / 80) * (decades * np.cos(angle)).sum()
        assert cepstra[0, 30, order].item() == pytest.approx(value, abs=1e-3)


def test_silence_and_the_first_frames_are_finite():
    """Silence is the floor of the scale, and before the audio there is silence."""
    spectrogram, cepstra = SpectrogramAndCepstra()(torch.zeros(2, 1_600))
    assert (spectrogram == -1.5).all() and cepstra.isfinite().all()
