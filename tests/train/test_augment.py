"""Changes to a voice are repeatable, finite, and as large as they say."""

import pytest
import torch

from emoscope.models.frontend import LogMel, mel_filters
from emoscope.train.augment import (
    HIGH_HZ,
    LOW_HZ,
    AugmentConfig,
    augment,
    colour,
    echo,
    mask,
    mixup,
    narrow,
    noise,
    warp,
)

CONFIG = AugmentConfig()


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def voices(batch=6, frames=120):
    return torch.randn(batch, frames, 64, generator=rng(9)) * 8 - 50


def test_the_same_seed_changes_a_voice_alike():
    """A step that is repeated after a restart hears what it heard before."""
    first, again, other = (augment(voices(), CONFIG, rng(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_every_change_keeps_shape_and_stays_finite_even_on_digital_silence():
    """Nothing divides by an empty power."""
    for mel in (voices(), torch.full((3, 8, 64), -160.0)):
        changed = augment(mel, AugmentConfig(noise=1, echo=1, narrow=1), rng())
        assert changed.shape == mel.shape
        assert changed.isfinite().all()


def test_gain_drops_out():
    """The same voice 40 dB louder is changed into the same thing."""
    torch.testing.assert_close(
        augment(voices(), CONFIG, rng()), augment(voices() + 40, CONFIG, rng()), atol=1e-3, rtol=0
    )


def test_noise_comes_at_its_signal_to_noise_ratio():
    """At 10 dB it adds a tenth of the voice's mean power."""
    before = 10 ** (voices() / 10)
    after = 10 ** (noise(voices(), 1.0, (10.0, 10.0), rng()) / 10)
    added = (after - before).mean((1, 2)) / before.mean((1, 2))
    torch.testing.assert_close(added, torch.full((6,), 0.1), atol=1e-3, rtol=0)


def test_an_echo_only_adds_and_only_afterwards():
    """A click rings on, weaker and weaker; nothing is heard before it."""
    quiet = torch.full((1, 60, 64), -100.0)
    click = quiet.clone()
    click[:, 20] = 0
    rung = echo(click, 1.0, (0.3, 0.3), rng())
    torch.testing.assert_close(rung[:, :20], echo(quiet, 1.0, (0.3, 0.3), rng())[:, :20], atol=1e-4, rtol=0)
    assert rung[0, 20, 0] == pytest.approx(0, abs=1e-4)
    assert (rung[0, 21:30, 0].diff() < 0).all()


def test_another_throat_moves_the_bands_and_only_them():
    """A flat spectrum stays flat, a peak moves by a few bands at most, and each frame keeps its time."""
    flat = torch.full((4, 10, 64), -30.0)
    torch.testing.assert_close(warp(flat, 0.15, rng()), flat)
    peak = flat.clone()
    peak[:, 5, 40] = 0
    moved = warp(peak, 0.15, rng())
    assert (moved[:, 5].argmax(1) - 40).abs().max() <= 5
    assert (moved[:, 5].argmax(1) != 40).any()
    torch.testing.assert_close(moved[:, :5], flat[:, :5])


def test_the_warp_knows_where_the_front_ends_bands_lie():
    """Its two limits are the front end's own."""
    torch.testing.assert_close(LogMel(64).filters, mel_filters(64, 16_000, LOW_HZ, HIGH_HZ))


def test_a_share_of_none_changes_nothing():
    """Each change that comes by chance can be turned off."""
    mel = voices()
    for changed in (
        noise(mel, 0.0, (5, 5), rng()),
        echo(mel, 0.0, (0.3, 0.3), rng()),
        narrow(mel, 0.0, rng()),
        colour(mel, 0.0, 0.0, rng()),
        mask(mel, AugmentConfig(time_masks=0, band_masks=0), rng()),
        mixup(mel, AugmentConfig(mixup=0.0), rng())[0],
    ):
        torch.testing.assert_close(changed, mel, rtol=0, atol=0)


def test_a_mixed_clip_is_mostly_itself():
    """Its own share is at least a half, and the mixture is what the shares say."""
    mel = voices(64)
    mixed, partner, share = mixup(mel, AugmentConfig(mixup=1.0), rng())
    assert 0.5 <= share.min() < share.max() <= 1
    weight = share[:, None, None]
    torch.testing.assert_close(mixed, weight * mel + (1 - weight) * mel[partner])
