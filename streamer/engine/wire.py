"""What crosses the pipes between a server and its engine's process.

A message is 12 bytes of lengths, then MessagePack, then the raw bytes of all arrays, which MessagePack names by type,
shape and place. Nothing is pickled, and samples are copied by nobody but the pipe.
"""

from dataclasses import fields
from typing import Any

import msgspec

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import KINDS, PoolState
from emoscope.models.reading import Reading

from ..session.requests import Encode, Failed, Read, Summary
from ..worker.codec import Buffer
from ..worker.codec import unpack as unpack_arrays


class Wanted(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which model, where. `words`: the text branch will be asked for."""

    model: str
    device: str = "auto"
    threads: int | None = None
    batch: int | None = None
    words: bool = False


class Ready(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded and warm. `window_s`: what its first window took."""

    contract: ModelContract
    batch: int
    window_s: float


class Unusable(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model cannot be had. `usage`: because of how it was asked for."""

    message: str
    usage: bool


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Requests that leave together."""

    windows: list[Encode]
    reads: list[Read]


class Answer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One result a request: id, wall time in ms, value. `cpu_s`: processor time that the model took."""

    windows: list[tuple[int, float, Summary]]
    readings: list[tuple[int, float, Reading]]
    failed: list[Failed]
    cpu_s: float


ToEngine = Wanted | Batch
FromEngine = Ready | Unusable | Answer

_KIND_OF = {frozenset(field.name for field in fields(kind)): kind for kind in KINDS.values()}  # type: ignore[arg-type]
assert len(_KIND_OF) == len(KINDS), "two pool states with the same arrays cannot be told apart here"


def _pool_state(arrays: dict[str, Any]) -> PoolState:
    return _KIND_OF[frozenset(arrays)](**arrays)


def unpack(head: Buffer, body: Buffer, kind: Any, *, copy: bool) -> Any:
    """The message of that kind, as `codec.unpack`."""
    return unpack_arrays(head, body, kind, copy=copy, rebuild={PoolState: _pool_state})
