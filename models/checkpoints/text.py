"""Checkpoints of text: a sentence to emotions. The voice says nothing here; the words of the recognizer are read.

The network is transformers' own class, built from the config, with every weight fitted: transformers would fill a head
that is missing with random numbers. Probabilities are a softmax, or for a model of several labels at once (GoEmotions')
a sigmoid each: of the outputs that have one name here the surest counts, and the names are then made to add up to 1.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..cards.weights import check_fit
from ..contract import ModelContract
from ..encoders import text_tokenizer
from ..encoders.build import SAVED
from ..errors import CardInvalid
from ..languages import is_known
from ..model import Encoded, StreamModel, frame_mask
from ..pool_state import PoolState
from ..pooling import AveragePooling
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..text import TextReading
from .labels import LabelMap
from .model import CHECKPOINT, grouped
from .parts import Family, Snapshot
from .read import Weights

KINDS = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "deberta-v2")
SEVERAL = "multi_label_classification"
OFFSET = ("roberta", "xlm-roberta", "camembert")  # these count positions from the padding id + 1
# Buffers that older versions saved, and a pooler that a body was saved with and no classifier of this kind uses.
IDLE = re.compile(r"(^|\.)(position_ids|token_type_ids)$|^(roberta|camembert)\.pooler\.")


class TextReader:
    """Reads the words of an utterance with a checkpoint: as `text.WordReader` does.

    labels     the project's names
    languages  that it was trained on; () where that is not known
    limit      tokens that it takes; of a longer text the last are read
    """

    def __init__(
        self, network: nn.Module, encode: Callable[[str], list[int]], names: LabelMap, languages: Sequence[str],
        *, several: bool, limit: int,
    ) -> None:  # fmt: skip
        self._network, self._encode, self._names, self._several = network, encode, names, several
        self.labels, self.languages, self.limit = names.labels, tuple(languages), limit
        self._last: tuple[str, TextReading] | None = None

    def read(self, words: Sequence[str], language: str | None = None) -> TextReading | None:
        """Scores of the words; None where nothing was said, or in a language that it was not trained on."""
        known = not self.languages or is_known(language, self.languages)
        said = " ".join(word.strip() for word in words).strip()
        if not known or not said:
            return None
        if self._last is None or self._last[0] != said:  # readings between two passes of a recognizer have its words
            self._last = said, self._read(said)
        return self._last[1]

    def _read(self, said: str) -> TextReading:
        scores = self.scores(said)
        even = np.full(len(scores), 1 / len(scores), np.float32)  # its training data's shares are not known
        return TextReading(scores, even, np.zeros(0, np.float32), scores, tells=1.0, known=1.0)

    def scores(self, said: str) -> "np.ndarray[Any, np.dtype[np.float32]]":
        """Probabilities (L,) of the project's labels, sum 1."""
        ids = self._encode(said)
        if len(ids) > self.limit:  # the token that begins a text, and its end
            ids = [ids[0], *ids[len(ids) - self.limit + 1 :]]
        device = next(self._network.parameters()).device
        given = torch.tensor([ids], device=device)
        with torch.inference_mode():
            logits: Tensor = self._network(input_ids=given, attention_mask=torch.ones_like(given)).logits.float()
            if self._several:
                sure = torch.sigmoid(logits)[0]
                columns = [
                    sure[[i for i, one in enumerate(self._names.of) if one == label]].max()
                    for label in range(len(self.labels))
                ]
                found = torch.stack(columns)
                found = found / found.sum()
            else:
                found = grouped(torch.log_softmax(logits, 1), self._names)[0].exp()
        return np.asarray(found.cpu().numpy(), np.float32)


class WordsModel(StreamModel):
    """A model that says of the voice nothing at all, and of the words what its checkpoint says.

    All labels are scored alike until there are words, and a reading is then `unsure`.
    """

    architecture = CHECKPOINT
    padding_is_exact = True

    def __init__(
        self, network: nn.Module, reader: TextReader, contract: ModelContract, calibration: Calibration
    ) -> None:
        super().__init__()
        self.contract, self.calibration = contract, calibration
        self.network, self.words = network, reader
        self.pooling = AveragePooling(1)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`; no sample is looked at."""
        frames = (audio.shape[1] - self.contract.lookback) // self.contract.frame
        mask = frame_mask(owned[:, 0], owned[:, 1], frames)
        state, scores = self.pooling.summarise(audio.new_zeros(len(audio), frames, 1), mask)
        return Encoded(state, scores.flatten(2))

    def logits(self, state: PoolState, speakers: SpeakerProfiles | None = None) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`: zeros, and no dimensions."""
        mean = self.pooling.read(state)  # type: ignore[arg-type]
        return mean.new_zeros(len(mean), len(self.contract.labels)), mean.new_zeros(len(mean), 0)


def recognises(snapshot: Snapshot) -> bool:
    """Whether it is a text model of a known kind by its config's `model_type`."""
    return snapshot.config.get("model_type") in KINDS


def load_words(snapshot: Snapshot, names: LabelMap, contract: ModelContract, calibration: Calibration) -> WordsModel:
    """The network with every weight fitted, and its own tokenizer. CardInvalid, HeadMismatch or ModelError."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    if not names.labels:
        raise CardInvalid(f"{snapshot.name}: a text model of dimensions cannot be read here")
    fields = {key: value for key, value in snapshot.config.items() if key not in (*SAVED, "auto_map")}
    config = AutoConfig.for_model(snapshot.config["model_type"], **fields)
    make: Any = AutoModelForSequenceClassification.from_config
    network: nn.Module = make(config, trust_remote_code=False)
    fit(network, snapshot.weights, snapshot.name)
    reserved = int(config.pad_token_id or 0) + 1 if config.model_type in OFFSET else 0
    reader = TextReader(
        network.eval(), text_tokenizer(snapshot.folder), names, contract.languages,
        several=config.problem_type == SEVERAL, limit=int(config.max_position_embeddings) - reserved,
    )  # fmt: skip
    return WordsModel(network, reader, contract, calibration)


def fit(network: nn.Module, weights: Weights, where: str) -> None:
    """Load a classifier; HeadMismatch names what is missing, unexpected or of another shape."""
    state = network.state_dict()
    old = {name: name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
           for name in weights}  # fmt: skip
    offered = {old[name]: tensor for name, tensor in weights.items() if old[name] in state or not IDLE.search(name)}
    check_fit({name: tensor for name, tensor in state.items() if not IDLE.search(name)}, offered, where, "its config")
    network.load_state_dict({**state, **offered})


TEXT = Family(
    name="text",
    recognises=recognises,
    seconds=(1.6, 0.8),
    merging="the words of the whole utterance are read at once; the voice says nothing, so it needs a recognizer",
    notes=("which words counted is not told",),
)
