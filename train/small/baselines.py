"""The voice's own baseline in training: of each utterance, from the other utterances of its voice in the batch."""

import torch
from torch import Generator, Tensor

from emoscope.models.speaker import FULL_S, SpeakerProfiles, evidence

ENROLLED = 0.3  # of the voices are known by a calm sample, the others by what they said before


def speaker_profiles(
    embedding: Tensor, calm: Tensor, size: int, seconds: float, generator: Generator
) -> SpeakerProfiles:
    """A baseline for each of B embeddings (B, K), those of a voice side by side, `size` each.

    calm     (B,) probability that an utterance is calm
    seconds  length of each utterance

    As in `emoscope.models.speaker.learn`: a weighted mean of some of the others, none of them at times. Of an enrolled
    voice only the calm ones count, and fully.
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
