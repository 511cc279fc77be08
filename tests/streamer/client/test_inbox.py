"""Events that wait are read from another thread than the one that brings them."""

import sys
from threading import Event, Thread

from emoscope.streamer.client.inbox import MOST, Inbox
from emoscope.streamer.protocol.events import SpeechStarted


def test_each_event_comes_once_while_another_thread_reads() -> None:
    box, seen, done = Inbox(), [], Event()

    def read() -> None:
        while True:
            last = done.is_set()
            event = box.take()
            if event is not None:
                seen.append(event.seq)  # type: ignore[union-attr]
            elif last:
                return

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        box.put(SpeechStarted(seq=seq, utterance=seq, start=0.0) for seq in range(1, MOST + 200))
        reader = Thread(target=read)
        reader.start()
        for seq in range(MOST + 200, 4_000):
            box.put([SpeechStarted(seq=seq, utterance=seq, start=0.0)])
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(before)
    assert seen == list(range(1, 4_000))
