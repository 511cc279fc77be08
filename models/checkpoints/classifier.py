"""wav2vec 2.0, HuBERT, WavLM and W2V-BERT with a classifier over the mean of their frames.

Two heads are in use. transformers' own `...ForSequenceClassification` (superb's checkpoints) projects each frame, takes
the mean, and classifies. The older `Wav2Vec2ForSpeechClassification` that people copied before transformers had one
(audeering, ehcalabres) takes the mean, then dense, tanh, and out_proj (ehcalabres calls it output). A config says
neither; the names of the weights do. transformers loads the older head at random, with a warning.
"""

from torch import Tensor, nn

from ..encoders import SpeechConfig, speech_encoder
from ..encoders.checkpoint import audio_format
from ..encoders.config import FILTERBANK, WAVEFORM
from ..errors import CardInvalid, HeadMismatch
from .parts import MeanHead, Parts, Snapshot, VoiceFamily, rows_of, split
from .read import Weights

PREFIX = {"wav2vec2": "wav2vec2.", "hubert": "hubert.", "wavlm": "wavlm.", "wav2vec2-bert": "wav2vec2_bert."}
OUTPUTS = ("out_proj", "output")


class ProjectorHead(MeanHead):
    """transformers' head: a projection of each frame, the mean, a classifier."""

    def __init__(self, dim: int, projection: int, outputs: int) -> None:
        super().__init__(projection)
        self.count = outputs
        self.projector = nn.Linear(dim, projection)
        self.classifier = nn.Linear(projection, outputs)

    def frames(self, hidden: Tensor) -> Tensor:
        projected: Tensor = self.projector(hidden)
        return projected

    def forward(self, vector: Tensor) -> Tensor:
        logits: Tensor = self.classifier(vector)
        return logits


class DenseHead(MeanHead):
    """The older head: the mean, dense, tanh, and an output layer that has one of two names."""

    def __init__(self, dim: int, outputs: int, last: str) -> None:
        super().__init__(dim)
        self.last, self.count = last, outputs
        self.classifier = nn.ModuleDict({"dense": nn.Linear(dim, dim), last: nn.Linear(dim, outputs)})

    def forward(self, vector: Tensor) -> Tensor:
        logits: Tensor = self.classifier[self.last](self.classifier["dense"](vector).tanh())
        return logits


def recognises(snapshot: Snapshot) -> bool:
    """Whether it is one of these encoders by its config's `model_type`."""
    return snapshot.config.get("model_type") in (*WAVEFORM, FILTERBANK)


def build(snapshot: Snapshot, weights: Weights) -> Parts:
    """The encoder that its config describes, and the head that its weights belong to."""
    config, where = snapshot.config, snapshot.name
    normalise, rate = audio_format(snapshot.folder, config, snapshot.preprocessor)
    weighted = bool(config.get("use_weighted_layer_sum"))
    encoder = speech_encoder(
        SpeechConfig(model=config, normalise=normalise, sample_rate=rate, layer="weighted" if weighted else "last")
    )
    inside, rest = split(weights, PREFIX[str(config["model_type"])])
    if weighted:
        if "layer_weights" not in rest:
            raise HeadMismatch(f"{where}: its config asks for a weighted sum of layers, but there is no layer_weights")
        inside["layer_weights"] = rest.pop("layer_weights")
    last = next((name for name in OUTPUTS if f"classifier.{name}.weight" in rest), None)
    head: MeanHead
    if last is not None:
        if (mode := config.get("pooling_mode", "mean")) != "mean":
            raise CardInvalid(f"{where}: frames are pooled by {mode!r}; only the mean is read here")
        head = DenseHead(encoder.dim, rows_of(rest, f"classifier.{last}.weight", where), last)
    else:
        heads = ", ".join(sorted({name.partition(".")[0] for name in rest})) or "none"
        hint = f"; the head is {heads}, so this is no classifier of utterances that can be read here"
        projection = rows_of(rest, "projector.weight", where, hint)
        head = ProjectorHead(encoder.dim, projection, rows_of(rest, "classifier.weight", where, hint))
    return Parts(encoder, head, inside, rest)


CLASSIFIER = VoiceFamily(name="classifier", recognises=recognises, build=build)
