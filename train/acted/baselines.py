"""Speaker baselines in training: for each utterance, from the other utterances of its speaker in the batch."""

import torch
from torch import Generator, Tensor

from emoscope.models.speaker import FULL_S, SpeakerProfiles, evidence

ENROLLED = 0.3  # share of speakers enrolled with calm utterances; the others have a running baseline


def speaker_profiles(
    embedding: Tensor, calm: Tensor, size: int, seconds: float, generator: Generator
) -> SpeakerProfiles:
    """The profile of the speaker for each of B embeddings (B, K), `size` adjacent ones a speaker.

    calm     (B,) probability that an utterance is calm
    seconds  length of each utterance

    As in `emoscope.models.speaker.learn`: a weighted mean over a random, possibly empty subset of the others. For an
    enrolled speaker only the calm ones count, with full weight.
    """
    groups = len(embedding) // size
    own = embedding.view(groups, size, -1)
    calm = calm.view(groups, size)
    keep = torch.rand(groups, size, 1, generator=generator)
    known = torch.rand(groups, size, size, generator=generator) < keep
    known &= ~torch.eye(size, dtype=torch.bool)
    weight = evidence(calm)[:, None, :].expand(groups, size, size)
    enrolled = torch.rand(groups, 1, 1, generator=generator) < ENROLLED
    weight = torch.where(enrolled, (calm[:, None, :] > 0.5).float(), weight) * known
    total = weight.sum(-1, keepdim=True)
    mean = weight @ own / total.clamp_min(1e-6)
    return SpeakerProfiles(mean.flatten(0, 1), total.flatten() * min(1.0, seconds / FULL_S))
