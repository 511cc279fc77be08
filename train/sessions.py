"""What a session would say of cached utterances: the same readings and the same baseline, without the audio.

For choosing between recipes, and for calibration: the figures of the card come through the live path.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from emoscope.models.small import SmallModel
from emoscope.models.voice import VoiceProfile, Voices, calmness, learn

from .features import Utterance
from .pooling import embeddings_of

Baseline = Literal["off", "running", "enrolled"]
Order = Literal["shuffled", "blocks"]


@dataclass(frozen=True)
class Said:
    """What was said of N utterances: logits (N, L), dimensions (N, D)."""

    logits: npt.NDArray[np.float32]
    dimensions: npt.NDArray[np.float32]


def say_all(
    model: SmallModel,
    utterances: Sequence[Utterance],
    baseline: Baseline = "off",
    order: Order = "shuffled",
    enrolled_s: float = 10.0,
    seed: int = 0,
) -> Said:
    """Every utterance, one session a speaker; `enrolled` learns `enrolled_s` of the speaker's calm speech first."""
    with torch.inference_mode():
        embeddings = embeddings_of(model, [torch.from_numpy(u.sound) for u in utterances])
        if baseline == "off":
            logits, dimensions = model.decide(embeddings, None)
            return Said(logits.numpy(), dimensions.numpy())
        labels = model.contract.labels
        said = Said(np.zeros((len(utterances), len(labels)), np.float32), np.zeros((len(utterances), 3), np.float32))
        for rows in _sessions(utterances, order, seed):
            profile = _enrol(embeddings, utterances, rows, enrolled_s) if baseline == "enrolled" else None
            for row in rows:
                voices = None
                if profile is not None:
                    voices = Voices(torch.from_numpy(profile.mean)[None], torch.tensor([profile.weight]))
                logits, dimensions = model.decide(embeddings[row][None], voices)
                said.logits[row], said.dimensions[row] = logits[0].numpy(), dimensions[0].numpy()
                if baseline == "running":
                    # Gated by the reading without the baseline, or a wrong baseline would feed itself.
                    alone = torch.softmax(model.decide(embeddings[row][None], None)[0][0], -1).numpy()
                    seconds = utterances[row].frames / 100
                    profile = learn(profile, embeddings[row].numpy(), calmness(labels, alone), seconds)
        return said


def _sessions(utterances: Sequence[Utterance], order: Order, seed: int) -> Iterator[list[int]]:
    speakers: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, u in enumerate(utterances):
        speakers[u.clip.corpus, u.clip.speaker].append(row)
    rng = np.random.default_rng(seed)
    for rows in speakers.values():
        mixed = [rows[i] for i in rng.permutation(len(rows))]
        if order == "blocks":
            labels = sorted({utterances[row].clip.label for row in rows})
            place = dict(zip(labels, rng.permutation(len(labels)).tolist(), strict=True))
            mixed.sort(key=lambda row: place[utterances[row].clip.label])
        yield mixed


def _enrol(
    embeddings: torch.Tensor, utterances: Sequence[Utterance], rows: Sequence[int], seconds: float
) -> VoiceProfile | None:
    profile, heard = None, 0.0
    for row in sorted(rows):
        if utterances[row].clip.label in ("neutral", "calm") and heard < seconds:
            profile = learn(profile, embeddings[row].numpy(), 1.0, utterances[row].frames / 100)
            heard += utterances[row].frames / 100
    return profile
