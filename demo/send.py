"""A recording to a server, its emotions back: `python demo/send.py [FILE [URL]]`; start `emoscope serve` first."""

import sys
from pathlib import Path

import soundfile

from emoscope.streamer.client import Config, EmoscopeError, SyncClient

path = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "recordings" / "conversation.flac"
url = sys.argv[2] if len(sys.argv) > 2 else "ws://127.0.0.1:8765"

try:
    with soundfile.SoundFile(path) as file:
        config = Config(sample_rate=file.samplerate, channels=file.channels, pace="fast", interim=False)
        with SyncClient(url, config) as client:
            for event in client.stream(file.blocks(file.samplerate, dtype="int16")):
                if event.type == "emotion.final":
                    print(f"{event.start:7.1f}–{event.end:.1f} s  {event.label:<10} {event.confidence:.2f}")
                elif event.type in ("session.resumed", "warning"):  # the connection broke, and is there again
                    print(event)
except (EmoscopeError, soundfile.LibsndfileError) as error:
    sys.exit(str(error))
