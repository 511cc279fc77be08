"""Vox-Profile's WavLM (tiantiaf): a learned sum of all layers, three pointwise convolutions, the mean, and heads.

Feng et al. (2025), "Vox-Profile: a speech foundation model benchmark for characterizing diverse speaker and speech
traits". The config holds the arguments of the authors' class, and no labels: the dimensions are the names of their
heads' weights, and the nine labels are those of the authors' page, in its order. Windows are 6 s: the authors call
shorter clips than 3 s unreliable, and learned from 3 to 15 s.
"""

import torch
from torch import Tensor, nn

from ..encoders import published, speech_encoder
from ..errors import CardInvalid, HeadMismatch
from ..reading import DIMENSIONS
from .parts import MEAN, MeanHead, Parts, Snapshot, VoiceFamily, rows_of, split, without
from .read import Weights
from .rows import row_of

ENCODERS = {"wavlm_large": "microsoft/wavlm-large", "wavlm": "microsoft/wavlm-base-plus"}
LABELS = ("Anger", "Contempt", "Disgust", "Fear", "Happiness", "Neutral", "Sadness", "Surprise", "Other")
BACKBONE, EMOTION, DETAILED = "backbone_model.", "emotion_layer.", "detailed_out_layer."
LAYERS = tuple(f"{name}_layer." for name in DIMENSIONS)
ALPHA = 1.0  # loralib's default: an update counts alpha / rank


class VoxProfileHead(MeanHead):
    """The convolutions, and one head of labels or a head a dimension with a sigmoid."""

    def __init__(self, width: int, hidden: int, labels: int) -> None:
        super().__init__(hidden)
        self.model_seq = nn.Sequential(
            nn.Conv1d(width, hidden, 1), nn.ReLU(), nn.Dropout(0.1), nn.Conv1d(hidden, hidden, 1), nn.ReLU(),
            nn.Dropout(0.1), nn.Conv1d(hidden, hidden, 1),
        )  # fmt: skip
        self.labels, self.count = labels, labels or len(DIMENSIONS)
        if labels:
            self.emotion_layer = _layers(hidden, labels)
        else:
            self.arousal_layer, self.valence_layer, self.dominance_layer = (_layers(hidden, 1) for _ in DIMENSIONS)

    def frames(self, hidden: Tensor) -> Tensor:
        convolved: Tensor = self.model_seq(hidden.transpose(1, 2))
        return convolved.transpose(1, 2)

    def forward(self, vector: Tensor) -> Tensor:
        if self.labels:
            logits: Tensor = self.emotion_layer(vector)
            return logits
        heads = (self.arousal_layer, self.valence_layer, self.dominance_layer)
        return torch.sigmoid(torch.cat([head(vector) for head in heads], 1))


def _layers(hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def recognises(snapshot: Snapshot) -> bool:
    """Whether the config holds the arguments of the authors' class."""
    return bool({"pretrain_model", "finetune_method"} & snapshot.config.keys())


def outputs(snapshot: Snapshot) -> tuple[str, ...]:
    """The dimensions, or the authors' nine labels, by which heads there are.

    Where there are both, what is known of the checkpoint by its name decides, else the labels.
    """
    names = snapshot.tensor_names
    attributes = all(any(name.startswith(layer) for name in names) for layer in LAYERS)
    row = row_of(snapshot.name)
    if attributes and (row.outputs == DIMENSIONS if row else not any(name.startswith(EMOTION) for name in names)):
        return DIMENSIONS
    count = snapshot.config.get("output_class_num", len(LABELS))
    if count != len(LABELS):
        raise CardInvalid(
            f"{snapshot.name}: {count} labels, which its config does not name; the {len(LABELS)} labels of the authors "
            "are known"
        )
    return LABELS


def build(snapshot: Snapshot, weights: Weights) -> Parts:
    """WavLM in its published shape with a learned sum of layers, and the head that the outputs ask for."""
    config, where = snapshot.config, snapshot.name
    chosen = config.get("pretrain_model", "wavlm_large")
    if chosen not in ENCODERS:
        raise CardInvalid(f"{where}: encoder {chosen!r}; known are {', '.join(ENCODERS)}")
    encoder = speech_encoder(published(ENCODERS[chosen]).speech(layer="weighted"))
    inside, rest = split(weights, BACKBONE)
    inside = merged(inside, where)
    if "weights" not in rest:
        raise HeadMismatch(f"{where}: no weights of the sum of layers")
    sums = rest.pop("weights")
    if not config.get("use_conv_output", True):  # the state below the first layer has no share
        sums = torch.cat([torch.full((1,), -torch.inf), sums])
    inside["layer_weights"] = sums
    attributes = outputs(snapshot) == DIMENSIONS
    unused = (DETAILED, EMOTION) if attributes else (DETAILED, *LAYERS)
    labels = 0 if attributes else rows_of(rest, "emotion_layer.2.weight", where)
    hidden = rest.get("model_seq.0.bias")
    if hidden is None:
        raise HeadMismatch(f"{where}: no convolutions model_seq")
    return Parts(encoder, VoxProfileHead(encoder.dim, len(hidden), labels), inside, without(rest, unused))


def merged(weights: Weights, where: str) -> Weights:
    """Weights with their low-rank updates added, as the authors' class does when it is set to evaluate."""
    plain = {name: tensor for name, tensor in weights.items() if ".lora_" not in name}
    for name, up in weights.items():
        if not name.endswith(".lora_B"):
            continue
        stem = name.removesuffix(".lora_B")
        down, base = weights.get(f"{stem}.lora_A"), plain.get(f"{stem}.weight")
        if down is None or base is None or base.shape != (len(up), down.shape[1]) or up.shape[1] != len(down):
            raise HeadMismatch(f"{where}: the low-rank update {stem} does not fit its weight")
        plain[f"{stem}.weight"] = base + up @ down * (ALPHA / len(down))
    return plain


VOX_PROFILE = VoiceFamily(
    name="vox-profile",
    recognises=recognises,
    outputs=outputs,
    build=build,
    seconds=(6.0, 3.0),
    reliable_from=3.0,
    merging=MEAN,
    notes=("its authors learned from clips of 3 to 15 s",),
)
