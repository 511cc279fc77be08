"""Frozen encoders, and the head that is trained over each: the rest of a model that streams.

small    the convolutions of the shipped `small`, with attentive pooling and a linear head of their own
whisper  the lower layers of Whisper-base, the user's own copy, under one new head of the shape of `whisper`'s
NAME     a public speech encoder in transformers' layout, under attentive pooling and an MLP (`attentive`, voice alone)
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from emoscope.models.cards import Corpus as CorpusCard
from emoscope.models.contract import ModelContract
from emoscope.models.encoders import checkpoint_folder, speech_checkpoint
from emoscope.models.model import StreamModel
from emoscope.models.pooling import make_pooling
from emoscope.models.reading import DIMENSIONS, Calibration
from emoscope.models.relative import RelativeModel
from emoscope.models.small import SmallModel
from emoscope.models.store import card_of, load_model
from emoscope.models.systems import AttentiveConfig, AttentiveModel
from emoscope.models.systems.attentive import classifier
from emoscope.models.whisper import WhisperConfig, WhisperModel
from emoscope.models.whisper.checkpoint import digests_of, load_encoder
from emoscope.models.whisper.encoder import DIM, STATES, LowerWhisper

from ..acted.objective import follow_embeddings
from ..acted.utterances import Utterance
from ..whisper.fitting import set_statistics
from ..whisper.recipe import CONTRACT as WHISPER_CONTRACT

POOLING = "MQMHA-2x2"


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What a new model is to say: its name, labels, dimensions and languages."""

    name: str
    labels: tuple[str, ...]
    dimensions: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    def contract(self, shape: ModelContract) -> ModelContract:
        """The windows of `shape`, with these answers and no speaker baseline."""
        return replace(
            shape, id=self.name, labels=self.labels, dimensions=self.dimensions, languages=self.languages,
            baseline=False, licence="", weights="",
        )  # fmt: skip


class Head(ABC):
    """A head over frames: `trained` is what the training loop sees, `model` what the stream gets."""

    trained: nn.Module

    def begin(self, utterances: Sequence[Utterance]) -> None:
        """Take what must be known of the training speech before the first step: by default nothing."""
        return

    def standard(self, frames: Tensor) -> Tensor:
        """What of an encoder's frames (B, T, width) `outputs` takes (B, T, W), once `begin` was called: all of it."""
        return frames

    @abstractmethod
    def outputs(self, frames: Tensor, mask: Tensor, step: int | None = None) -> tuple[Tensor, Tensor]:
        """Logits (B, L) and dimensions (B, D) of `standard` frames (B, T, W) where mask (B, T) is true.

        step  the number of the step in training, None else
        """

    @abstractmethod
    def model(self) -> StreamModel:
        """The whole model with its encoder, in eval mode."""


class FrozenEncoder(ABC):
    """An encoder with its windows. `frames` gives what a head learns from, `width` numbers a frame.

    parent  the data that the encoder learned labels from, where it did: on those voices scores flatter
    """

    name: str
    contract: ModelContract
    width: int
    parent: Sequence[CorpusCard] = ()
    dimensions = True  # whether its heads can say arousal, valence and dominance

    @abstractmethod
    def frames(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """Frames (B, T, width) of windows of audio (B, lookback + N), each of its full length."""

    @abstractmethod
    def digest(self) -> str:
        """Names the encoder in the cache's key: it changes with every weight."""

    @abstractmethod
    def head(self, answers: Answers) -> Head:
        """A head with fresh weights from torch's generator."""


class RelativeHead(Head):
    """The head of `small` or `whisper`, whose models pool frames by themselves."""

    def __init__(self, made: RelativeModel) -> None:
        self.made = self.trained = made

    def outputs(self, frames: Tensor, mask: Tensor, step: int | None = None) -> tuple[Tensor, Tensor]:
        embedding = self.embedding(frames, mask)
        if step is not None:
            follow_embeddings(self.made, embedding.detach(), step)
        return self.made.decide(embedding, None)

    def embedding(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Pooled vectors (B, K)."""
        return self.made.embed(self.made.pooling.summarise(frames, mask)[0])

    def model(self) -> StreamModel:
        return self.made.eval()


class SmallEncoder(FrozenEncoder):
    """The front end and the convolutions of the shipped `small`."""

    name = "small"

    def __init__(self) -> None:
        shipped = load_model("small")
        assert isinstance(shipped, SmallModel)
        self._shipped = shipped
        self.contract, self.width = shipped.contract, shipped.config.dim
        self.parent = card_of("small").data

    def frames(self, audio: Tensor, lengths: Tensor) -> Tensor:
        made: Tensor = self._shipped.encoder(self._shipped.frontend(audio), None)
        return made

    def digest(self) -> str:
        return self.contract.weights

    def head(self, answers: Answers) -> Head:
        made = SmallModel(self._shipped.config, answers.contract(self.contract), Calibration())
        made.encoder.load_state_dict(self._shipped.encoder.state_dict())
        made.frontend.load_state_dict(self._shipped.frontend.state_dict())
        made.encoder.requires_grad_(False)
        return RelativeHead(made)


class WhisperHead(RelativeHead):
    """One head of the shape of `whisper`'s, over its standardised states."""

    made: WhisperModel

    def begin(self, utterances: Sequence[Utterance]) -> None:
        set_statistics(self.made, utterances)

    def standard(self, frames: Tensor) -> Tensor:
        return self.made.standardise(frames.reshape(*frames.shape[:2], len(STATES), DIM))

    def embedding(self, frames: Tensor, mask: Tensor) -> Tensor:
        owned = torch.stack([torch.zeros_like(mask[:, 0], dtype=torch.long), mask.sum(1)], 1)
        return self.made.embed(self.made.pool_states(frames, owned).state)


class WhisperEncoder(FrozenEncoder):
    """The lower layers of Whisper-base, the user's own copy. NotCached where there is none."""

    name = "whisper"
    contract = WHISPER_CONTRACT
    width = len(STATES) * DIM

    def __init__(self) -> None:
        self._weights = load_encoder()
        self._digests = digests_of(self._weights)
        self._lower = LowerWhisper.of(self._weights)

    def frames(self, audio: Tensor, lengths: Tensor) -> Tensor:
        return self._lower.states(audio, lengths).flatten(2)

    def digest(self) -> str:
        return ",".join(self._digests.values())

    def head(self, answers: Answers) -> Head:
        config = WhisperConfig(members=1, encoder=self._digests)
        made = WhisperModel(config, answers.contract(WHISPER_CONTRACT), Calibration())
        made.attach(self._weights)
        return WhisperHead(made)


class PublicHead(Head):
    """Attentive pooling and an MLP over the hidden states of a public encoder."""

    def __init__(self, config: AttentiveConfig, contract: ModelContract, speech: nn.Module, dim: int) -> None:
        self._config, self._contract, self._speech = config, contract, speech
        self.pooling = make_pooling(config.pooling, dim)
        self.classifier = classifier(self.pooling.width, config, len(contract.labels))
        self.trained = nn.ModuleDict({"pooling": self.pooling, "classifier": self.classifier})

    def outputs(self, frames: Tensor, mask: Tensor, step: int | None = None) -> tuple[Tensor, Tensor]:
        logits: Tensor = self.classifier(self.pooling(frames, mask))
        return logits, logits[:, :0]

    def model(self) -> StreamModel:
        made = AttentiveModel(self._config, self._contract, Calibration())
        made.speech.load_state_dict(self._speech.state_dict())
        made.pooling.load_state_dict(self.pooling.state_dict())
        made.classifier.load_state_dict(self.classifier.state_dict())
        return made.eval()


class PublicEncoder(FrozenEncoder):
    """A speech encoder that transformers or the hub's cache has here; `layer` is the state that it gives."""

    dimensions = False

    def __init__(self, name: str, layer: int | None = None, pooling: str = POOLING) -> None:
        changes: dict[str, Any] = {"whisper_pad_s": 0.0, "layer": "last" if layer is None else layer}
        self.name, self._pooling = name, pooling
        self._speech = speech_checkpoint(checkpoint_folder(name), **changes).requires_grad_(False).eval()
        self.width = self._speech.dim
        frame = self._speech.frame
        self.contract = ModelContract(
            id=name, labels=("unknown",), window=100 * frame, hop=50 * frame, frame=frame,
            lookback=self._speech.lookback, tail=10 * frame,
        )  # fmt: skip

    def frames(self, audio: Tensor, lengths: Tensor) -> Tensor:
        hidden: Tensor = self._speech(audio, lengths)[0]
        return hidden

    def digest(self) -> str:
        return ",".join([str(self._speech.config.layer), *digests_of(self._speech.model.state_dict()).values()])

    def head(self, answers: Answers) -> Head:
        config = AttentiveConfig(
            speech=asdict(self._speech.config), text={}, pooling=self._pooling, modalities="audio", dropout=0.3
        )
        return PublicHead(config, answers.contract(self.contract), self._speech, self.width)


def frozen_encoder(name: str, layer: int | None = None) -> FrozenEncoder:
    """The encoder of a name; NotCached says how to get one that is not on this machine."""
    if name == "small":
        return SmallEncoder()
    return WhisperEncoder() if name == "whisper" else PublicEncoder(name, layer)


def dimensions_of(encoder: FrozenEncoder, rated: bool) -> tuple[str, ...]:
    """The dimensions that a head over this encoder can say, from clips that are all rated or not."""
    return DIMENSIONS if rated and encoder.dimensions else ()
