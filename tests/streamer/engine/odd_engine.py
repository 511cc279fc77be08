"""The real worker around a model without torch that misbehaves where a window is loud: `python odd_engine.py HOW`."""

import os
import signal
import sys
import time

import numpy as np

from emoscope.streamer.engine import worker_main as worker
from emoscope.streamer.engine.wire import Ready
from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.session.requests import Encode
from emoscope.streamer.testing import CONTRACT, FakeEngine

HOW = sys.argv[1]
LOUD = 0.9


class Odd(FakeEngine):
    def __call__(self, requests):
        if any(isinstance(asked, Encode) and np.abs(asked.audio).max() > LOUD for asked in requests):
            if HOW == "hangs":
                time.sleep(3600)
            if HOW == "dies":
                os.kill(os.getpid(), signal.SIGSEGV)
            if HOW == "raises":
                raise MemoryError("no room for the batch")
            if HOW == "talks":
                os.write(CHANNEL, b"this is no message of ours")
                time.sleep(3600)
        if HOW == "chatters":
            print("a library talks", flush=True)
            os.write(1, b"and its native part too\n")
        return super().__call__(requests)


def load(wanted):
    if HOW == "unknown":
        raise UsageError(f"there is no model {wanted.model!r}")
    if HOW == "dies loading":
        os.kill(os.getpid(), signal.SIGKILL)
    return Ready(contract=CONTRACT, batch=16, window_s=0.01), Odd()


CHANNEL = os.dup(1)
worker._load = load
worker.main()
