"""The messages between a program and its engine's process."""

from dataclasses import fields
from typing import Any

import msgspec

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import KINDS, PoolState
from emoscope.models.reading import Reading

from ..session.requests import DetectVoice, Encode, Failed, Read, Summary, VoiceProbabilities
from ..worker import Messages
from .live_check import LiveCheck
from .opening import Runtime


class ModelRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The first message: which model to load, and where.

    engine  what computes, as `open_engine` takes it
    words   whether the text branch will be asked for
    live    what the model must be able to do for live voices; None where nothing is asked of it
    """

    model: str
    device: str = "auto"
    threads: int | None = None
    engine: Runtime = "auto"
    batch: int | None = None
    words: bool = False
    live: LiveCheck | None = None


class ModelLoaded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The model is loaded and warm.

    model     its name or folder; not the one that was asked for where that was too slow
    batch     the most windows in one forward pass
    window_s  how long its first window took
    too_slow  see `LiveModel`
    runtime   what computes, and note: see `OpenedModel`
    """

    contract: ModelContract
    model: str
    batch: int
    window_s: float
    too_slow: str = ""
    runtime: Runtime = "torch"
    note: str = ""


class Batch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Requests that are answered together."""

    windows: list[Encode]
    reads: list[Read]
    detections: list[DetectVoice]


class BatchResults(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One result for each request of a batch.

    windows, readings, detections  id, wall time in ms, value
    cpu_s                          processor time of the model
    """

    windows: list[tuple[int, float, Summary]]
    readings: list[tuple[int, float, Reading]]
    detections: list[tuple[int, float, VoiceProbabilities]]
    failed: list[Failed]
    cpu_s: float


_STATE_OF = {frozenset(field.name for field in fields(kind)): kind for kind in KINDS.values()}  # type: ignore[arg-type]
assert len(_STATE_OF) == len(KINDS), "two pool states with the same fields cannot be told apart here"


def _pool_state(arrays: dict[str, Any]) -> PoolState:
    """A pool state is sent as its arrays alone: their names tell its kind."""
    return _STATE_OF[frozenset(arrays)](**arrays)


MESSAGES = Messages(
    load=ModelRequest,
    loaded=ModelLoaded,
    request=Batch,
    response=BatchResults,
    rebuild={PoolState: _pool_state},
)
