"""Mixtures of utterances of one speaker."""

import torch

from emoscope.train.acted.mixup import MixupConfig, mixup


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def voices(batch=6, frames=120):
    return torch.randn(batch, frames, 64, generator=rng(9)) * 8 - 50


def test_a_share_of_none_mixes_nothing():
    """The utterances stay as they are."""
    torch.testing.assert_close(mixup(voices(), 3, MixupConfig(share=0.0), rng())[0], voices(), rtol=0, atol=0)


def test_a_mixed_clip_is_mostly_itself():
    """Its own share is at least a half, and the mixture is what the shares say."""
    mel = voices(64)
    mixed, partner, share = mixup(mel, 8, MixupConfig(share=1.0), rng())
    assert 0.5 <= share.min() < share.max() <= 1
    weight = share[:, None, None]
    torch.testing.assert_close(mixed, weight * mel + (1 - weight) * mel[partner])


def test_a_voice_is_mixed_with_itself_alone():
    """Or its baseline would be another voice's too; every utterance is somebody's partner."""
    _, partner, _ = mixup(voices(64), 8, MixupConfig(share=1.0), rng())
    assert (partner // 8).equal(torch.arange(64) // 8)
    assert sorted(partner.tolist()) == list(range(64))
