"""The encoder of `small` with fewer steps, for a model that only answers: normalisation layers folded away."""

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .encoder import ConvEncoder, Layer, SpectralBlock


def fold_normalisation(encoder: ConvEncoder) -> None:
    """Fold each batch normalisation of an encoder in eval mode into the convolution before it, in place.

    The features differ by rounding alone, about 1e-6; the weights no longer fit the model's card.
    """
    for layer in list(encoder.modules()):
        if isinstance(layer, Layer) and not isinstance(layer.norm, nn.Identity):
            layer.convolution = fuse_conv_bn_eval(layer.convolution, layer.norm)  # type: ignore[type-var, arg-type]
            layer.norm = nn.Identity()
        elif isinstance(layer, SpectralBlock) and not isinstance(layer.second_norm, nn.Identity):
            layer.second = fuse_conv_bn_eval(layer.second, layer.second_norm)  # type: ignore[type-var, arg-type]
            layer.second_norm = nn.Identity()
    # The CPU's kernels prefer channels last.
    encoder.mel.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if encoder.pitch is not None:
        encoder.pitch.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
