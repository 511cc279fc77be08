"""How far to each side of a frame the encoder of `small` sees, by which a card is checked. Needs no torch."""

from collections.abc import Sequence

from .contract import ModelContract

STRIDE = 4  # front-end frames of a feature frame


def convolutions_reach(dilations: Sequence[int]) -> int:
    """Front-end frames to each side that a feature frame depends on.

    Of the mel branch: 2 frames by the stem, 2 and 4 by the first block, 8 by each of the two others; then one feature
    frame, dilated, by each temporal block. The branch of the pitch sees less.
    """
    return 2 + 2 + 4 + 2 * 8 + STRIDE * sum(dilations)


def check_reach(contract: ModelContract, dilations: Sequence[int]) -> None:
    """ValueError for a contract that promises that a frame depends on less than it does."""
    least = -(-convolutions_reach(dilations) // STRIDE) * contract.frame
    if 0 < contract.reach < least:
        raise ValueError(f"a frame reaches {least} samples to each side, not {contract.reach}")
