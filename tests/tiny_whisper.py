"""Where the tiny faster-whisper model is that transcribes in tests: see its card.json."""

from pathlib import Path

TINY_WHISPER = Path(__file__).parent / "fixtures" / "tiny-whisper"
