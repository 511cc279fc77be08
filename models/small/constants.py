"""Whether a front end's tables are needed, or their shapes alone.

On the meta device, where a card's network is made to compare shapes, torch does arithmetic in Python, and imports its
compiler for it, which takes as long as everything else of opening a model.
"""

import torch


def only_shapes() -> bool:
    """Whether a network is being made on the meta device."""
    return torch.get_default_device().type == "meta"
