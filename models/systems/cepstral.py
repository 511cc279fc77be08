"""The two front ends of `camulenet`: a log spectrogram and mel-frequency cepstral coefficients, from one Fourier
transform.

Goel, Hira and Gupta (2024), sections 2.1 and 4.3.
"""

import math

import torch
from torch import Tensor, nn

LENGTH, HOP, SIZE = 640, 160, 800  # a window of 40 ms, a hop of 10 ms and the size of the transform, at 16 kHz
BINS = SIZE // 2 + 1
BANDS, COEFFICIENTS = 80, 40
FLOOR = 1e-10  # of power, so that silence has a logarithm


def cosines(bands: int, coefficients: int) -> Tensor:
    """The first rows of the orthonormal discrete cosine transform of type II, as a matrix (bands, coefficients)."""
    band = torch.arange(bands, dtype=torch.float64, device="cpu")[:, None] + 0.5
    order = torch.arange(coefficients, dtype=torch.float64, device="cpu")[None]
    scale = torch.where(order == 0, math.sqrt(1 / bands), math.sqrt(2 / bands))
    return (scale * torch.cos(math.pi / bands * band * order)).float()


def scaled_decades(power: Tensor) -> Tensor:
    """log10 of power to Whisper's scale, (log10 p + 4) / 4: speech lies near [-1, 1], silence is -1.5."""
    return (power.clamp_min(FLOOR).log10() + 4.0) / 4.0


class SpectrogramAndCepstra(nn.Module):
    """The spectrogram and the MFCC of audio, both with a frame each 10 ms.

    Hamming windows of 40 ms, each 10 ms, through a Fourier transform of 800 points (section 4.3 gives "40" and "10"
    without a unit; they are taken as milliseconds). Frame i ends at sample (i + 1) 160, and before the audio there is
    silence. The 40 coefficients are those of 80 mel bands on HTK's scale up to 8 kHz, from the same transform (the
    number of bands and their window are not given). Both are taken of logarithms on Whisper's scale.

    The filters are no buffers, so that they stay float32 in a model cast to half precision.
    """

    def __init__(self) -> None:
        super().__init__()
        from transformers.audio_utils import mel_filter_bank

        mel = mel_filter_bank(
            num_frequency_bins=BINS, num_mel_filters=BANDS, min_frequency=0.0, max_frequency=8000.0,
            sampling_rate=16_000, mel_scale="htk",
        )  # fmt: skip
        taper = torch.hamming_window(LENGTH, device="cpu")
        self._fixed = taper, torch.from_numpy(mel).float(), cosines(BANDS, COEFFICIENTS)

    def forward(self, audio: Tensor) -> tuple[Tensor, Tensor]:
        """Spectrogram (B, T, 401) and MFCC (B, T, 40), float32, of audio (B, T * 160), samples in [-1, 1]."""
        self._fixed = tuple(one.to(audio.device) for one in self._fixed)  # type: ignore[assignment]
        taper, mel, cosine = self._fixed
        padded = nn.functional.pad(audio.float(), (LENGTH - HOP, 0))
        spectrum = torch.fft.rfft(padded.unfold(1, LENGTH, HOP) * taper, SIZE)
        power = torch.view_as_real(spectrum).square().sum(-1)
        return scaled_decades(power), scaled_decades(power @ mel) @ cosine
