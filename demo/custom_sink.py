"""An output of your own: `python demo/custom_sink.py [FILE]` writes a page of Markdown, a line for each utterance."""

import sys
from pathlib import Path

from emoscope.streamer import replay
from emoscope.streamer.sinks.event_file import EventFile


class Diary(EventFile):
    what, kept = "diary", "lines"

    def write(self, event):
        if event.type == "emotion.final":
            minutes, seconds = divmod(event.start, 60)
            self.append(f"- {minutes:02.0f}:{seconds:02.0f} **{event.label}** ({event.confidence:.2f})\n".encode())


recording = sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent / "recordings" / "conversation.flac"
with Diary(Path("diary.md")) as diary:
    for event in replay(recording):
        diary.write(event)
print(f"written: {diary.path}")
