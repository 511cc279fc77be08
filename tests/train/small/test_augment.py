"""Changes to a voice are repeatable, finite, and as large as they say."""

import pytest
import torch

from emoscope.models.small.frontend import LogMel, mel_filters
from emoscope.train.small.augment import (
    HIGH_HZ,
    LOW_HZ,
    AugmentConfig,
    augment,
    change_tempo,
    colour,
    echo,
    mask,
    narrow,
    noise,
    recorded_noise,
    shift,
    warp,
)

CONFIG = AugmentConfig()


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def voices(batch=6, frames=120):
    return torch.randn(batch, frames, 64, generator=rng(9)) * 8 - 50


def test_the_same_seed_changes_a_voice_alike():
    """A step that is repeated after a restart gets the same changed audio as before."""
    first, again, other = (augment(voices(), 64, 3, CONFIG, rng(seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


def test_every_change_keeps_shape_and_stays_finite_even_on_digital_silence():
    """Nothing divides by an empty power."""
    for mel in (voices(), torch.full((3, 8, 64), -160.0)):
        changed = augment(mel, 64, 3, AugmentConfig(noise=1, echo=1, narrow=1), rng())
        assert changed.shape == mel.shape
        assert changed.isfinite().all()


def test_gain_drops_out():
    """The same voice 40 dB louder is changed into the same thing."""
    torch.testing.assert_close(
        augment(voices(), 64, 3, CONFIG, rng()), augment(voices() + 40, 64, 3, CONFIG, rng()), atol=1e-3, rtol=0
    )


def test_noise_comes_at_its_signal_to_noise_ratio():
    """At 10 dB it adds a tenth of the voice's mean power."""
    before = 10 ** (voices() / 10)
    after = 10 ** (noise(voices(), 1.0, (10.0, 10.0), rng())[0] / 10)
    added = (after - before).mean((1, 2)) / before.mean((1, 2))
    torch.testing.assert_close(added, torch.full((6,), 0.1), atol=1e-3, rtol=0)


def test_an_echo_only_adds_and_only_afterwards():
    """A click decays after its time, and the sound before it stays as it was."""
    quiet = torch.full((1, 60, 64), -100.0)
    click = quiet.clone()
    click[:, 20] = 0
    rung = echo(click, 1.0, (0.3, 0.3), 1, rng())
    torch.testing.assert_close(rung[:, :20], echo(quiet, 1.0, (0.3, 0.3), 1, rng())[:, :20], atol=1e-4, rtol=0)
    assert rung[0, 20, 0] == pytest.approx(0, abs=1e-4)
    assert (rung[0, 21:30, 0].diff() < 0).all()


def test_another_throat_moves_the_bands_and_only_them():
    """A flat spectrum stays flat, a peak moves by a few bands at most, and each frame keeps its time."""
    flat = torch.full((4, 10, 64), -30.0)
    torch.testing.assert_close(warp(flat, 0.15, 4, rng()), flat)
    peak = flat.clone()
    peak[:, 5, 40] = 0
    moved = warp(peak, 0.15, 4, rng())
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
        noise(mel, 0.0, (5, 5), rng())[0],
        echo(mel, 0.0, (0.3, 0.3), 1, rng()),
        narrow(mel, 0.0, 2, rng()),
        colour(mel, 0.0, 0.0, 2, rng()),
        shift(mel, 0, 2, rng()),
        mask(mel, AugmentConfig(time_masks=0, band_masks=0), rng()),
        recorded_noise(mel, mel[0], 0.0, (5, 5), rng())[0],
        change_tempo(mel, 0.0, 4, rng()),
    ):
        torch.testing.assert_close(changed, mel, rtol=0, atol=0)


def test_utterances_of_a_voice_share_throat_room_and_microphone():
    """What was alike before is alike after; another voice's is not."""
    mel = voices(1).repeat(6, 1, 1)
    for changed in (
        warp(mel, 0.15, 2, rng()),
        colour(mel, 6.0, 3.0, 2, rng()),
        echo(mel, 1.0, (0.2, 0.6), 2, rng()),
        narrow(mel, 1.0, 2, rng()),
    ):
        torch.testing.assert_close(changed[0].expand(3, -1, -1), changed[:3])
        torch.testing.assert_close(changed[3].expand(3, -1, -1), changed[3:])
        assert not torch.allclose(changed[0], changed[3])


def test_noise_takes_its_share_from_every_correlation():
    """At 0 dB half of the power has no period; without noise nothing is taken."""
    _, clean = noise(torch.full((4, 50, 64), -30.0), 1.0, (0.0, 0.0), rng())
    assert clean.mean().item() == pytest.approx(0.5, abs=0.05)
    _, clean = noise(voices(), 0.0, (0.0, 0.0), rng())
    assert (clean == 1).all()


def test_a_pitch_moves_by_whole_lags_and_the_edge_is_repeated():
    """The same picture, a few lags up or down."""
    ramp = torch.arange(48.0).expand(4, 10, 48)
    moved = shift(ramp, 3, 4, rng())
    step = moved[:, 0, 24] - 24
    assert step.abs().max() <= 3
    assert (step != 0).any()
    for row, by in zip(moved, step, strict=True):
        torch.testing.assert_close(row[0], (torch.arange(48.0) + by).clamp(0, 47))


def test_hidden_bands_are_the_clips_mean_and_periodicity_is_never_hidden_by_them():
    """Spans of bands lie among the bands; only spans of time reach what follows them, and leave silence there."""
    sound = torch.cat([voices(8), torch.full((8, 120, 48), 0.5)], 2)
    banded = mask(sound, AugmentConfig(time_masks=0), rng(), 64)
    torch.testing.assert_close(banded[:, :, 64:], sound[:, :, 64:])
    assert not torch.equal(banded[:, :, :64], sound[:, :, :64])
    timed = mask(sound, AugmentConfig(band_masks=0), rng(), 64)
    assert set(timed[:, :, 64:].unique().tolist()) == {0.0, 0.5}


def test_recorded_noise_comes_at_its_signal_to_noise_ratio_and_is_a_stretch_of_a_recording():
    """At 10 dB a tenth of the voice's power is added, in the recording's order, which begins again at its end."""
    sounds = (torch.arange(50.0) / 2 - 80)[:, None].expand(50, 64).half()
    voice = torch.full((6, 120, 64), -50.0)
    changed, clean = recorded_noise(voice, sounds, 1.0, (10.0, 10.0), rng())
    added = 10 ** (changed.double() / 10) - 1e-5
    torch.testing.assert_close(added.mean((1, 2)), torch.full((6,), 1e-6).double(), atol=0, rtol=0.01)
    steps = (10 * torch.log10(added[:, :, 0])).diff(dim=1)
    assert ((steps - 0.5).abs() < 0.05).double().mean() > 0.9
    assert clean.shape == (6, 120, 1)
    assert (clean <= 1).all()


def test_a_tempo_changes_the_length_by_whole_feature_frames_and_keeps_the_order():
    """A ramp stays a ramp, up to the share longer or shorter."""
    ramp = torch.arange(160.0)[None, :, None].expand(2, 160, 3)
    lengths = set()
    for seed in range(20):
        changed = change_tempo(ramp, 0.12, 4, rng(seed))
        lengths.add(changed.shape[1])
        assert changed.shape[1] % 4 == 0
        assert 140 <= changed.shape[1] <= 180
        assert (changed.diff(dim=1) >= 0).all()
    assert len(lengths) > 4


def test_a_telephone_has_no_highs_and_no_lows():
    """Both ends of the bands fall by 40 dB, the middle stays."""
    mel = torch.full((8, 5, 64), -30.0)
    line = narrow(mel, 1.0, 8, rng())
    assert (line[:, :, 12:38] == -30).all()
    assert (line[:, :, 0] == -70).any()
    assert (line[:, :, 63] == -70).any()
