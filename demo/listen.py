"""A microphone's emotions from Python: `python demo/listen.py [DEVICE [SECONDS]]`; Ctrl+C ends."""

import sys

from emoscope.streamer import UnusableDevice, listen

microphone = sys.argv[1] if len(sys.argv) > 1 else None
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else None

try:
    for event in listen(microphone, seconds=seconds):
        if event.type == "session.created":
            print(event.notice)
        elif event.type == "emotion.interim":
            print(f"\r… {event.label:<10} {event.confidence:.2f}", end="", flush=True)
        elif event.type == "emotion.final":
            print(f"\r{event.start:7.1f}–{event.end:.1f} s  {event.label:<10} {event.confidence:.2f}")
        elif event.type == "warning":
            print(f"\r{event.code}: {event.message}")
except KeyboardInterrupt:
    print()
except UnusableDevice as error:
    sys.exit(str(error))
