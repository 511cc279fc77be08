"""Mixtures of two utterances of one speaker."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True, kw_only=True)
class MixupConfig:
    """How many utterances are mixed, and the parameter of the beta distribution that their shares are drawn from."""

    share: float
    alpha: float = 0.4


def mixup(sound: Tensor, size: int, config: MixupConfig, generator: Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Mixed utterances, each one's partner (B,) and its own share (B,), at least a half. Zhang et al. (2018).

    Partners are utterances of the same speaker (`size` adjacent ones), so that a row has one speaker. Decibels are
    mixed, not powers: in a sum of powers the louder one would mask the other.
    """
    batch = len(sound)
    groups = batch // size
    order = torch.rand(groups, size, generator=generator).argsort(1)
    partner = (order + size * torch.arange(groups)[:, None]).flatten()
    # Beta(a, a) as X / (X + Y) of two Gamma(a): torch's public gamma sampler takes no generator, the private one does.
    gamma = torch._standard_gamma(torch.full((2, batch), config.alpha), generator)
    share = gamma[0] / gamma.sum(0).clamp_min(1e-20)
    share = torch.maximum(share, 1 - share)
    share = torch.where(torch.rand(batch, generator=generator) < config.share, share, torch.ones(()))
    return mix(sound, partner, share), partner, share


def mix(frames: Tensor, partner: Tensor, share: Tensor) -> Tensor:
    """`share` (B,) of each row of (B, T, width), the rest of its partner (B,)."""
    weight = share[:, None, None]
    return weight * frames + (1 - weight) * frames[partner]
