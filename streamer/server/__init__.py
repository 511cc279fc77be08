"""Many live streams over websockets, on one model: protocol `emoscope.v1`, see `streamer/protocol.md`.

>>> async with serving("small") as server:                             # doctest: +SKIP
...     print(server.url)
"""

from .app import Server as Server
from .memory_store import MemoryStore as MemoryStore
from .options import ServerOptions as ServerOptions
from .serving import run as run
from .serving import serving as serving
from .store import Store as Store
from .store import StoreUnavailable as StoreUnavailable

__all__ = ["MemoryStore", "Server", "ServerOptions", "Store", "StoreUnavailable", "run", "serving"]
