"""Events are read in another thread than the one that queues them."""

import sys
from threading import Event, Thread

from emoscope.streamer.client.event_queue import CAPACITY, EventQueue
from emoscope.streamer.protocol.events import SpeechStarted


def test_each_event_comes_once_while_another_thread_reads() -> None:
    queue, seen, done = EventQueue(), [], Event()

    def read() -> None:
        while True:
            last = done.is_set()
            event = queue.pop()
            if event is not None:
                seen.append(event.seq)  # type: ignore[union-attr]
            elif last:
                return

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        queue.put(SpeechStarted(seq=seq, utterance=seq, start=0.0) for seq in range(1, CAPACITY + 200))
        reader = Thread(target=read)
        reader.start()
        for seq in range(CAPACITY + 200, 4_000):
            queue.put([SpeechStarted(seq=seq, utterance=seq, start=0.0)])
    finally:
        done.set()
        reader.join()
        sys.setswitchinterval(before)
    assert seen == list(range(1, 4_000))
