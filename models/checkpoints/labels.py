"""What a checkpoint's outputs are called: read from its own config, checked, and mapped onto the project's names.

A label that the project has no name for keeps its own, in lower case: dropping it would hand its probability to labels
that the model did not mean. Two outputs with one name here, such as "joy" and "amusement", become one label.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import CardInvalid
from ..reading import CIRCUMPLEX, DIMENSIONS

NAMES: dict[str, tuple[str, ...]] = {
    "angry": ("ang", "anger", "angry"),
    "bored": ("bor", "bored", "boredom"),
    "calm": ("cal", "calm", "calmness"),
    "disgust": ("dis", "disgust", "disgusted"),
    "fearful": ("fea", "fear", "fearful"),
    "happy": ("hap", "happy", "happiness", "joy"),
    "neutral": ("neu", "neutral", "neutrality"),
    "sad": ("sad", "sadness"),
    "surprised": ("sur", "surprise", "surprised"),
    "other": ("other", "others"),
}
OF_NAME = {alias: name for name, aliases in NAMES.items() for alias in aliases}

# The Ekman grouping of Demszky et al. (2020), "GoEmotions", appendix; used where a model has GoEmotions' labels.
EKMAN: dict[str, tuple[str, ...]] = {
    "angry": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fearful": ("fear", "nervousness"),
    "happy": (
        "admiration", "amusement", "approval", "caring", "desire", "excitement", "gratitude", "joy", "love", "optimism",
        "pride", "relief",
    ),
    "sad": ("disappointment", "embarrassment", "grief", "remorse", "sadness"),
    "surprised": ("confusion", "curiosity", "realization", "surprise"),
    "neutral": ("neutral",),
}  # fmt: skip
OF_GROUP = {raw: name for name, group in EKMAN.items() for raw in group}

NAMELESS = re.compile(r"label[_ ]?\d+", re.IGNORECASE)
LEAST = 2  # emotions that a classifier of emotions must tell apart


@dataclass(frozen=True)
class LabelMap:
    """A checkpoint's outputs by the project's names.

    raw         (O,) what the checkpoint calls its outputs
    labels      distinct names of the labels, in the order in which they first occur
    of          (O,) which of `labels` each output is; () where the outputs are dimensions
    dimensions  output of each of `DIMENSIONS` that there is, in the order arousal, valence, dominance
    """

    raw: tuple[str, ...]
    labels: tuple[str, ...]
    of: tuple[int, ...]
    dimensions: tuple[tuple[str, int], ...] = ()

    @property
    def lines(self) -> list[str]:
        """The map for a person: a line an output, in the checkpoint's order."""
        place = {index: name for name, index in self.dimensions}
        names = [place[i] if i in place else self.labels[self.of[i]] for i in range(len(self.raw))]
        return [f"{i} {raw} -> {name}" for i, (raw, name) in enumerate(zip(self.raw, names, strict=True))]


def raw_labels(config: Mapping[str, Any], where: str) -> tuple[str, ...]:
    """A config's labels by output; CardInvalid where `id2label` and `label2id` are absent, broken, or disagree."""
    forward, back = config.get("id2label"), config.get("label2id")
    if not forward and not back:
        raise CardInvalid(f"{where}: its config names no labels (id2label); a checkpoint without them cannot be read")
    try:
        by_id = {int(index): str(label) for index, label in (forward or {}).items()}
        inverse = {int(index): str(label) for label, index in (back or {}).items()}
    except (AttributeError, TypeError, ValueError):
        raise CardInvalid(f"{where}: id2label and label2id must map numbers to names and back") from None
    known = by_id or inverse
    if sorted(known) != list(range(len(known))):
        raise CardInvalid(f"{where}: id2label must number the outputs from 0; got {sorted(known)}")
    if by_id and back and (by_id != inverse or len(back) != len(by_id)):
        raise CardInvalid(
            f"{where}: id2label and label2id contradict each other ({_listed(by_id)}; {_listed(inverse)}), so nobody "
            "can tell which label an output is; take another revision (NAME@REVISION), or correct config.json"
        )
    return tuple(known[index] for index in range(len(known)))


def map_labels(raw: Sequence[str], where: str) -> LabelMap:
    """Outputs by the project's names: labels, or dimensions.

    CardInvalid for names that say nothing, twice the same one, or outputs that are no emotions.
    """
    plain = [label.strip().lower() for label in raw]
    if len(set(plain)) != len(plain):
        raise CardInvalid(f"{where}: a label is named twice: {', '.join(raw)}")
    if all(NAMELESS.fullmatch(label) for label in plain):
        raise CardInvalid(
            f"{where}: its labels are {', '.join(raw[:3])} and so on, which says nothing; take a revision whose config "
            "names them (NAME@REVISION)"
        )
    if set(plain) <= set(DIMENSIONS):
        order = tuple((name, plain.index(name)) for name in DIMENSIONS if name in plain)
        return LabelMap(tuple(raw), (), (), order)
    if mixed := set(plain) & set(DIMENSIONS):
        raise CardInvalid(f"{where}: labels and dimensions ({', '.join(sorted(mixed))}) in one head cannot be read")
    known = OF_GROUP if set(plain) == set(OF_GROUP) else OF_NAME
    names = [known.get(label, label) for label in plain]
    labels = tuple(dict.fromkeys(names))
    if len(set(labels) & set(CIRCUMPLEX)) < LEAST:
        raise CardInvalid(
            f"{where}: no emotion model: it tells {', '.join(raw[:6])}{' and more' if len(raw) > 6 else ''} apart; "
            "`emoscope models list` names checkpoints that can be used"
        )
    return LabelMap(tuple(raw), labels, tuple(labels.index(name) for name in names))


def _listed(labels: Mapping[int, str]) -> str:
    return ", ".join(f"{index} {label}" for index, label in sorted(labels.items()))
