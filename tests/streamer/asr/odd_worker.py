"""The real worker with a backend that misbehaves: `python odd_worker.py HOW`."""

import os
import signal
import sys
import time

from emoscope.streamer.asr import worker
from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment

HOW = sys.argv[1]


class Odd:
    """Says one word, after it did what it was started for."""

    name, languages = "odd", ()

    def hear(self, audio, language, final):
        if HOW == "raises":
            raise MemoryError("no room for the beam")
        if HOW == "hangs":
            time.sleep(3600)
        if HOW == "dies":
            os.kill(os.getpid(), signal.SIGSEGV)
        if HOW == "late":
            time.sleep(2.0)
        if HOW == "garbage":
            os.write(CHANNEL, b"\x10\x00\x00\x00 this is no message")
            time.sleep(3600)
        if HOW == "chatters":
            print("a library talks", flush=True)
            os.write(1, b"and its native part too\n")
        word = SpokenWord(word="yes", start=0.0, end=len(audio) / 16_000, p=0.9)
        return Hypothesis(segments=(RecognizedSegment(words=(word,)),), language="en", language_p=0.9)


def load(asked):
    if HOW == "stuck loading":
        time.sleep(3600)
    if HOW == "dies loading":
        os.kill(os.getpid(), signal.SIGKILL)
    return Odd()


CHANNEL = os.dup(1)
worker.load = load
worker.main()
