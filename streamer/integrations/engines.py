"""One engine's process for all voices of this process that ask for the same model."""

import atexit
from threading import Lock

from ..engine import EngineProcess, ModelRequest
from ..engine.live_check import LiveCheck

_engines: dict[ModelRequest, EngineProcess] = {}
_lock = Lock()


def shared_engine(model: str, device: str, check: LiveCheck) -> EngineProcess:
    """The engine of a model; it begins to load at the first call, and goes on until this process ends.

    A call begins every few minutes and a model takes seconds to load, so the engine is kept between voices. One that
    could not load is tried anew: whatever was missing may be there by now.
    """
    request = ModelRequest(model=model, device=device, live=check)
    with _lock:
        engine = _engines.get(request)
        if engine is None or engine.unavailable:
            engine = _engines[request] = EngineProcess(request)
        return engine


def close_engines() -> None:
    """End the processes of all engines; the next voice starts another one."""
    with _lock:
        engines = list(_engines.values())
        _engines.clear()
    for engine in engines:
        engine.close()


atexit.register(close_engines)
