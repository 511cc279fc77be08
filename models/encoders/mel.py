"""The mel front ends of W2V-BERT 2.0 and Whisper in torch: batched, differentiable, with lookback only.

Frame i of a window that begins at sample s covers [s + (i + 1) 160 - 400, s + (i + 1) 160], so that frames do not
depend on where a window begins (`models/README.md`). The feature extractors of transformers start their first frame
at the first sample (W2V-BERT) or centre it there (Whisper): the same frames, 240 or 40 samples later.
"""

import torch
from torch import Tensor, nn

HOP = 160
LENGTH = 400
LOOKBACK = LENGTH - HOP


def masked_count(mask: Tensor) -> Tensor:
    """The number of true frames in each row (B, 1, 1), at least 1."""
    return mask.sum(1).clamp_min(1)[:, None, None]


class Spectral(nn.Module):
    """A front end with fixed filters: no buffers, so that they stay float32 in a model cast to half precision."""

    def keep(self, filters: Tensor, taper: Tensor) -> None:
        """filters (bins, bands), taper (400,)."""
        self._fixed = filters, taper

    def fixed(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Filters and taper on the device of the audio."""
        if self._fixed[0].device != device:
            self._fixed = self._fixed[0].to(device), self._fixed[1].to(device)
        return self._fixed


class KaldiFilterbank(Spectral):
    """80 log-mel bands as Kaldi makes them, each to mean 0 and variance 1 over the window, two frames stacked.

    W2V-BERT 2.0's input (Barrault et al. 2023, section 3.2.1; transformers' SeamlessM4TFeatureExtractor).
    """

    bands = 80

    def __init__(self) -> None:
        super().__init__()
        from transformers.audio_utils import mel_filter_bank

        filters = mel_filter_bank(
            num_frequency_bins=257, num_mel_filters=self.bands, min_frequency=20, max_frequency=8000,
            sampling_rate=16_000, mel_scale="kaldi", triangularize_in_mel_space=True,
        )  # fmt: skip
        self.keep(torch.from_numpy(filters).float(), torch.hann_window(LENGTH, periodic=False, device="cpu").pow(0.85))

    def bands_of(self, audio: Tensor) -> Tensor:
        """Natural log of mel power (B, frames, 80) of audio (B, lookback + frames * 160)."""
        filters, taper = self.fixed(audio.device)
        frames = audio.float().unfold(1, LENGTH, HOP) * 2.0**15
        frames = frames - frames.mean(2, keepdim=True)
        before = torch.cat([frames[:, :, :1], frames[:, :, :-1]], 2)
        spectrum = torch.view_as_real(torch.fft.rfft((frames - 0.97 * before) * taper, 512)).square().sum(-1)
        return (spectrum @ filters).clamp_min(1.192092955078125e-07).log()

    def forward(self, audio: Tensor, mask: Tensor) -> Tensor:
        """Features (B, T, 160) of audio (B, lookback + T * 320), statistics over the T frames where mask is true."""
        mel = self.bands_of(audio)
        shown = mask.repeat_interleave(2, 1)[:, :, None]
        count = masked_count(shown[:, :, 0])
        mean = (mel * shown).sum(1, keepdim=True) / count
        centred = (mel - mean) * shown
        variance = centred.square().sum(1, keepdim=True) / (count - 1).clamp_min(1)
        return (centred / (variance + 1e-7).sqrt()).reshape(len(mel), -1, 2 * self.bands)


class WhisperMel(Spectral):
    """Log-mel bands to Whisper's scale: at most 8 decades below the window's loudest (Radford et al. 2022, 2.2)."""

    def __init__(self, bands: int) -> None:
        super().__init__()
        from transformers.audio_utils import mel_filter_bank

        filters = mel_filter_bank(
            num_frequency_bins=201, num_mel_filters=bands, min_frequency=0.0, max_frequency=8000.0,
            sampling_rate=16_000, norm="slaney", mel_scale="slaney",
        )  # fmt: skip
        self.keep(torch.from_numpy(filters).float(), torch.hann_window(LENGTH, device="cpu"))

    def forward(self, audio: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Bands (B, frames, bands) of audio (B, lookback + frames * 160), mask (B, frames); silence's value (B, 1, 1).

        Masked frames hold that value, which is silence in this window.
        """
        filters, taper = self.fixed(audio.device)
        frames = audio.float().unfold(1, LENGTH, HOP) * taper
        spectrum = torch.view_as_real(torch.fft.rfft(frames, LENGTH)).square().sum(-1)
        decades = (spectrum @ filters).clamp_min(1e-10).log10()
        hidden = ~mask[:, :, None]
        loudest = decades.masked_fill(hidden, -10.0).amax((1, 2), keepdim=True)
        scaled = (torch.maximum(decades, loudest - 8.0) + 4.0) / 4.0
        silence = ((loudest - 8.0).clamp_min(-10.0) + 4.0) / 4.0
        return torch.where(hidden, silence, scaled), silence
