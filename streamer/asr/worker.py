"""The recognizer's process: `python -m emoscope.streamer.asr.worker`, messages on its standard input and output.

A native library that crashes takes this process with it, and nothing else.
"""

import os
import signal
import sys
import time
import traceback
from typing import BinaryIO

import numpy as np

from .backend import Backend, load
from .frames import Ask, Broken, Load, Ready, Said, receive, send, to_worker


def main() -> None:
    """Until the other side closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the session: it ends us when it is done
    # The pipes are ours alone: whatever a library prints must not come between two messages.
    incoming = os.fdopen(os.dup(0), "rb")
    outgoing = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    with open(os.devnull, "rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    code = 0
    try:
        serve(incoming, outgoing)
    except BrokenPipeError:
        pass
    except BaseException:  # a fault of ours: whoever looks at standard error sees where
        traceback.print_exc()
        code = 1
    sys.stderr.flush()
    os._exit(code)  # taking a native library down can last, or crash: nothing here needs it


def serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    """Load what the first message names, then answer one pass after the other."""
    asked = receive(incoming, to_worker)
    if not isinstance(asked, Load):
        return
    try:
        backend = load(asked)
    except Exception as error:  # whatever a library or a model can do wrong is told
        send(outgoing, Broken(message=_said(error)))
        return
    send(outgoing, Ready(name=backend.name, languages=backend.languages))
    while isinstance(message := receive(incoming, to_worker), Ask):
        send(outgoing, _answer(backend, message))


def _answer(backend: Backend, asked: Ask) -> Said | Broken:
    began = time.perf_counter()
    try:
        hypothesis = backend.hear(np.frombuffer(asked.audio, "<i2"), asked.language, asked.final)
    except Exception as error:
        return Broken(id=asked.id, message=_said(error))
    return Said(id=asked.id, hypothesis=hypothesis, infer_ms=(time.perf_counter() - began) * 1e3)


def _said(error: Exception) -> str:
    """An error in one line."""
    text = " ".join(str(error).split())[:300]
    return text or type(error).__name__


if __name__ == "__main__":
    main()
