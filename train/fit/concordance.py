"""The concordance loss of dimensions, which several recipes use."""

from torch import Tensor


def concordance_loss(predicted: Tensor, rated: Tensor) -> Tensor:
    """1 - CCC of each column of (N, D), their mean. Lin (1989); here a mean over one batch's rows."""
    a, b = predicted - predicted.mean(0), rated - rated.mean(0)
    both = 2 * (a * b).mean(0)
    spread = (a * a).mean(0) + (b * b).mean(0) + (predicted.mean(0) - rated.mean(0)).square()
    return (1 - both / spread.clamp_min(1e-6)).mean()
