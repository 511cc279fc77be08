"""Training objectives: targets of a batch, and the losses of logits and dimensions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from emoscope.models.relative import RelativeModel
from emoscope.models.speaker import CALM

from ..corpora import CALM_LIKE, Clip
from ..fit.concordance import concordance_loss
from .losses import mixed_cross_entropy, outside


@dataclass(frozen=True)
class BatchTargets:
    """The targets of a batch.

    index    (B,)    label
    allowed  (B, L)  labels of the clip's corpus; none if its labels are not trained on
    ratings  (B, 3)  arousal, valence and dominance
    rated    (B,)    true where there are ratings
    """

    index: Tensor
    allowed: Tensor
    ratings: Tensor
    rated: Tensor


class Targets:
    """Makes targets of crops. A corpus that is not in `allowed` gives its ratings alone."""

    def __init__(self, labels: Sequence[str], allowed: Mapping[str, Sequence[str]]) -> None:
        self._index = {label: i for i, label in enumerate(labels)}
        self._allowed = {corpus: torch.tensor([label in own for label in labels]) for corpus, own in allowed.items()}
        self._none = torch.zeros(len(labels), dtype=torch.bool)

    def of(self, clips: Sequence[Clip]) -> BatchTargets:
        """One clip a row."""
        return BatchTargets(
            torch.tensor([self._index[clip.label] for clip in clips]),
            torch.stack([self._allowed.get(clip.corpus, self._none) for clip in clips]),
            torch.tensor([clip.dimensions or (0.0, 0.0, 0.0) for clip in clips]),
            torch.tensor([clip.dimensions is not None for clip in clips]),
        )


def calmness_of(labels: Sequence[str], logits: Tensor) -> Tensor:
    """(B,) probability of the calm labels under logits (B, L)."""
    calm = torch.tensor([label in CALM for label in labels])
    return torch.softmax(logits.float(), -1)[:, calm].sum(1)


def follow_embeddings(model: RelativeModel, embedding: Tensor, step: int) -> None:
    """Update the running mean and deviation of embeddings: an average over about the last hundred steps."""
    momentum = max(0.01, 1 / (step + 1))
    model.centre.lerp_(embedding.mean(0), momentum)
    model.spread.lerp_(embedding.std(0).clamp_min(1e-3), momentum)


def loss_of(
    outputs: tuple[Tensor, Tensor],
    targets: BatchTargets,
    partner: Tensor,
    share: Tensor,
    ratings: float,
    smoothing: float,
) -> Tensor:
    """Cross entropy of the rows with labels, plus concordance loss and squared error of the rated rows."""
    logits, dimensions = outputs
    rows = targets.allowed.any(1)
    loss = logits.new_zeros(())
    if rows.any():
        # A partner has the same speaker, so the same corpus: it is among the rows with labels.
        place = (rows.cumsum(0) - 1)[partner[rows]]
        loss = mixed_cross_entropy(
            logits[rows], targets.index[rows], targets.allowed[rows], place, share[rows], smoothing
        )
        loss = loss + outside(logits[rows], targets.allowed[rows]).mean()
    rated = targets.rated
    if dimensions.shape[1] and rated.any():
        mixed_ratings = share[:, None] * targets.ratings + (1 - share[:, None]) * targets.ratings[partner]
        error = (dimensions[rated] - mixed_ratings[rated]).square().mean()
        loss = loss + ratings * (concordance_loss(dimensions[rated], mixed_ratings[rated]) + error)
    return loss


def unacted_loss(labels: Sequence[str], logits: Tensor) -> Tensor:
    """Mean of -log of the probability that any of CALM_LIKE has, for logits (B, L) of speech without played emotion."""
    right = torch.tensor([label in CALM_LIKE for label in labels])
    log_p = torch.log_softmax(logits.float(), -1)
    return -torch.logsumexp(log_p[:, right], -1).mean()


def divergence(student: tuple[Tensor, Tensor], teacher: tuple[Tensor, Tensor]) -> Tensor:
    """Kullback-Leibler divergence of the student's labels from the teacher's, plus the dimensions' squared error.

    Hinton, Vinyals and Dean (2015), section 2, at a temperature of 1.
    """
    said, told = (torch.log_softmax(logits.float(), -1) for logits, _ in (student, teacher))
    labels = torch.nn.functional.kl_div(said, told, reduction="batchmean", log_target=True)
    return labels + (student[1] - teacher[1]).square().mean()
