"""Weights as safetensors, and whether they fit the network that is to have them. Imports torch."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import safetensors.torch
import torch
from torch import Tensor, nn

from ..errors import CardInvalid
from .arrays import check_shapes, metadata_of, whole_file

ModuleT = TypeVar("ModuleT", bound=nn.Module)


def parse_weights(content: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors and the metadata of a safetensors file's content; HeadMismatch if it is not a whole one."""
    with whole_file(path):
        return safetensors.torch.load(content), metadata_of(content, path)


def encode_weights(module: nn.Module, *, half: bool = False, metadata: Mapping[str, str] | None = None) -> bytes:
    """A module's weights as the content of a safetensors file; `half` rounds them to float16."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in module.state_dict().items()}
    if half:
        tensors = {name: tensor.half() for name, tensor in tensors.items()}
    return safetensors.torch.save(tensors, metadata=None if metadata is None else dict(metadata))


def check_fit(
    expected: Mapping[str, Tensor], found: Mapping[str, Tensor], where: str | Path, described_by: str = "the card"
) -> None:
    """HeadMismatch names the weights that are missing, unexpected or of another shape. Values are not looked at."""
    wanted, offered = ({name: tensor.shape for name, tensor in one.items()} for one in (expected, found))
    check_shapes(wanted, offered, where, described_by)


def build_fitted(where: Path, what: str, make: Callable[[], ModuleT], weights: Mapping[str, Tensor]) -> ModuleT:
    """A network with these weights, in eval mode.

    It is made on the meta device first, to compare shapes: a card must not make us allocate memory for weights that
    it does not come with. Raises CardInvalid when `make` fails, HeadMismatch when the weights do not fit.
    """
    with torch.device("meta"):
        check_fit(_made(where, what, make).state_dict(), weights, where)
    module = _made(where, what, make)
    module.load_state_dict(dict(weights))
    return module.eval()


def _made(where: Path, what: str, make: Callable[[], ModuleT]) -> ModuleT:
    try:
        return make()
    except CardInvalid:
        raise
    except Exception as error:  # a card is untrusted: whatever its config makes a constructor do is the card's fault
        raise CardInvalid(f"{where}: the card's config does not build {what}: {error}") from None
