"""SpeechBrain's IEMOCAP recipe: wav2vec 2.0 whose output is normalised as a whole, the mean, one linear layer.

Its hyperparams.yaml would make SpeechBrain create any object that it names; here three plain values are read from its
lines, and nothing is created. The tensors are in torch's format, which is read without running code.

The output is normalised over all frames and features at once: (x - m) / sqrt(s + 1e-5) with two numbers m and s. The
mean of such frames follows from the mean and the variance of each feature, so windows merge exactly.
"""

import re

from torch import Tensor, nn

from ..encoders import published, speech_encoder
from ..errors import CardInvalid, HeadMismatch
from ..pool_state import PoolState, SoftmaxState
from ..pooling import StatisticsPooling
from .parts import Head, Parts, Snapshot, VoiceFamily, split
from .read import Weights, read_pickle

HYPERPARAMETERS, LABELS = "hyperparams.yaml", "label_encoder.txt"
ENCODER, HEAD = "wav2vec2.", "model."
EPSILON = 1e-5
ENTRY = re.compile(r"^'([^']+)' => (\d+)\s*$", re.MULTILINE)


class SpeechBrainHead(Head):
    """One linear layer without a bias, named as in a list of modules."""

    def __init__(self, dim: int, outputs: int) -> None:
        super().__init__()
        self.pooling = StatisticsPooling(dim)
        self.count = outputs
        self.linear = nn.Linear(dim, outputs, bias=False)

    def pooled(self, state: PoolState) -> Tensor:
        assert isinstance(state, SoftmaxState)
        mean: Tensor = state.mean.flatten(1)
        spread: Tensor = state.variance.flatten(1)
        centre = mean.mean(1, keepdim=True)
        whole = (spread + (mean - centre).square()).mean(1, keepdim=True)
        return (mean - centre) / (whole + EPSILON).sqrt()

    def forward(self, vector: Tensor) -> Tensor:
        logits: Tensor = self.linear(vector)
        return logits


def recognises(snapshot: Snapshot) -> bool:
    """Whether SpeechBrain's file of hyperparameters is there."""
    return (snapshot.folder / HYPERPARAMETERS).is_file()


def outputs(snapshot: Snapshot) -> tuple[str, ...]:
    """The labels of label_encoder.txt by their numbers; CardInvalid where they are not numbered from 0."""
    path = snapshot.folder / LABELS
    try:
        text = path.read_text(errors="replace").partition("====")[0]
    except OSError:
        raise CardInvalid(f"{snapshot.name}: no {LABELS}, so its outputs have no names") from None
    found = {int(index): label for label, index in ENTRY.findall(text)}
    if not found or sorted(found) != list(range(len(ENTRY.findall(text)))):
        raise CardInvalid(f"{path}: must give each label a number of its own, from 0")
    return tuple(found[index] for index in range(len(found)))


def read(snapshot: Snapshot) -> Weights:
    """The tensors of both files, under the names of their modules."""
    files = {ENCODER: "wav2vec2.ckpt", HEAD: "model.ckpt"}
    return {
        prefix + name: tensor
        for prefix, file in files.items()
        for name, tensor in read_pickle(snapshot.folder / file).items()
    }


def value(text: str, name: str) -> str | None:
    """A plain value of a line `name: value` of YAML at any depth; None where there is none."""
    found = re.search(rf"^\s*{name}:\s*([^\s#!<>]+)\s*(#.*)?$", text, re.MULTILINE)
    return found.group(1).strip("'\"") if found else None


def build(snapshot: Snapshot, weights: Weights) -> Parts:
    """The encoder that the hyperparameters name, in its published shape, and the linear layer."""
    where = snapshot.name
    text = (snapshot.folder / HYPERPARAMETERS).read_text(errors="replace")
    source = value(text, "wav2vec2_hub")
    if source is None:
        raise CardInvalid(f"{where}: {HYPERPARAMETERS} names no wav2vec2_hub, the encoder that it was made from")
    if value(text, "output_norm") not in ("True", "true") or value(text, "return_std") not in ("False", "false"):
        raise CardInvalid(f"{where}: only output_norm: True with return_std: False is read here ({HYPERPARAMETERS})")
    encoder = speech_encoder(published(source).speech())
    inside, rest = split(weights, f"{ENCODER}model.")
    linear = rest.pop(f"{HEAD}0.w.weight", None)
    if linear is None or linear.ndim != 2:
        raise HeadMismatch(f"{where}: model.ckpt has no 0.w.weight, the layer of the labels")
    return Parts(encoder, SpeechBrainHead(encoder.dim, len(linear)), inside, {"linear.weight": linear, **rest})


SPEECHBRAIN = VoiceFamily(
    name="speechbrain",
    recognises=recognises,
    outputs=outputs,
    build=build,
    read=read,
    merging="the mean of its normalised frames follows from their mean and variance, which merge exactly over windows",
    notes=("SpeechBrain adds noise of at most 1e-4 to the mean; here there is none",),
)
