"""Many live streams over websockets, on one model: protocol `emoscope.v1`.

>>> async with serving("small") as server:                             # doctest: +SKIP
...     print(server.url)
"""

from .app import Server as Server
from .app import run as run
from .app import serving as serving
from .options import ServerOptions as ServerOptions
from .store import MemoryStore as MemoryStore
from .store import Store as Store
from .store import StoreUnavailable as StoreUnavailable

__all__ = ["MemoryStore", "Server", "ServerOptions", "Store", "StoreUnavailable", "run", "serving"]
