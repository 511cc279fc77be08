"""Which phonemes attention goes to: the likelihood ratio of each phoneme among attended frames.

Leygue et al. (2025), section 4.3 and figure 5: "the frequency of attended phonemes relative to their prior corpus
frequency".

    LR(p) = P(p | attended) / P(p) = P(attended | p) / P(attended)

P is counted in frames. An attended frame is one of the 15 %, or another share, of its utterance's frames that have the
most attention.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..corpora.phones import PAUSE, Phone
from ..errors import ClipUnusable
from ..evaluation.intervals import resample
from .frames import Utterance

Array = npt.NDArray[np.float64]

TOP = 0.15
"""Share of an utterance's frames that count as attended: the paper's 15 % that hold 80 % of the attention."""
FEWEST = 30  # occurrences of a phoneme, below which it is left out

KINDS = ("vowel", "plosive", "fricative", "nasal", "approximant", PAUSE)
_CONSONANTS = {"plosive": "pbtdkg?", "fricative": "fvszSxXChHVBDG", "nasal": "mnN", "approximant": "lLrRj4"}


@dataclass(frozen=True)
class Salience:
    """One phoneme.

    occurrences  how often it is spoken within utterances
    frames       how many frames that are
    ratio        the likelihood ratio: 1 where it is attended as often as it is heard
    ci95         its 95 % interval; None where no frame of it is attended, of which a bootstrap cannot tell
    mass         its share of the attention over its share of the frames, which needs no border between attended or not
    """

    phone: str
    kind: str
    occurrences: int
    frames: int
    ratio: float
    ci95: tuple[float, float] | None
    mass: float


@dataclass(frozen=True)
class PhonemeSalience:
    """All phonemes, the most salient first, and by kind; and what they were counted in.

    left_out   phonemes with fewer than FEWEST occurrences
    utterances, frames  that were counted
    """

    phones: tuple[Salience, ...]
    kinds: tuple[Salience, ...]
    left_out: tuple[str, ...]
    utterances: int
    frames: int
    by: str


def kind_of(phone: str) -> str:
    """The kind of a phoneme in EmoDB's labels, as X-SAMPA has it; a tap is with the approximants."""
    if phone == PAUSE:
        return PAUSE
    return next((kind for kind, phones in _CONSONANTS.items() if phone in phones), "vowel")


def attended_frames(shares: npt.ArrayLike, top: float = TOP) -> npt.NDArray[np.bool_]:
    """(T,) true for the `top` share of frames with the most attention, at least one; of equal frames the earlier."""
    values = np.asarray(shares, np.float64)
    chosen = np.zeros(len(values), bool)
    chosen[np.argsort(-values, kind="stable")[: max(1, round(top * len(values)))]] = True
    return chosen


def likelihood_ratio(attended_p: Array, attended: Array, frames_p: Array, frames: Array) -> Array:
    """P(p | attended) / P(p), from frames of p that are attended, attended frames, frames of p, and frames."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((attended_p / attended) / (frames_p / frames))


def salience(
    utterances: Sequence[Utterance], phones: Sequence[Sequence[Phone]], top: float = TOP, fewest: int = FEWEST
) -> PhonemeSalience:
    """The salience of each phoneme. ClipUnusable where no phoneme is spoken often enough.

    phones  of each utterance's recording. A frame belongs to the phone in which its middle lies, and none after the
            last is counted
    """
    counted = [(u, p) for u, p in zip(utterances, phones, strict=True) if p]
    names = sorted({phone.name for _, own in counted for phone in own})
    place = {name: i for i, name in enumerate(names)}
    # Of each utterance: attended frames, frames and attention of each phone.
    table = np.zeros((len(counted), 3, len(names)))
    spoken = np.zeros(len(names), int)
    for row, (one, own) in enumerate(counted):
        ends = np.array([phone.end_s for phone in own])
        at = np.searchsorted(ends, one.centres_s, side="right")
        inside = at < len(own)
        of = np.array([place[phone.name] for phone in own])[at[inside]]
        chosen = attended_frames(one.shares, top)[inside]
        for figure, values in enumerate((chosen, np.ones(len(of)), one.shares[inside])):
            np.add.at(table[row, figure], of, values)
        for index in np.unique(at[inside]):
            spoken[place[own[index].name]] += 1
    often = [i for i in range(len(names)) if spoken[i] >= fewest]
    if not often:
        raise ClipUnusable(
            f"no phoneme is spoken {fewest} times in {len(counted)} utterances with labels: take more clips, or "
            "--fewest N"
        )
    drawn = resample([one.clip.speaker for one, _ in counted], np.zeros(len(counted), np.int64))

    def counts(columns: Sequence[int]) -> Array:
        """(U, 6) attended, frames and attention of some phones, and of all."""
        some = table[:, :, list(columns)].sum(2)
        return np.concatenate([some, table.sum(2)], 1)

    def row_of(name: str, kind: str, columns: Sequence[int]) -> Salience:
        sums = counts(columns)
        whole = sums.sum(0)
        return Salience(
            name,
            kind,
            int(spoken[list(columns)].sum()),
            int(whole[1]),
            float(_ratio(whole)),
            drawn.interval(_ratio, sums) if whole[0] else None,
            float(likelihood_ratio(whole[2], whole[5], whole[1], whole[4])),
        )

    rows = [row_of(names[i], kind_of(names[i]), [i]) for i in often]
    kinds = [(kind, [i for i in range(len(names)) if kind_of(names[i]) == kind]) for kind in KINDS]
    return PhonemeSalience(
        tuple(sorted(rows, key=lambda row: -row.ratio)),
        tuple(row_of(kind, kind, columns) for kind, columns in kinds if columns and spoken[columns].sum()),
        tuple(names[i] for i in range(len(names)) if i not in often),
        len(counted),
        int(table[:, 1].sum()),
        drawn.by,
    )


def _ratio(sums: Array) -> Array:
    return likelihood_ratio(sums[..., 0], sums[..., 3], sums[..., 1], sums[..., 4])
