"""Cross-validation by speakers: the held-out speakers of each fold, fixed so that scores are comparable."""

import hashlib
from collections.abc import Iterable

from ..errors import SplitInvalid

FOLDS = 4

# Grouped so that each fold has both genders where the corpus allows it. They were chosen without looking at scores.
SPEAKERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "ravdess": (
        ("01", "02", "09", "10", "17", "18"),
        ("03", "04", "11", "12", "19", "20"),
        ("05", "06", "13", "14", "21", "22"),
        ("07", "08", "15", "16", "23", "24"),
    ),
    "emodb": (("03", "08"), ("09", "10"), ("11", "13", "15"), ("12", "14", "16")),
    "nemo": (("EB0", "KS0"), ("KD0", "SM0"), ("MK0", "WR0"), ("IC0", "MP0", "TP0")),
    "emotale": (
        ("001", "004", "011", "014"),
        ("003", "005", "009", "012", "015"),
        ("006", "007", "008", "016", "019"),
        ("010", "013", "017", "018"),
    ),
}

EMOBOX_RAVDESS: tuple[tuple[str, ...], ...] = (
    ("01", "11", "20", "21"),
    ("04", "10", "12", "14"),
    ("08", "09", "19", "23"),
    ("03", "05", "07", "24"),
    ("02", "15", "16", "18"),
    ("06", "13", "17", "22"),
)
"""RAVDESS as EmoBox divides it. Ma et al. (2024), "EmoBox"; each actor in one fold."""


MANY = ("read",)
"""Corpora of hundreds of speakers, whose folds follow from the speakers' names."""


def fold_speakers(corpus: str, fold: int, speakers: Iterable[str] = ()) -> frozenset[str]:
    """Speakers of `corpus` that fold `fold` (from 0) is scored on; SplitInvalid for an unknown corpus or fold.

    speakers  those of the corpus, for one of MANY
    """
    if corpus not in SPEAKERS and corpus not in MANY:
        raise SplitInvalid(f"no folds for {corpus!r}; there are some for {', '.join((*SPEAKERS, *MANY))}")
    if not 0 <= fold < FOLDS:
        raise SplitInvalid(f"fold {fold}: folds go from 0 to {FOLDS - 1}")
    if corpus in MANY:
        return frozenset(
            speaker for speaker in speakers if hashlib.sha256(speaker.encode()).digest()[0] % FOLDS == fold
        )
    return frozenset(SPEAKERS[corpus][fold])
