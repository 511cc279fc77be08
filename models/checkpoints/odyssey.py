"""The baseline of the Odyssey 2024 challenge (3loi): WavLM, attentive statistics, and a network of layers.

Goncalves et al. (2024), "Odyssey 2024 speech emotion recognition challenge: dataset, baseline framework, and results".
The waveform is normalised by the training set's mean and deviation, which the config holds; the repository's own code
is not run. Attentive statistics are one softmax over all frames, so windows merge exactly.
"""

import torch
from torch import Tensor, nn

from ..encoders import published, speech_encoder
from ..errors import CardInvalid, HeadMismatch
from ..pool_state import PoolState, SoftmaxState
from ..pooling.base import without_autocast
from ..pooling.softmax import SoftmaxPooling
from .parts import Head, Parts, Snapshot, VoiceFamily, rows_of, split
from .read import Weights

FLOOR = 1e-5  # of the variance, under its root
EPSILON = 1e-6  # added to the deviation that divides the waveform
ENCODER = "ssl_model."


class OdysseyPooling(SoftmaxPooling):
    """Attentive statistics (Okabe et al. 2018) with the checkpoint's names: weights softmax(tanh(W x + b) u)."""

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.sap_linear = nn.Linear(dim, dim)
        self.attention = nn.Parameter(torch.empty(dim, 1))

    def scores(self, features: Tensor) -> Tensor:
        with without_autocast(features):  # in half precision the steps between large scores are too coarse
            raw: Tensor = torch.tanh(self.sap_linear(features.float())) @ self.attention
        return raw[..., None]


class OdysseyNetwork(nn.Module):
    """Linear layers with normalisation and ReLU, then the outputs."""

    def __init__(self, width: int, hidden: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.ModuleList(
            nn.Sequential(nn.Linear(width if i == 0 else hidden, hidden), nn.LayerNorm(hidden), nn.ReLU())
            for i in range(layers)
        )
        self.out = nn.Sequential(nn.Linear(hidden, outputs))

    def forward(self, vector: Tensor) -> Tensor:
        for layer in self.fc:
            vector = layer(vector)
        outputs: Tensor = self.out(vector)
        return outputs


class OdysseyHead(Head):
    """Pooling and network of the baseline."""

    def __init__(self, dim: int, hidden: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.pool_model = OdysseyPooling(dim)
        self.ser_model = OdysseyNetwork(2 * dim, hidden, layers, outputs)
        self.count = outputs

    @property
    def pooling(self) -> OdysseyPooling:  # type: ignore[override]
        return self.pool_model

    def pooled(self, state: PoolState) -> Tensor:
        assert isinstance(state, SoftmaxState)
        deviation: Tensor = state.variance.clamp_min(FLOOR).sqrt()
        return torch.cat([state.mean.flatten(1), deviation.flatten(1)], 1)

    def forward(self, vector: Tensor) -> Tensor:
        outputs: Tensor = self.ser_model(vector)
        return outputs


def recognises(snapshot: Snapshot) -> bool:
    """Whether the config is of the baseline's own class."""
    return "ssl_type" in snapshot.config


def build(snapshot: Snapshot, weights: Weights) -> Parts:
    """The encoder that the config names, in its published shape, and the head that the weights describe."""
    config, where = snapshot.config, snapshot.name
    mean, deviation = config.get("mean"), config.get("std")
    if not isinstance(mean, float | int) or not isinstance(deviation, float | int) or not deviation > 0:
        raise CardInvalid(f"{where}: its config has no mean and std, by which its waveform must be normalised")
    chosen = published(str(config["ssl_type"]))
    rate = config.get("sampling_rate", 16_000)
    encoder = speech_encoder(
        chosen.speech(normalise=(float(mean), float(deviation) + EPSILON), sample_rate=rate, checkpoint=None)
    )
    inside, rest = split(weights, ENCODER)
    layers = len({name.split(".")[2] for name in rest if name.startswith("ser_model.fc.")})
    if not layers:
        raise HeadMismatch(f"{where}: no layers ser_model.fc")
    hidden = rows_of(rest, "ser_model.fc.0.0.weight", where)
    head = OdysseyHead(encoder.dim, hidden, layers, rows_of(rest, "ser_model.out.0.weight", where))
    return Parts(encoder, head, inside, rest)


ODYSSEY = VoiceFamily(
    name="odyssey",
    recognises=recognises,
    build=build,
    merging="its attentive statistics are one softmax over all frames, which merges exactly over windows",
)
