"""Everything with parameters: encoders, pooling, heads, checkpoints.

Names are looked up on first use, so that importing this package, or one of its modules, imports nothing else.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cards import Card as Card
    from .contract import ModelContract as ModelContract
    from .errors import CardInvalid as CardInvalid
    from .errors import EmoscopeError as EmoscopeError
    from .errors import HeadMismatch as HeadMismatch
    from .errors import ModelError as ModelError
    from .errors import NotCached as NotCached
    from .errors import UsageError as UsageError
    from .model import Encoded as Encoded
    from .model import StreamModel as StreamModel
    from .model import frame_mask as frame_mask
    from .pool_state import PoolState as PoolState
    from .pool_state import SoftmaxState as SoftmaxState
    from .pooling import AttentivePooling as AttentivePooling
    from .pooling import AveragePooling as AveragePooling
    from .reading import Calibration as Calibration
    from .reading import Reading as Reading
    from .small import SmallConfig as SmallConfig
    from .small import SmallModel as SmallModel
    from .store import load_model as load_model
    from .store import save_model as save_model
    from .systems import build as build
    from .systems import load_encoders as load_encoders
    from .windows import Window as Window

_LAZY = {
    "ModelContract": "contract",
    "CardInvalid": "errors",
    "EmoscopeError": "errors",
    "HeadMismatch": "errors",
    "ModelError": "errors",
    "NotCached": "errors",
    "UsageError": "errors",
    "PoolState": "pool_state",
    "SoftmaxState": "pool_state",
    "Calibration": "reading",
    "Reading": "reading",
    "Window": "windows",
    "Card": "cards",
    "Encoded": "model",
    "StreamModel": "model",
    "frame_mask": "model",
    "build": "systems",
    "load_encoders": "systems",
    "AttentivePooling": "pooling",
    "AveragePooling": "pooling",
    "SmallConfig": "small",
    "SmallModel": "small",
    "load_model": "store",
    "save_model": "store",
}

__all__ = [
    "AttentivePooling",
    "AveragePooling",
    "Calibration",
    "Card",
    "CardInvalid",
    "EmoscopeError",
    "Encoded",
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
    "frame_mask",
    "load_encoders",
    "load_model",
    "save_model",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f".{_LAZY[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
