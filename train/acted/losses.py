"""Losses over the labels of each clip's corpus alone."""

import torch
from torch import Tensor


def restrict(logits: Tensor, allowed: Tensor) -> Tensor:
    """Logits (B, L) with those of labels that a clip's corpus does not have (allowed (B, L) false) at -inf."""
    return logits.masked_fill(~allowed, -torch.inf)


def restricted_cross_entropy(logits: Tensor, targets: Tensor, allowed: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross entropy (B,) over each clip's own labels alone.

    A German clip cannot be `calm`, because EmoDB has no such label: so it pushes that logit neither up nor down.

    logits (B, L), targets (B,) label indices, allowed (B, L) the corpus's labels, `smoothing` spread evenly over them
    (Szegedy et al. 2016, section 7).
    """
    log_p = torch.log_softmax(restrict(logits.float(), allowed), -1)
    own = -log_p.gather(1, targets[:, None])[:, 0]
    if not smoothing:
        return own
    even = -(log_p.masked_fill(~allowed, 0.0).sum(1) / allowed.sum(1))
    return (1 - smoothing) * own + smoothing * even


def mixed_cross_entropy(
    logits: Tensor, targets: Tensor, allowed: Tensor, partner: Tensor, share: Tensor, smoothing: float = 0.0
) -> Tensor:
    """Mean loss of mixed-up clips: `share` (B,) of the clip itself, the rest of `partner` (B,), its index in the batch.

    Each of the two is scored over the labels of its own corpus. Zhang et al. (2018), "mixup".
    """
    own = restricted_cross_entropy(logits, targets, allowed, smoothing)
    other = restricted_cross_entropy(logits, targets[partner], allowed[partner], smoothing)
    return (share * own + (1 - share) * other).mean()


def outside(logits: Tensor, allowed: Tensor) -> Tensor:
    """The excess probability (B,) of labels that a clip's corpus does not have, above a uniform share.

    The corpus cannot show that they are wrong, so a uniform share costs nothing; above it, clips of one corpus would
    be given the labels of another with confidence. logits (B, L), allowed (B, L) true for the corpus's labels.
    """
    share = (~allowed).sum(1) / allowed.shape[1]
    return (torch.softmax(logits.float(), -1).masked_fill(allowed, 0.0).sum(1) - share).clamp_min(0.0)
