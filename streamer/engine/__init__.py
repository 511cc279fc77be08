"""The model in a process of its own: its work and the event loop's never wait for one interpreter's lock.

>>> with EngineProcess(Wanted(model="small")) as engine:               # doctest: +SKIP
...     contract = engine.check().contract
...     results = engine(requests)
"""

from .process import EngineProcess, EngineUnavailable
from .wire import Wanted

__all__ = ["EngineProcess", "EngineUnavailable", "Wanted"]
