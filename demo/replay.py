"""A recording's emotions from Python: `python demo/replay.py [FILE]`. The same events as from a microphone."""

import sys
from pathlib import Path

from emoscope.streamer import UnreadableAudio, replay

recording = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "recordings" / "conversation.flac"

try:
    for event in replay(recording):
        if event.type == "emotion.final":
            carried = max(event.attention, key=lambda span: span.weight)
            print(
                f"{event.start:6.1f}–{event.end:.1f} s  {event.label:<10} {event.confidence:.2f}"
                f"   most of it from {carried.start:.1f}–{carried.end:.1f} s"
            )
        elif event.type == "mood":
            print(f"{'mood':>16}  {event.label:<10} {event.confidence:.2f}")
except UnreadableAudio as error:
    sys.exit(str(error))
