"""The model in a process of its own: its work and the event loop's never wait for one interpreter's lock.

>>> with EngineProcess(ModelRequest(model="small")) as engine:               # doctest: +SKIP
...     contract = engine.check().contract
...     results = engine(requests)
"""

from .live_check import LiveCheck
from .messages import ModelRequest
from .process import EngineProcess, EngineUnavailable

__all__ = ["EngineProcess", "EngineUnavailable", "LiveCheck", "ModelRequest"]
