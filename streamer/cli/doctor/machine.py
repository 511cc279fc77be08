"""The checks that need no native library: Python, the file of options, folders, the port, Redis."""

import asyncio
import os
import platform
import socket
import sys
import tempfile
from pathlib import Path

from ...protocol.errors import EmoscopeError
from ..config import shown
from .finding import Finding

OLDEST = (3, 11)


def python() -> Finding:
    """Its version, and where emoscope lies."""
    from ...runtime.product import product

    where = Path(__file__).parents[3]
    text = f"{platform.python_version()} on {platform.system()} {platform.machine()}; {product()} in {where}"
    if sys.version_info < OLDEST:
        return Finding("python", "red", text, "emoscope needs Python 3.11 or newer")
    return Finding("python", "green", text)


def config(path: Path | None, tokens: bool) -> Finding:
    """The file in force: a token in it must not be readable by others."""
    if path is None:
        return Finding("config", "green", "no emoscope.toml: defaults hold (`emoscope config` prints them)")
    if tokens and os.name == "posix" and path.stat().st_mode & 0o077:
        return Finding("config", "yellow", f"{path} holds a token, and others may read it", f"chmod 600 {path}")
    return Finding("config", "green", f"{path} (`emoscope config` prints what holds)")


def cache() -> Finding:
    """Whether models can be kept. Nothing is left behind."""
    from emoscope.models.external import kept_file

    folder = kept_file().parent
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        todo = "set EMOSCOPE_CACHE to a folder that you may write to; only `emoscope models pull` needs it"
        return Finding("cache", "yellow", f"{folder} cannot be written: {error.strerror}", todo)
    return Finding("cache", "green", f"{folder} can be written")


def port(host: str, number: int, asked: bool) -> Finding:
    """Whether `serve` could take its port now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as server:
            if os.name == "posix":
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(address)
    except OSError as error:
        todo = "`emoscope serve --port 0` takes a free one; it may be a server of yours that runs already"
        return Finding("port", "red" if asked else "yellow", f"{host}:{number}: {error.strerror or error}", todo)
    return Finding("port", "green", f"{host}:{number} is free for `emoscope serve`")


def store(url: str, deadline_s: float) -> Finding:
    """Whether the store of sessions that was asked for answers."""
    from ...server.store import StoreUnavailable

    async def ask() -> None:
        from ...server.redis_store import RedisStore

        redis = RedisStore(url)
        try:
            await asyncio.wait_for(redis.check(), deadline_s)
        finally:
            await redis.close()

    name = str(shown("store", url))
    try:
        asyncio.run(ask())
    except ImportError:
        return Finding("store", "red", f"{name}: the package redis is missing", "pip install 'emoscope[redis]'")
    except (EmoscopeError, StoreUnavailable, OSError, TimeoutError) as error:
        return Finding("store", "red", f"{name}: {str(error) or 'no answer'}", "start Redis there, or correct --store")
    return Finding("store", "green", f"{name} answers")
