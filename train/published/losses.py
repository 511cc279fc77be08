"""The losses of the published systems, and how their batches are put together."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emoscope.models.systems.attributes import AttributeOutputs
from emoscope.models.systems.camulenet import CamulenetConfig, CamulenetOutputs
from emoscope.models.systems.segmental import SegmentalConfig, SegmentOutputs

from ..fit.concordance import concordance_loss


def inverse_frequency(counts: Sequence[int]) -> Tensor:
    """Class weights (L,) in inverse proportion to `counts`, with mean 1 over the clips; a class without clips gets 0.

    Leygue et al. (2025), section 2.3: alpha of equation 8.
    """
    seen = torch.tensor(counts, dtype=torch.float32)
    weights = torch.where(seen > 0, seen.sum() / seen.clamp_min(1), torch.zeros_like(seen))
    return weights / (seen > 0).sum().clamp_min(1)


def focal_loss(logits: Tensor, targets: Tensor, weights: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Mean of -alpha_c (1 - p_c)^gamma log p_c over the batch (Leygue et al. 2025, equation 8).

    logits (B, L), targets (B,) label indices, weights (L,) alpha. With gamma 0 and no weights it is cross entropy.
    """
    log_p = torch.log_softmax(logits.float(), -1).gather(1, targets[:, None])[:, 0]
    # 1 - p by expm1: near p = 1 the difference of two floats would lose all digits.
    loss = -((-torch.expm1(log_p)).clamp_min(0.0) ** gamma) * log_p
    return (loss if weights is None else loss * weights[targets]).mean()


def weighted_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Sum of -w_c log p_c over the batch by the sum of its w_c: torch's, with weights in inverse class frequency.

    Casals-Salvador et al. (2024), section 4. logits (B, L), targets (B,), weights (L,) from `inverse_frequency`.
    """
    return torch.nn.functional.cross_entropy(logits.float(), targets, weights)


def subsample_majority(labels: Sequence[int], ratio: float = 8.0, seed: int = 0) -> npt.NDArray[np.int64]:
    """Indices of the clips to train on: no class has more than `ratio` times the clips of the rarest.

    Leygue et al. (2025), section 3: 8:1, where the training set has 26:1.
    """
    given = np.asarray(labels)
    classes, counts = np.unique(given, return_counts=True)
    most = int(ratio * counts.min())
    rng = np.random.default_rng(seed)
    kept = [rng.permutation(np.flatnonzero(given == label))[:most] for label in classes]
    return np.sort(np.concatenate(kept))


def pick_triplets(labels: Sequence[int], seconds: Sequence[float], seed: int = 0) -> npt.NDArray[np.int64]:
    """Anchor, positive and negative (N, 3) among N clips; anchors without a positive or a negative are left out.

    The positive is another clip of the anchor's class at random, the negative the clip of another class that is
    closest to the positive in length, so that a whole utterance is not compared with a segment (Porjazovski et al.
    2024, section 3.2).
    """
    given, lengths = np.asarray(labels), np.asarray(seconds)
    rng = np.random.default_rng(seed)
    rows = []
    for anchor in range(len(given)):
        same = np.flatnonzero(given == given[anchor])
        positives, negatives = same[same != anchor], np.flatnonzero(given != given[anchor])
        if len(positives) and len(negatives):
            positive = rng.choice(positives)
            negative = negatives[np.abs(lengths[negatives] - lengths[positive]).argmin()]
            rows.append((anchor, positive, negative))
    return np.array(rows, np.int64).reshape(-1, 3)


def triplet_loss(anchor: Tensor, positive: Tensor, negative: Tensor, margin: float = 1.0) -> Tensor:
    """max(d(a, p) - d(a, n) + margin, 0) (...), d the L2 norm, of embeddings (..., K): equation 2."""
    near: Tensor = torch.linalg.vector_norm(anchor - positive, dim=-1)
    far: Tensor = torch.linalg.vector_norm(anchor - negative, dim=-1)
    return (near - far + margin).clamp_min(0.0)


def segmental_loss(
    outputs: SegmentOutputs, targets: Tensor, triplets: npt.NDArray[np.int64], config: SegmentalConfig
) -> Tensor:
    """The loss of `segmental` for one batch (Porjazovski et al. 2024, equations 1 to 4).

    targets (B,); triplets (N, 3) indices into the batch, see `pick_triplets`. The negative log-likelihood of an
    utterance is that of the whole plus that of each of its segments (equation 3); here the batch is averaged, so that
    the learning rate does not depend on its size. On segments, the j-th segments of the three are compared.
    """
    loss = torch.nn.functional.cross_entropy(outputs.whole_logits, targets, reduction="none")
    if config.segments:
        log_p = torch.log_softmax(outputs.segment_logits.float(), -1)
        own = -log_p.gather(2, targets[:, None, None].expand(-1, log_p.shape[1], 1))[:, :, 0]
        loss = loss + (own * outputs.exists).sum(1)
    likelihood = loss.mean()
    if config.triplet == "none" or not len(triplets):
        return likelihood
    a, p, n = (torch.from_numpy(triplets[:, column]).to(targets.device) for column in range(3))
    if config.triplet == "utterance":
        triplet = triplet_loss(outputs.whole[a], outputs.whole[p], outputs.whole[n], config.margin).mean()
    else:
        each = triplet_loss(outputs.segments[a], outputs.segments[p], outputs.segments[n], config.margin)
        exist = outputs.exists[a] & outputs.exists[p] & outputs.exists[n]
        triplet = (each * exist).sum() / exist.sum().clamp_min(1)
    if config.alpha is None:
        return likelihood + triplet
    return (1 - config.alpha) * likelihood + config.alpha * triplet


def camulenet_loss(
    outputs: CamulenetOutputs, targets: Tensor, genders: Tensor | None, config: CamulenetConfig
) -> Tensor:
    """alpha L_cce + beta L_bce + gamma (Goel et al. 2024, equation 4), the mean over the batch of each.

    targets (B,) label indices; genders (B,) 0 or 1 in the order of `GENDERS`, -1 where the corpus does not say: such a
    clip has no second term. gamma is a constant: it moves the loss, and no gradient. Without the second task, or with
    `genders` None, the second term is 0.
    """
    loss = config.alpha * torch.nn.functional.cross_entropy(outputs.logits.float(), targets) + config.gamma
    if outputs.gender is None or genders is None:
        return loss
    known = genders >= 0
    each = torch.nn.functional.binary_cross_entropy_with_logits(
        outputs.gender.float(), genders.clamp_min(0).float(), reduction="none"
    )
    return loss + config.beta * (each * known).sum() / known.sum().clamp_min(1)


def angular_margin_loss(cosines: Tensor, speakers: Tensor, margin: float = 0.2, scale: float = 30.0) -> Tensor:
    """AAM-softmax of cosines (B, S) and speaker indices (B,): Deng et al. (2019), "ArcFace", equation 3.

    The angle (radians) to one's own speaker grows by `margin`, not beyond pi. Lertpetchpun et al. (2025) give neither
    margin nor scale; these are usual in speaker verification.
    """
    angles = torch.acos(cosines.float().clamp(-1 + 1e-6, 1 - 1e-6))
    own = torch.nn.functional.one_hot(speakers, cosines.shape[1]).bool()
    widened = torch.where(own, (angles + margin).clamp_max(torch.pi), angles)
    return torch.nn.functional.cross_entropy(scale * widened.cos(), speakers)


def attributes_loss(
    outputs: AttributeOutputs,
    rated: Tensor,
    genders: Tensor | None = None,
    speakers: Tensor | None = None,
    alpha: float = 1.0,
    beta: float = 0.1,
) -> Tensor:
    """The loss of `attributes` for one batch (Lertpetchpun et al. 2025, equation 1; weights of section 3.2).

    rated (B, 3) in the corpus's range; genders and speakers (B,) indices, which count where the model has the head.
    The emotion's part is the sum over the three attributes of 1 - CCC.
    """
    loss = rated.shape[1] * concordance_loss(outputs.attributes, rated)
    if outputs.gender is not None and genders is not None and (genders >= 0).any():
        # A clip whose gender the corpus does not say (-1) has no such term.
        loss = loss + alpha * torch.nn.functional.cross_entropy(outputs.gender.float(), genders, ignore_index=-1)
    if outputs.speakers is not None and speakers is not None:
        loss = loss + beta * angular_margin_loss(outputs.speakers, speakers)
    return loss
