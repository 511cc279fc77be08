"""The card of a text branch: what its weights are, what they were trained on, and how well they score."""

from typing import Any, Self

import msgspec

from ..cards import WEIGHTS_FILE, Corpus, Score
from ..cards.folder import TEXT_PREFIX, FolderKind
from ..errors import CardInvalid

FORMAT = 1
ARCHITECTURE = "words"
VOCABULARY_FILE = "vocabulary.json"


class TextCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Everything a user must know about a text branch before trusting it.

    classes      what the network tells apart, as its corpus names them
    class_prior  share of each among the sentences that it learned from
    label_of     which of `labels` each class is
    shares       for a class that words cannot tell from others (calm and bored from neutral): how it is shared out
    temperature  divides the logits, then bias (a class) is added: Guo et al. (2017), section 4.2, vector scaling with
                 one temperature, found on sentences held out of the training
    thresholds   above which a class counts as said, where a sentence may have several
    lean         where it has one: the class with the largest p / prior^lean is said
    """

    format: int
    id: str
    version: str
    architecture: str
    config: dict[str, Any]
    classes: list[str]
    class_prior: list[float]
    labels: list[str]
    label_of: dict[str, str]
    shares: dict[str, dict[str, float]]
    temperature: float
    bias: list[float]
    thresholds: list[float]
    lean: float
    languages: list[str]
    licence: str
    data: list[Corpus]
    training: dict[str, Any]
    scores: list[Score]
    notes: list[str]
    vocabulary_sha256: str
    weights_sha256: str

    def checked(self) -> Self:
        """The card itself; CardInvalid names the field that does not fit the others."""
        wrong = {
            "architecture": self.architecture != ARCHITECTURE,
            "classes": not self.classes or len(set(self.classes)) != len(self.classes),
            "labels": not self.labels or len(set(self.labels)) != len(self.labels),
            "class_prior": len(self.class_prior) != len(self.classes) or min(self.class_prior, default=0) <= 0,
            "bias": len(self.bias) != len(self.classes) or max(map(abs, self.bias), default=0) > 50,
            "lean": not 0 <= self.lean <= 1,
            "thresholds": len(self.thresholds) != len(self.classes),
            "label_of": set(self.label_of) != set(self.classes) or not set(self.label_of.values()) <= set(self.labels),
            "shares": any(
                name not in self.classes or not set(some) <= set(self.labels) or min(some.values(), default=0) <= 0
                for name, some in self.shares.items()
            ),
            "temperature": not 0.01 <= self.temperature <= 100,
        }
        if bad := [name for name, is_wrong in wrong.items() if is_wrong]:
            raise CardInvalid(
                f"card {self.id}: {', '.join(bad)} cannot be used (the architecture read here is "
                f"{ARCHITECTURE!r}); copy the folder again, or train it anew"
            )
        return self


TEXT = FolderKind(
    noun="text branch",
    prefix=TEXT_PREFIX,
    card=TextCard,
    format=FORMAT,
    digests={WEIGHTS_FILE: "weights_sha256", VOCABULARY_FILE: "vocabulary_sha256"},
    advice="`emoscope train text` makes one",
)
"""Text branches, as they lie on disk."""
