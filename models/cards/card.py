"""The card of a voice model: what its weights are, what they were trained on, and how well they score."""

import json
from pathlib import Path
from typing import Any, Self

import msgspec

from ..contract import ModelContract
from ..errors import CardInvalid, HeadMismatch
from ..reading import Calibration
from .files import replace_file
from .folder import CARD_FILE, GRAPH_FILE, TOKENIZER_FILE, WEIGHTS_FILE, FolderKind, encode_json

FORMAT = 1


class Audio(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What audio the model takes: lengths in samples, `normalisation` in words."""

    sample_rate: int
    window: int
    hop: int
    frame: int
    lookback: int
    tail: int
    normalisation: str
    reach: int = 0

    @classmethod
    def of(cls, contract: ModelContract, normalisation: str) -> "Audio":
        """What a contract says of audio; `Card.contract` is the way back."""
        return cls(
            sample_rate=contract.sample_rate,
            window=contract.window,
            hop=contract.hop,
            frame=contract.frame,
            lookback=contract.lookback,
            tail=contract.tail,
            normalisation=normalisation,
            reach=contract.reach,
        )


class Corpus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One corpus that the weights have seen."""

    name: str
    speakers: list[str]
    licence: str
    citation: str


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One figure, measured here or published elsewhere (`source`)."""

    corpus: str
    protocol: str
    metric: str
    value: float
    ci95: tuple[float, float] | None = None
    n: int | None = None
    source: str = "measured here"


class CalibrationCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """See `reading.Calibration`."""

    seconds: list[float]
    temperature: list[float]
    unsure_below: float

    @classmethod
    def of(cls, calibration: Calibration) -> "CalibrationCard":
        """A calibration as the card holds it; `Card.calibrated` is the way back."""
        return cls(
            seconds=list(calibration.seconds),
            temperature=list(calibration.temperature),
            unsure_below=calibration.unsure_below,
        )


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a user must know about weights before trusting them.

    tokenizer_sha256  of the tokenizer of a model that reads words; "" where it has none
    graph_sha256      of the graph that runs without torch; "" where there is none
    """

    format: int
    id: str
    version: str
    architecture: str
    config: dict[str, Any]
    audio: Audio
    labels: list[str]
    dimensions: list[str]
    derived: bool
    baseline: bool = False
    calibration: CalibrationCard
    languages: list[str]
    licence: str
    data: list[Corpus]
    training: dict[str, Any]
    scores: list[Score]
    notes: list[str]
    weights_sha256: str
    tokenizer_sha256: str = ""
    graph_sha256: str = ""

    def checked(self) -> Self:
        """The card itself; CardInvalid for a contract or a calibration that cannot be used."""
        self.contract()
        self.calibrated()
        return self

    def contract(self) -> ModelContract:
        a = self.audio
        return ModelContract(
            id=self.id,
            labels=tuple(self.labels),
            dimensions=tuple(self.dimensions),
            derived=self.derived,
            baseline=self.baseline,
            sample_rate=a.sample_rate,
            window=a.window,
            hop=a.hop,
            frame=a.frame,
            lookback=a.lookback,
            tail=a.tail,
            reach=a.reach,
            languages=tuple(self.languages),
            licence=self.licence,
            weights=self.weights_sha256,
        )

    def calibrated(self) -> Calibration:
        c = self.calibration
        if (
            len(c.seconds) != len(c.temperature)
            or sorted(c.seconds) != c.seconds
            or not (c.temperature and 0.01 <= min(c.temperature) <= max(c.temperature) <= 100)
        ):
            raise CardInvalid(
                f"card {self.id}: calibration needs rising seconds and as many temperatures from 0.01 to 100; got "
                f"{c.seconds} and {c.temperature}"
            )
        if not 0 <= c.unsure_below <= 1:
            raise CardInvalid(f"card {self.id}: unsure_below must lie between 0 and 1; got {c.unsure_below}")
        return Calibration(seconds=tuple(c.seconds), temperature=tuple(c.temperature), unsure_below=c.unsure_below)


VOICE = FolderKind(
    noun="model",
    prefix="",
    card=Card,
    format=FORMAT,
    digests={WEIGHTS_FILE: "weights_sha256"},
    optional={TOKENIZER_FILE: "tokenizer_sha256", GRAPH_FILE: "graph_sha256"},
    advice=f"`--model small` works offline, or give a folder with {CARD_FILE} and {WEIGHTS_FILE}",
)
"""Models of the voice, as they lie on disk."""


def read_card(folder: Path) -> Card:
    """The card of the voice model in a folder; CardInvalid names the field that is wrong."""
    return VOICE.read_card(folder)


def write_card(folder: Path, card: Card) -> None:
    """Write the card whole or not at all."""
    replace_file(folder / CARD_FILE, encode_json(card))


def check_labels(folder: Path, card: Card, metadata: dict[str, str]) -> None:
    """HeadMismatch where the weights were saved for other labels than the card's, or in another order.

    As many labels in another order fit by their shapes, and every reading would be wrong.
    """
    try:
        labels = json.loads(metadata["labels"])
    except KeyError:
        labels = None
    except ValueError as error:
        raise HeadMismatch(f"{folder / WEIGHTS_FILE}: its list of labels cannot be read: {error}") from None
    if labels != card.labels:
        raise HeadMismatch(
            f"{folder}: the card's labels are {card.labels}, but the weights were saved for "
            f"{'no labels that they name' if labels is None else labels}, in that order; the card is another model's, "
            "or was edited"
        )
