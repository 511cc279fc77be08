"""Evaluation protocols: which classes are scored, and which labels are merged into others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from emoscope.models.errors import UsageError

from ..corpora import CORPORA
from .scores import Probabilities, Truth


@dataclass(frozen=True)
class Protocol:
    """The scored classes. A `merged` label is replaced by another one, to which its probability is added."""

    name: str
    classes: tuple[str, ...]
    merged: Mapping[str, str]

    def read(self, label: str) -> str:
        """The label after merging."""
        return self.merged.get(label, label)


CALM = {"calm": "neutral"}
RAVDESS_8 = Protocol("8 classes", ("angry", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised"), {})
RAVDESS_7 = Protocol(
    "7 classes, calm merged into neutral",
    ("angry", "disgust", "fearful", "happy", "neutral", "sad", "surprised"),
    CALM,
)
FOUR = Protocol("4 classes", ("angry", "happy", "neutral", "sad"), CALM)
NAMED = {"ravdess-8": RAVDESS_8, "ravdess-7": RAVDESS_7, "four": FOUR}


def own_protocol(corpus: str) -> Protocol:
    """A corpus's own classes. Calm is merged into neutral unless it is one of them (`train/README.md`, Evaluation)."""
    classes = CORPORA[corpus].labels
    return Protocol(f"{len(classes)} classes", classes, {} if "calm" in classes else CALM)


def protocol_of(name: str | None, corpus: str) -> Protocol:
    """The protocol of this name, the corpus's own by default; UsageError for an unknown name."""
    if name in (None, "own"):
        return own_protocol(corpus)
    if name not in NAMED:
        raise UsageError(f"--protocol {name}: there are own (the corpus's classes), {', '.join(NAMED)}")
    return NAMED[name]


def apply_protocol(
    labels: Sequence[str], scores: Probabilities, truth: Sequence[str], protocol: Protocol
) -> tuple[Probabilities, Truth]:
    """Scores (N, C) over the protocol's classes, merged, restricted and renormalised, and the true classes (N,).

    A row of zeros (no prediction) stays zero.
    """
    place = {name: i for i, name in enumerate(protocol.classes)}
    counted = np.zeros((len(scores), len(place)))
    for i, label in enumerate(labels):
        target = place.get(protocol.read(label))
        if target is not None:
            counted[:, target] += scores[:, i]
    total = counted.sum(1, keepdims=True)
    counted = np.divide(counted, total, out=np.zeros_like(counted), where=total > 0)
    return counted, np.array([place[protocol.read(label)] for label in truth], np.int64)
