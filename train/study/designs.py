"""The two comparisons: their rows, what each is compared with, and the score that their paper gives."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from emoscope.models.errors import UsageError
from emoscope.models.pooling import POOLINGS
from emoscope.models.systems import SEGMENTAL_CORPORA, SEGMENTAL_ROWS, SegmentalConfig
from emoscope.models.systems.segmental import LABELS as SEVEN

from ..published.recipes import RECIPES, configured
from .heads import HeadShape, PoolingHead, SegmentHead, StudyHead

Metric = Literal["macro F1", "UAR"]
PAPER_FRAME_S = 0.02
"""Of the frames in which Porjazovski et al. (2024), section 4, count segments: wav2vec2's."""


@dataclass(frozen=True)
class Design(ABC):
    """A comparison.

    rows       of the paper's table
    reference  the row that the others are compared with
    metric     the paper's score
    published  the paper's figures by row, from 0 to 1, and what they were measured on
    """

    name: str
    rows: tuple[str, ...]
    reference: str
    metric: Metric
    published: dict[str, float]
    measured_on: str

    @abstractmethod
    def labels(self, corpus: str, own: Sequence[str]) -> tuple[str, ...]:
        """The classes of a corpus with these labels."""

    @abstractmethod
    def head(
        self, row: str, corpus: str, width: int, frame_s: float, counts: Sequence[int], shape: HeadShape
    ) -> StudyHead:
        """A head for frames of `width` numbers and `frame_s` seconds; `counts` clips of each class are learned from."""


class PoolingDesign(Design):
    """Table 2 of Leygue et al. (2025): the poolings, over a corpus's own classes."""

    def labels(self, corpus: str, own: Sequence[str]) -> tuple[str, ...]:
        return tuple(own)

    def head(
        self, row: str, corpus: str, width: int, frame_s: float, counts: Sequence[int], shape: HeadShape
    ) -> StudyHead:
        return PoolingHead(row, width, counts, shape)


class SegmentDesign(Design):
    """Table 1 of Porjazovski et al. (2024): segments and triplets, over the classes of section 2 where it has some."""

    def labels(self, corpus: str, own: Sequence[str]) -> tuple[str, ...]:
        theirs = SEGMENTAL_CORPORA.get(corpus)
        return tuple(own) if theirs is None else tuple(sorted(theirs.get("labels", SEVEN)))

    def head(
        self, row: str, corpus: str, width: int, frame_s: float, counts: Sequence[int], shape: HeadShape
    ) -> StudyHead:
        changes = configured(replace(RECIPES["segmental"], row=row, corpus=corpus))
        changes = {name: value for name, value in changes.items() if name not in ("labels", "speech")}
        config = SegmentalConfig(speech={}, **changes)
        scale = PAPER_FRAME_S / frame_s
        config = replace(
            config, segment=max(1, round(config.segment * scale)), stride=max(1, round(config.stride * scale))
        )
        return SegmentHead(config, width, len(counts), shape)


DESIGNS: dict[str, Design] = {
    "pooling": PoolingDesign(
        name="pooling",
        rows=tuple(name for name in POOLINGS if name != "reduced"),  # which is another paper's
        reference="average",
        metric="macro F1",
        published={
            "max": 0.3418, "average": 0.3559, "statistics": 0.3623, "AS": 0.3884, "SA": 0.3416, "MHA": 0.3829,
            "MQMHA-2x2": 0.3912, "MQMHA-2x4": 0.3675, "MQMHA-4x4": 0.3514,
        },
        measured_on="MSP-Podcast, development, voice and words",
    ),
    "segments": SegmentDesign(
        name="segments",
        rows=tuple(SEGMENTAL_ROWS),
        reference="baseline",
        metric="UAR",
        published={"baseline": 0.685, "seg": 0.732, "tri(W)": 0.804, "seg+tri(S)": 0.790, "seg+tri(W)": 0.805},
        measured_on="RAVDESS, actors 23 and 24",
    ),
}  # fmt: skip


def chosen_rows(design: Design, wanted: Sequence[str]) -> tuple[str, ...]:
    """The rows that were asked for beside the reference, in the table's order; all for none. UsageError for others."""
    unknown = [row for row in wanted if row not in design.rows]
    if unknown:
        raise UsageError(f"the {design.name} study has no row {unknown[0]!r}; it has {', '.join(design.rows)}")
    return tuple(row for row in design.rows if not wanted or row in (*wanted, design.reference))
