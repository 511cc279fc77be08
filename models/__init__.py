"""Everything with parameters: encoders, pooling, heads, checkpoints.

Names are looked up on first use, so that importing this package does not import torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .contract import ModelContract as ModelContract
from .errors import CardInvalid as CardInvalid
from .errors import EmoscopeError as EmoscopeError
from .errors import HeadMismatch as HeadMismatch
from .errors import ModelError as ModelError
from .errors import NotCached as NotCached
from .errors import UsageError as UsageError
from .pool_state import PoolState as PoolState
from .pool_state import SoftmaxState as SoftmaxState
from .reading import Calibration as Calibration
from .reading import Reading as Reading
from .windows import Window as Window

if TYPE_CHECKING:
    from .card import Card as Card
    from .model import StreamModel as StreamModel
    from .pooling import AttentivePooling as AttentivePooling
    from .small import SmallConfig as SmallConfig
    from .small import SmallModel as SmallModel
    from .store import load_model as load_model
    from .store import save_model as save_model
    from .systems import build as build
    from .systems import load_encoders as load_encoders

_LATER = {
    "Card": "card",
    "StreamModel": "model",
    "build": "systems",
    "load_encoders": "systems",
    "AttentivePooling": "pooling",
    "SmallConfig": "small",
    "SmallModel": "small",
    "load_model": "store",
    "save_model": "store",
}

__all__ = [
    "AttentivePooling",
    "Calibration",
    "Card",
    "CardInvalid",
    "EmoscopeError",
    "HeadMismatch",
    "ModelContract",
    "ModelError",
    "NotCached",
    "PoolState",
    "Reading",
    "SmallConfig",
    "SmallModel",
    "SoftmaxState",
    "StreamModel",
    "UsageError",
    "Window",
    "build",
    "load_encoders",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return getattr(import_module(f".{_LATER[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
