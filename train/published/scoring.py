"""Predictions of a published system for whole clips, and their score."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from emoscope.models.systems import AttentiveModel, SegmentalModel

from ..corpora import Clip
from ..corpora.audio import read_clip
from ..evaluation.protocols import Protocol, apply_protocol
from ..evaluation.scores import Probabilities, Truth, answers, macro_f1, uar

Model = AttentiveModel | SegmentalModel

MERGED = {"calm": "neutral"}  # Porjazovski et al. (2024), section 2; `attentive` has no calm either


def target(model: Model, clip: Clip) -> int:
    """The index of a clip's label among the model's labels."""
    return model.contract.labels.index(MERGED.get(clip.label, clip.label))


def gather(clips: Sequence[Clip], model: Model) -> tuple[Tensor, Tensor]:
    """Samples (B, N) of whole clips, padded with zeros, and their lengths (B,), on the model's device."""
    sounds = [torch.from_numpy(read_clip(clip.path, model.contract.sample_rate)) for clip in clips]
    device = next(model.parameters()).device
    lengths = torch.tensor([len(sound) for sound in sounds], device=device)
    return nn.utils.rnn.pad_sequence(sounds, batch_first=True).to(device), lengths


def whole_utterances(model: Model, clips: Sequence[Clip], batch: int) -> Probabilities:
    """(N, L) probabilities for each whole clip at once, as the papers score."""
    model.eval()
    rows = []
    for begin in range(0, len(clips), batch):
        audio, lengths = gather(clips[begin : begin + batch], model)
        with torch.inference_mode():
            rows.append(torch.softmax(model(audio, lengths=lengths).double(), -1).cpu())
    return np.asarray(torch.cat(rows).numpy())


def predicted_and_true(model: Model, clips: Sequence[Clip], scores: Probabilities) -> tuple[Truth, Truth]:
    """Predicted and true label indices (N,), over all labels of the model."""
    protocol = Protocol("", model.contract.labels, MERGED)
    counted, truth = apply_protocol(model.contract.labels, scores, [clip.label for clip in clips], protocol)
    return answers(counted), truth


def selection_score(model: Model, clips: Sequence[Clip], batch: int) -> float:
    """The score that selects the epoch: the paper's own, macro F1 for `attentive`, UAR for `segmental`."""
    predicted, truth = predicted_and_true(model, clips, whole_utterances(model, clips, batch))
    return (macro_f1 if isinstance(model, AttentiveModel) else uar)(predicted, truth)
