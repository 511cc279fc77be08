"""The engine's process: `python -m emoscope.streamer.engine.worker_main`, messages on standard input and output."""

import os
import signal
import sys
import time
import traceback
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ..protocol.errors import EmoscopeError, RecordInvalid, UsageError
from ..session.requests import Done, Engine, Failed, Request, Summary
from ..worker.codec import LENGTHS, lengths, pack
from .wire import Answer, Batch, FromEngine, Ready, ToEngine, Unusable, Wanted, unpack


def main() -> None:
    """Until the other side has gone, in whatever way."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the server: it drains with us, then lets us go
        signal.signal(number, signal.SIG_IGN)
    # The pipes are ours alone: whatever a library prints must not come between two messages.
    incoming, outgoing = os.dup(0), os.dup(1)
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    asked: SimpleQueue[ToEngine] = SimpleQueue()
    Thread(target=listen, args=(incoming, asked), name="emoscope pipe", daemon=True).start()
    code = 0
    try:
        serve(asked, outgoing)
    except BrokenPipeError:  # the server has gone, which is how we end
        pass
    except BaseException:  # a fault of ours: the log must show where
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)


def listen(incoming: int, asked: "SimpleQueue[ToEngine]") -> None:
    """In a thread of its own: the pipe's end ends the process, also one that computes or hangs."""
    try:
        while True:
            head, body = lengths(_exactly(incoming, LENGTHS.size))
            told, arrays = _exactly(incoming, head), _exactly(incoming, body)
            asked.put(unpack(told, arrays, ToEngine, copy=False))
    except (EOFError, OSError):
        os._exit(0)
    except RecordInvalid as error:
        sys.stderr.write(f"emoscope: {error}\n")
        sys.stderr.flush()
        os._exit(1)


def serve(asked: "SimpleQueue[ToEngine]", outgoing: int) -> None:
    """Load what the first message names, then answer one batch after the other."""
    wanted = asked.get()
    assert isinstance(wanted, Wanted)
    try:
        ready, engine = _load(wanted)
    except EmoscopeError as error:
        _send(outgoing, Unusable(message=str(error), usage=isinstance(error, UsageError)))
        return
    except Exception as error:  # whatever a library or a device can do wrong is told
        _send(outgoing, Unusable(message=f"{type(error).__name__}: {error}", usage=False))
        return
    _send(outgoing, ready)
    while isinstance(batch := asked.get(), Batch):
        _send(outgoing, _answer(engine, batch))


def _load(wanted: Wanted) -> tuple[Ready, Engine]:
    from .fusing import shipped_branch
    from .opening import open_engine

    opened = open_engine(
        wanted.model, device=wanted.device, threads=wanted.threads, batch=wanted.batch, many_sessions=True
    )
    if wanted.words:
        shipped_branch()
    began = time.perf_counter()
    opened.engine.warm()  # once more: `open_engine` has paid for what is lazy
    ready = Ready(contract=opened.contract, batch=opened.batch, window_s=time.perf_counter() - began)
    return ready, opened.engine


def _answer(engine: Engine, batch: Batch) -> Answer:
    requests: list[Request] = [*batch.windows, *batch.reads]
    began = time.thread_time()
    try:
        results = engine(requests)
    except Exception as error:  # whatever a backend throws, the sessions must hear of it
        results = [Failed(request.id, f"{type(error).__name__}: {error}") for request in requests]
    spent = time.thread_time() - began
    answer = Answer(windows=[], readings=[], failed=[], cpu_s=spent)
    for result in results:
        if isinstance(result, Failed):
            answer.failed.append(result)
        elif isinstance(result, Done):
            place: list[Any] = answer.windows if isinstance(result.value, Summary) else answer.readings
            place.append((result.id, result.infer_ms, result.value))
    return answer


def _exactly(pipe: int, count: int) -> memoryview:
    """So many bytes; EOFError at the end."""
    whole = memoryview(bytearray(count))
    done = 0
    while done < count:
        got = os.readv(pipe, [whole[done:]])
        if not got:
            raise EOFError
        done += got
    return whole


def _send(pipe: int, message: FromEngine) -> None:
    for part in pack(message):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


if __name__ == "__main__":
    main()
