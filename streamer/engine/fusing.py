"""A voice's scores and what was said, in one reading."""

from functools import cache

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.fusion import fuse
from emoscope.models.reading import CIRCUMPLEX, DIMENSIONS, Reading, decide
from emoscope.models.text import TextBranch, WordReader, load_text_branch, shipped_text

from ..session.requests import Read

BRANCH = "goemotions"


@cache
def shipped_branch() -> TextBranch | None:
    """The text branch that comes with the package, loaded once a process."""
    return load_text_branch(BRANCH) if BRANCH in shipped_text() else None


def read_with_words(
    contract: ModelContract,
    voice: npt.NDArray[np.float32],
    dimensions: npt.NDArray[np.float32],
    request: Read,
    branch: WordReader,
    unsure_below: float,
) -> Reading:
    """The reading of voice scores (L,) and the words of `request`.

    The words count the more, the more they tell at all, and the surer the recognizer was of them. A label that the
    branch does not know keeps the voice's odds.
    """
    said = branch.read(request.words, request.language)
    known = [branch.labels.index(label) if label in branch.labels else -1 for label in contract.labels]
    if said is None or max(known) < 0:
        return decide(contract.labels, voice, dimensions, unsure_below)
    text, prior = (np.array([scores[i] if i >= 0 else 0.0 for i in known]) for scores in (said.scores, said.prior))
    weight = float(np.clip(said.tells * request.certainty, 0.0, 1.0))
    fused = fuse(voice, text, prior, weight)
    if contract.derived and contract.dimensions == DIMENSIONS and set(contract.labels) <= set(CIRCUMPLEX):
        places = np.array([CIRCUMPLEX[label] for label in contract.labels], np.float32)
        dimensions = (fused.scores @ places).astype(np.float32)
    reading = decide(contract.labels, fused.scores, dimensions, unsure_below)
    return Reading(
        reading.label,
        reading.confidence,
        reading.scores,
        reading.dimensions,
        text_share=fused.share_text,
        word_shares=tuple(float(share) for share in said.weights),
    )
