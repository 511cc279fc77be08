"""The encoder of `small` with fewer steps, for a model that only answers: normalisation layers folded away."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .encoder import ConvEncoder, PitchBranch, Residual


def fold_normalisation(encoder: ConvEncoder) -> None:
    """Fold each batch normalisation of an encoder in eval mode into the convolution before it, in place.

    The weights are laid out with channels last, which the CPU's kernels prefer. The features differ by rounding alone,
    about 1e-6; the weights no longer fit the model's card.
    """
    for part in list(encoder.modules()):
        if isinstance(part, ConvEncoder):
            part.stem, part.stem_norm = _folded(part.stem, part.stem_norm)
        elif isinstance(part, Residual):
            part.first, part.first_norm = _folded(part.first, part.first_norm)
            part.second, part.second_norm = _folded(part.second, part.second_norm)
        elif isinstance(part, PitchBranch):
            pairs = [_folded(c, n) for c, n in zip(part.convolutions, part.norms, strict=True)]  # type: ignore[arg-type]
            part.convolutions = nn.ModuleList([convolution for convolution, _ in pairs])
            part.norms = nn.ModuleList([norm for _, norm in pairs])
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _folded(convolution: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    if not isinstance(norm, nn.BatchNorm2d):
        return convolution, norm
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()
