"""A loaded model made ready to answer many requests: the same function, fewer steps. Not for training any more."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from ..model import StreamModel
from .encoder import ConvEncoder, PitchBranch, Residual


def for_inference(model: StreamModel) -> StreamModel:
    """The same model, changed in place: batch normalisation folded into the convolutions before it, and their weights
    laid out with channels last, which CPU kernels prefer.

    Its states differ from before by rounding alone (about 1e-6); its weights no longer fit its card.
    """
    model.eval().requires_grad_(False)
    for part in list(model.modules()):
        if isinstance(part, ConvEncoder):
            part.stem, part.stem_norm = _folded(part.stem, part.stem_norm)
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        elif isinstance(part, Residual):
            part.first, part.first_norm = _folded(part.first, part.first_norm)
            part.second, part.second_norm = _folded(part.second, part.second_norm)
        elif isinstance(part, PitchBranch):
            pairs = [_folded(c, n) for c, n in zip(part.convolutions, part.norms, strict=True)]  # type: ignore[arg-type]
            part.convolutions = nn.ModuleList([convolution for convolution, _ in pairs])
            part.norms = nn.ModuleList([norm for _, norm in pairs])
    return model


def _folded(convolution: nn.Conv2d, norm: nn.Module) -> tuple[nn.Conv2d, nn.Module]:
    if not isinstance(norm, nn.BatchNorm2d):
        return convolution, norm
    return fuse_conv_bn_eval(convolution, norm), nn.Identity()
