"""Runs a server: as a process until a signal ends it, or inside an event loop for as long as a block lasts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emoscope.models.contract import ModelContract

from ..asr import SpeechRecognizer
from ..runtime.shutdown import GracefulShutdown
from ..session.requests import Engine
from .app import Server
from .logs import Log
from .options import ServerOptions
from .store import Store

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel


async def run(
    contract: ModelContract,
    engine: Engine,
    options: ServerOptions,
    recognizers: Sequence[SpeechRecognizer] = (),
    *,
    store: Store | None = None,
    shutdown: GracefulShutdown | None = None,
    engine_failure: Callable[[], str] = lambda: "",
) -> None:
    """Serve until SIGTERM or SIGINT, then drain; the process ends within `drain_s`, even when something hangs.

    shutdown        handles the signals, where somebody does so already
    engine_failure  why the engine does not answer at the moment, "" while it does
    """
    with contextlib.ExitStack() as stack:
        shutdown = shutdown or stack.enter_context(GracefulShutdown(options.drain_s, Log().late))
        server = Server(contract, engine, options, store, recognizers, engine_failure)
        await server.start()
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        shutdown.on_signal(lambda: loop.call_soon_threadsafe(stop.set))
        await stop.wait()
        await server.drain(shutdown.left_s)


@contextlib.asynccontextmanager
async def serving(
    model: "str | Path | StreamModel | tuple[ModelContract, Engine]" = "small",
    *,
    options: ServerOptions | None = None,
    store: Store | None = None,
    recognizers: Sequence[SpeechRecognizer] = (),
    **changes: Any,
) -> AsyncIterator[Server]:
    """A server on a free loopback port, in this event loop, for as long as the block lasts; the model in this process.

    model        a name, a folder, a loaded model, or a contract with the engine that answers its requests
    options      of the server; `changes` replaces some of them
    recognizers  make the transcripts; closed with the server

    >>> async with serving("small", max_sessions=10) as server:        # doctest: +SKIP
    ...     print(server.url)
    """
    if isinstance(model, tuple):
        contract, engine = model
    else:
        from ..engine.opening import open_engine

        opened = open_engine(model, many_sessions=True)
        contract, engine = opened.contract, opened.engine
    chosen = replace(options or ServerOptions(port=0, drain_s=2.0), **changes)
    server = Server(contract, engine, chosen, store, recognizers)
    await server.start()
    try:
        yield server
    finally:
        await server.drain()
