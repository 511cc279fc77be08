"""The demo of a language model that is told how the voice sounded, as a reader would run it."""

import subprocess
import sys
from pathlib import Path

import soundfile

SCRIPT = Path(__file__).resolve().parents[2] / "demo" / "agent.py"


def test_the_prompt_says_of_each_utterance_how_it_sounded(conversation: Path, tmp_path: Path) -> None:
    """In under forty lines: the caution once, then a line before each thing said, and none where it is unsure."""
    assert len(SCRIPT.read_text(encoding="utf-8").splitlines()) < 40
    samples, rate = soundfile.read(conversation, frames=12 * 16_000)
    soundfile.write(tmp_path / "short.wav", samples, rate)
    command = [sys.executable, str(SCRIPT), "short.wav"]
    done = subprocess.run(command, capture_output=True, timeout=120, text=True, check=True, cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert "no fact" in lines[0]
    assert sum(line.startswith("(voice) ") for line in lines) >= 2
    assert sum(line.startswith("(what was said") for line in lines) >= 3
