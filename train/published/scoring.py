"""Predictions of a published system for whole clips, and the score that chooses its epoch."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from emoscope.models.encoders import Tokens
from emoscope.models.systems import (
    AttentiveModel,
    AttributesModel,
    CamulenetModel,
    EmospeechModel,
    SegmentalModel,
)
from emoscope.models.text_model import TextModel

from ..corpora import Clip
from ..corpora.audio import Samples, read_clip
from ..evaluation.conditions import Rng
from ..evaluation.protocols import Protocol, apply_protocol
from ..evaluation.scores import Probabilities, Truth, answers, confusion, macro_f1, uar, weighted_f1_of
from .augment import Augment
from .sampling import balanced_ccc, label_for

Model = AttentiveModel | SegmentalModel | EmospeechModel | CamulenetModel | AttributesModel

MERGED = {"calm": "neutral"}
CHOSEN_BY = {
    "attentive": "macro F1",
    "segmental": "UAR",
    "emospeech": "macro F1",
    "camulenet": "weighted F1",
    "attributes": "balanced CCC",
}
"""What chooses the epoch. Of `attentive`, `segmental` and `camulenet` the papers do not say: the paper's own score."""


def target(model: Model, clip: Clip) -> int:
    """The index of a clip's label among the model's labels."""
    return model.contract.labels.index(label_for(model.contract.labels, clip.label) or clip.label)


def cut(audio: Samples, crop_s: float | None, longest_s: float | None, rate: int, rng: Rng | None) -> Samples:
    """A random part of `crop_s`, a shorter clip repeated to fill it (training alone); and at most `longest_s`.

    Casals-Salvador et al. (2024), section 4: 5.5 s; Lertpetchpun et al. (2025), section 3.2: 15 s.
    """
    if longest_s is not None:
        audio = audio[: round(longest_s * rate)]
    if crop_s is None or rng is None:
        return audio
    count = round(crop_s * rate)
    if len(audio) < count:
        return np.resize(audio, count)
    first = int(rng.integers(len(audio) - count + 1))
    return audio[first : first + count]


def gather(
    clips: Sequence[Clip],
    model: Model,
    *,
    crop_s: float | None = None,
    longest_s: float | None = None,
    augment: Augment | None = None,
    rng: Rng | None = None,
) -> tuple[Tensor, Tensor]:
    """Samples (B, N) of clips, padded with zeros, and their lengths (B,), on the model's device.

    rng  of a training step: then clips are augmented and cut; without one they are whole, to `longest_s`
    """
    rate, sounds = model.contract.sample_rate, []
    for clip in clips:
        audio = read_clip(clip.path, rate)
        if augment is not None and rng is not None:
            audio = augment(audio, rng)
        sounds.append(torch.from_numpy(np.ascontiguousarray(cut(audio, crop_s, longest_s, rate, rng))))
    device = next(model.parameters()).device
    lengths = torch.tensor([len(sound) for sound in sounds], device=device)
    return nn.utils.rnn.pad_sequence(sounds, batch_first=True).to(device), lengths


def tokens_of(model: Model, clips: Sequence[Clip]) -> Tokens | None:
    """Tokens of the clips' transcripts; None for a model that reads no words."""
    if not isinstance(model, TextModel) or model.tokenizer is None:
        return None
    return model.tokens([clip.text for clip in clips])


def answers_of(model: Model, clips: Sequence[Clip], batch: int, longest_s: float | None = None) -> Tensor:
    """Logits (N, L), or ratings (N, 3) of `attributes`, for each whole clip at once, as the papers score."""
    model.eval()
    rows = []
    for begin in range(0, len(clips), batch):
        some = clips[begin : begin + batch]
        audio, lengths = gather(some, model, longest_s=longest_s)
        with torch.inference_mode():
            if isinstance(model, SegmentalModel | CamulenetModel):
                rows.append(model(audio, lengths=lengths).double().cpu())
            else:
                rows.append(model(audio, tokens_of(model, some), lengths=lengths).double().cpu())
    return torch.cat(rows)


def whole_utterances(model: Model, clips: Sequence[Clip], batch: int) -> Probabilities:
    """(N, L) probabilities for each whole clip at once, as the papers score."""
    return np.asarray(torch.softmax(answers_of(model, clips, batch), -1).numpy())


def predicted_and_true(model: Model, clips: Sequence[Clip], scores: Probabilities) -> tuple[Truth, Truth]:
    """Predicted and true label indices (N,), over all labels of the model."""
    merged = {} if "calm" in model.contract.labels else MERGED
    protocol = Protocol("", model.contract.labels, merged)
    counted, truth = apply_protocol(model.contract.labels, scores, [clip.label for clip in clips], protocol)
    return answers(counted), truth


def ratings(model: AttributesModel, clips: Sequence[Clip]) -> npt.NDArray[np.float64]:
    """What the raters said (N, 3), on the scale of the model."""
    low, high = model.config.low, model.config.high
    rated = np.array([clip.dimensions or (0.0, 0.0, 0.0) for clip in clips], np.float64)
    return (rated + 1) / 2 * (high - low) + low


def selection_score(model: Model, clips: Sequence[Clip], batch: int) -> float:
    """The score that selects the epoch: CHOSEN_BY."""
    if isinstance(model, AttributesModel):
        said = answers_of(model, clips, batch).numpy()
        return balanced_ccc(said, ratings(model, clips), [clip.label for clip in clips])
    predicted, truth = predicted_and_true(model, clips, whole_utterances(model, clips, batch))
    if isinstance(model, CamulenetModel):
        return float(weighted_f1_of(confusion(predicted, truth, len(model.contract.labels))))
    return (uar if isinstance(model, SegmentalModel) else macro_f1)(predicted, truth)
