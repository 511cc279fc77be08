"""An observer of a session, for tests of the server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from raw_client import Raw, raw

from emoscope.streamer.protocol.messages import OBSERVE_PATH, PATH
from emoscope.streamer.server import Server

TOKEN = "watch-only"


def address(server: Server, session: str, token: str = TOKEN) -> str:
    """Where that session is observed."""
    return f"{server.url.removesuffix(PATH)}{OBSERVE_PATH}/{quote(session, safe='')}?token={token}"


@asynccontextmanager
async def observing(server: Server, session: str, **options: Any) -> AsyncIterator[Raw]:
    """An observer of that session, once it has been told which session that is."""
    async with raw(address(server, session), **options) as observer:
        yield observer
