"""The demos of a model and of an output of one's own, as a reader would run them."""

import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def recording(conversation: Path, tmp_path: Path) -> Path:
    """The first 12 s of the demo recording: four utterances."""
    samples, rate = soundfile.read(conversation, frames=12 * 16_000)
    soundfile.write(tmp_path / "short.wav", samples, rate)
    return tmp_path / "short.wav"


def run(name: str, recording: Path) -> str:
    script = ROOT / "demo" / name
    assert len(script.read_text(encoding="utf-8").splitlines()) < 30
    command = [sys.executable, str(script), str(recording)]
    done = subprocess.run(command, capture_output=True, timeout=120, text=True, check=True, cwd=recording.parent)
    return done.stdout


def test_a_model_of_ones_own_reads_a_recording(recording: Path) -> None:
    """It says of each utterance how loud it was: the angry one is, the calm one is not."""
    lines = run("custom_model.py", recording).splitlines()
    assert len(lines) >= 3
    labels = [line.split()[2] for line in lines]
    assert set(labels) == {"loud", "soft"}


def test_an_output_of_ones_own_has_a_line_for_each_utterance(recording: Path) -> None:
    """And is never written over an older one."""
    assert "diary.md" in run("custom_sink.py", recording)
    diary = (recording.parent / "diary.md").read_text()
    assert len(diary.splitlines()) >= 3
    assert all(line.startswith("- 00:") and "**" in line for line in diary.splitlines())
    with pytest.raises(subprocess.CalledProcessError):
        run("custom_sink.py", recording)
    assert (recording.parent / "diary.md").read_text() == diary
