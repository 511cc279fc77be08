"""The public checkpoints that are known by name: what their pages say of them. Nothing here was measured here."""

import re
from dataclasses import dataclass

from ..cards import Score


@dataclass(frozen=True, kw_only=True)
class Row:
    """One checkpoint.

    family      which adapter reads it
    parts       the encoder it was made from
    parameters  how many are loaded here
    outputs     what it calls its outputs, in order; its own config decides, and this is for lists
    """

    id: str
    family: str
    parts: str
    parameters: int
    outputs: tuple[str, ...]
    languages: tuple[str, ...]
    licence: str
    published: tuple[Score, ...] = ()
    notes: tuple[str, ...] = ()


def _score(corpus: str, protocol: str, metric: str, value: float, source: str) -> Score:
    return Score(corpus=corpus, protocol=protocol, metric=metric, value=value, source=source)


_SUPERB = "Yang et al. 2021, table 2"
_IEMOCAP = ("neu", "hap", "ang", "sad")

ROWS: tuple[Row, ...] = (
    Row(
        id="superb/wav2vec2-base-superb-er", family="classifier", parts="facebook/wav2vec2-base",
        parameters=94_569_617, outputs=_IEMOCAP, languages=("en",), licence="Apache-2.0",
        published=(_score("IEMOCAP", "4 classes, 5 folds", "accuracy", 0.6343, _SUPERB),),
    ),
    Row(
        id="superb/hubert-large-superb-er", family="classifier", parts="facebook/hubert-large-ll60k",
        parameters=315_702_173, outputs=_IEMOCAP, languages=("en",), licence="Apache-2.0",
        published=(_score("IEMOCAP", "4 classes, 5 folds", "accuracy", 0.6762, _SUPERB),),
    ),
)  # fmt: skip
KNOWN: dict[str, Row] = {row.id: row for row in ROWS}


def row_of(name: str) -> Row | None:
    """What is known of a checkpoint by the hub's name, a revision aside."""
    return KNOWN.get(name.partition("@")[0])


RESTRICTED = re.compile(r"\bnc\b|non-?\s?commercial", re.IGNORECASE)


def licence_warning(licence: str) -> str:
    """What a person must know of a licence before using the model; "" for one that allows everything here."""
    if RESTRICTED.search(licence):
        return f"non-commercial: its licence ({licence}) forbids commercial use"
    if "not stated" in licence or "see its" in licence:
        return "its licence is not stated here: read the checkpoint's page before you use it"
    return ""
