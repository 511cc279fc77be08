"""A server that measures where its processor time goes: `python -m emoscope.streamer.bench.server_main REQUEST`.

REQUEST says, as JSON, which model to load, and where. It prints its URL. It answers each line that it reads with a line
of JSON: what it has used since it began.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence

import msgspec

from ..engine import EngineProcess, ModelRequest
from ..server.app import Server
from ..server.client_session import ClientSession
from ..server.logs import errors_alone
from ..server.options import ServerOptions
from ..session.requests import Engine, Request, Result
from .process_facts import open_files, resident_bytes
from .processes import processor_s
from .processor_times import ProcessorTimes
from .stage_times import StageTimes


class ServerTimes(ProcessorTimes):
    """Processor time of the parts of the event loop's thread, and of the thread that waits for the engine."""

    def __init__(self) -> None:
        super().__init__("detector", "assembly")
        self.worker = 0.0

    def engine(self, engine: Engine) -> Engine:
        """The same engine; it also notes the processor time that the thread waiting for it has used so far."""

        def run(requests: Sequence[Request]) -> list[Result]:
            results = engine(requests)
            self.worker = time.thread_time()
            return results

        return run


async def main(request: ModelRequest) -> None:
    times = ServerTimes()
    ClientSession.feed = times.timed("detector", ClientSession.feed)  # type: ignore[method-assign]
    ClientSession.apply = times.timed("assembly", ClientSession.apply)  # type: ignore[method-assign]
    engine = EngineProcess(request)
    ready = engine.check()
    options = ServerOptions(port=0, max_sessions=100_000, batch=ready.batch, drain_s=1.0)
    stages = StageTimes()
    server = Server(ready.contract, times.engine(stages.engine(engine)), options)
    await server.start()
    watching = stages.watch(server.inference)
    print(server.url, flush=True)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        # The loop's thread is this one; the rest of it is what the sockets and their messages cost.
        loop = time.thread_time()
        parts = dict(times.spent)
        parts["transport"] = loop - parts["detector"] - parts["assembly"]
        parts["model"] = engine.model_cpu_s
        parts["batch"] = times.worker + processor_s(engine.pid) - engine.model_cpu_s
        figures = server.inference.scheduler.stats
        answer = {
            "parts": parts,
            "rss": resident_bytes(os.getpid()),
            "files": open_files(os.getpid()),
            "sessions": len(server.registry.connections),
            "engine_pid": engine.pid,
            "windows": figures.windows,
            "batches": sum(figures.batches.values()),
            "wall": time.monotonic(),
            "loop_p99_ms": stages.percentile_ms("loop late", 99.0),
            "stages": stages.read(),
        }
        print(json.dumps(answer), flush=True)
    watching.cancel()
    await server.drain()
    engine.close()


if __name__ == "__main__":
    errors_alone()
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=ModelRequest)))
