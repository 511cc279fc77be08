"""Augmentation of mel powers in dB and of periodicity: vocal tract, room, noise, microphone, masks.

Every function takes and returns mel (B, frames, bands) in dB and draws from one generator, so a step can be repeated.
Utterances of one speaker are adjacent in the batch and share vocal tract, room and microphone. Gain needs no
augmentation, because the mel bands are measured from the loudest of the last second.
"""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

LOW_HZ, HIGH_HZ = 50.0, 7_600.0  # of the front end's bands


@dataclass(frozen=True, kw_only=True)
class AugmentConfig:
    """How often each change is made (share of clips) and how strong it is.

    noise, sounds  steady noise made here; recorded sounds
    narrow         a telephone or a thin codec
    tempo          a batch is up to this share faster or slower; the pitch stays
    """

    warp: float = 0.0
    tilt_db: float = 6.0
    colour_db: float = 3.0
    noise: float = 0.5
    noise_snr_db: tuple[float, float] = (5.0, 40.0)
    sounds: float = 0.0
    sounds_snr_db: tuple[float, float] = (3.0, 25.0)
    echo: float = 0.2
    echo_t60_s: tuple[float, float] = (0.15, 0.6)
    narrow: float = 0.1
    shift: int = 3
    tempo: float = 0.0
    time_masks: int = 2
    time_mask_share: float = 0.12
    band_masks: int = 2
    band_mask: int = 8


def augment(
    sound: Tensor,
    bands: int,
    size: int,
    config: AugmentConfig,
    generator: Generator,
    sounds: Tensor | None = None,
) -> Tensor:
    """All changes in the order of the signal path: vocal tract, room, noise, microphone, then masks.

    sound   (B, frames, bands + lags), `size` adjacent utterances of each speaker
    sounds  (N, bands) mel powers in dB of recorded noise
    """
    groups = len(sound) // size
    mel, periodicity = sound[:, :, :bands], sound[:, :, bands:]
    mel = warp(mel - mel.amax((1, 2), keepdim=True), config.warp, groups, generator)
    mel = echo(mel, config.echo, config.echo_t60_s, groups, generator)
    mel, clean = noise(mel, config.noise, config.noise_snr_db, generator)
    if sounds is not None:
        mel, clear = recorded_noise(mel, sounds, config.sounds, config.sounds_snr_db, generator)
        clean = clean * clear
    mel = colour(mel, config.tilt_db, config.colour_db, groups, generator)
    mel = narrow(mel, config.narrow, groups, generator)
    if not periodicity.shape[2]:
        return mask(mel, config, generator)
    # Noise is not periodic: it scales every correlation by the speech's share of the power.
    periodicity = shift(periodicity * clean, config.shift, groups, generator)
    return mask(torch.cat([mel, periodicity], 2), config, generator, bands)


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _chosen(count: int, share: float, generator: Generator) -> Tensor:
    return (torch.rand(count, generator=generator) < share)[:, None, None]


def _each(drawn: Tensor, batch: int) -> Tensor:
    """Repeat what was drawn for each speaker for each of the speaker's utterances."""
    return drawn.repeat_interleave(batch // len(drawn), 0)


def warp(mel: Tensor, most: float, groups: int, generator: Generator) -> Tensor:
    """Another vocal tract: frequencies stretched by up to `most`. Jaitly and Hinton (2013), "VTLP".

    Bands lie evenly on the mel scale 2595 log10(1 + f / 700), from LOW_HZ to HIGH_HZ.
    """
    if not most:
        return mel
    batch, frames, bands = mel.shape
    low, high = (math.log10(1 + hz / 700) for hz in (LOW_HZ, HIGH_HZ))
    step = (high - low) / (bands + 1)
    hz = 700 * (10 ** (low + step * torch.arange(1, bands + 1)) - 1)
    factor = _each(_uniform((groups, 1), 1 - most, 1 + most, generator), batch)
    place = (torch.log10(1 + hz * factor / 700) - low) / step - 1
    place = place.clamp(0, bands - 1)
    below = place.floor().long().clamp_max(bands - 2)
    share = (place - below)[:, None]
    index = below[:, None].expand(batch, frames, bands)
    return torch.lerp(mel.gather(2, index), mel.gather(2, index + 1), share.expand(batch, frames, bands))


def colour(mel: Tensor, tilt_db: float, colour_db: float, groups: int, generator: Generator) -> Tensor:
    """A microphone's frequency response: a straight tilt and three slow waves across the bands."""
    batch, _, bands = mel.shape
    place = torch.linspace(-1, 1, bands)
    curve = torch.randn(groups, 1, generator=generator) * (tilt_db / 2) * place
    for waves in (1, 2, 3):
        phase = _uniform((groups, 1), 0, 2 * torch.pi, generator)
        curve = curve + torch.randn(groups, 1, generator=generator) * (colour_db / 2) * torch.cos(
            torch.pi * waves * place + phase
        )
    return mel + _each(curve, batch)[:, None]


def noise(mel: Tensor, share: float, snr_db: tuple[float, float], generator: Generator) -> tuple[Tensor, Tensor]:
    """Steady coloured noise at a signal-to-noise ratio, added as power; and the speech's share (B, frames, 1).

    The power of noise in one spectral bin is exponentially distributed.
    """
    rows = _rows(len(mel), share, generator)
    batch, frames, bands = mel[rows].shape
    slope = torch.randn(batch, 1, 1, generator=generator) * 8.0 * torch.linspace(1, -1, bands)
    # A band gathers several bins of the spectrum, so its power scatters less than one bin's: a mean of four.
    scatter = -torch.log(torch.rand(4, batch, frames, bands, generator=generator).clamp_min(1e-6)).mean(0)
    return _add(mel, rows, 10 ** (slope / 10) * scatter, snr_db, generator)


def recorded_noise(
    mel: Tensor, sounds: Tensor, share: float, snr_db: tuple[float, float], generator: Generator
) -> tuple[Tensor, Tensor]:
    """As `noise`, with a stretch of `sounds` (N, bands in dB), which is repeated where it is too short."""
    rows = _rows(len(mel), share, generator)
    begin = torch.randint(len(sounds), (len(rows), 1), generator=generator)
    place = (begin + torch.arange(mel.shape[1])) % len(sounds)
    return _add(mel, rows, 10 ** (sounds[place].float() / 10), snr_db, generator)


def _rows(count: int, share: float, generator: Generator) -> Tensor:
    return _chosen(count, share, generator)[:, 0, 0].nonzero()[:, 0]


def _add(
    mel: Tensor, rows: Tensor, power: Tensor, snr_db: tuple[float, float], generator: Generator
) -> tuple[Tensor, Tensor]:
    """Add `power` (R, frames, bands) to these rows, and tell the speech's share (B, frames, 1) of the sum."""
    speech = 10 ** (mel[rows] / 10)
    snr = _uniform((len(rows), 1, 1), *snr_db, generator)
    loudness = speech.mean((1, 2), keepdim=True) / power.mean((1, 2), keepdim=True).clamp_min(1e-16)
    power = power * loudness * 10 ** (-snr / 10)
    total = (speech + power).clamp_min(1e-16)
    clean = torch.ones(*mel.shape[:2], 1).index_copy(0, rows, speech.sum(2, keepdim=True) / total.sum(2, keepdim=True))
    return mel.index_copy(0, rows, 10 * torch.log10(total)), clean


def echo(mel: Tensor, share: float, t60_s: tuple[float, float], groups: int, generator: Generator) -> Tensor:
    """A room's tail: powers smeared by an exponential decay that falls by 60 dB in t60 (Polack's model)."""
    batch = mel.shape[0]
    taps = 24
    t60 = _each(_uniform((groups, 1), *t60_s, generator), batch)
    decay = 10 ** (-6 * torch.arange(taps) / 100 / t60)
    wet = _each(_uniform((groups, 1), 0.05, 0.4, generator), batch)
    kernel = torch.where(torch.arange(taps) == 0, torch.ones(()), wet * decay)
    power = 10 ** (mel / 10)
    chosen = _each(_chosen(groups, share, generator), batch)
    rows = chosen[:, 0, 0].nonzero()[:, 0]
    if len(rows) == 0:
        return mel
    padded = torch.nn.functional.pad(power[rows].transpose(1, 2), (taps - 1, 0))
    smeared = torch.nn.functional.conv1d(
        padded.transpose(0, 1), kernel[rows].flip(1)[:, None], groups=len(rows)
    ).permute(1, 2, 0)
    return mel.index_copy(0, rows, 10 * torch.log10(smeared.clamp_min(1e-16)))


def narrow(mel: Tensor, share: float, groups: int, generator: Generator) -> Tensor:
    """A telephone or a thin codec: little above one random band, and little below another."""
    batch, _, bands = mel.shape
    high = _each(_uniform((groups, 1, 1), 0.6 * bands, bands, generator), batch)
    low = _each(_uniform((groups, 1, 1), 0.0, 0.15 * bands, generator), batch)
    band = torch.arange(bands)
    cut = ((band > high) | (band < low)) & _each(_chosen(groups, share, generator), batch)
    return torch.where(cut, mel - 40.0, mel)


def change_tempo(sound: Tensor, most: float, grain: int, generator: Generator) -> Tensor:
    """Frames (B, frames, width), all up to `most` faster or slower, again a whole number of `grain`s of frames."""
    if not most:
        return sound
    factor = float(_uniform((), 1 - most, 1 + most, generator))
    return stretched(sound, max(1, round(sound.shape[1] * factor / grain)) * grain)


def stretched(frames: Tensor, count: int) -> Tensor:
    """`count` frames, interpolated between those of (B, frames, width)."""
    return torch.nn.functional.interpolate(frames.transpose(1, 2), size=count, mode="linear").transpose(1, 2)


def shift(periodicity: Tensor, most: int, groups: int, generator: Generator) -> Tensor:
    """Another pitch: periodicity (B, frames, lags) moved by up to `most` lags, the edge repeated."""
    batch, _, lags = periodicity.shape
    step = _each(torch.randint(-most, most + 1, (groups, 1), generator=generator), batch)
    place = (torch.arange(lags)[None] + step).clamp(0, lags - 1)
    return periodicity.gather(2, place[:, None].expand_as(periodicity))


def mask(sound: Tensor, config: AugmentConfig, generator: Generator, bands: int | None = None) -> Tensor:
    """SpecAugment: spans of time, and of the first `bands`, are replaced by the clip's mean.

    Park et al. (2019), section 2.
    """
    batch, frames, width = sound.shape
    bands = width if bands is None else bands
    hidden = torch.zeros(sound.shape, dtype=torch.bool)
    for axis, size, longest, count in (
        (1, frames, config.time_mask_share * frames, config.time_masks),
        (2, bands, float(config.band_mask), config.band_masks),
    ):
        index = torch.arange(size).view((1, -1, 1) if axis == 1 else (1, 1, -1))
        part = hidden if axis == 1 else hidden[:, :, :bands]
        for _ in range(count):
            span = _uniform((batch, 1, 1), 0, longest, generator)
            first = torch.rand(batch, 1, 1, generator=generator) * (size - span)
            part |= (index >= first) & (index < first + span)
    mean = sound[:, :, :bands].mean((1, 2), keepdim=True).expand(batch, 1, bands)
    # Masked periodicity is 0, as in silence.
    mean = torch.cat([mean, torch.zeros(batch, 1, width - bands)], 2)
    return torch.where(hidden, mean, sound)
