"""What `emoscope bench replay --full` adds: two threads, memory, and openSMILE."""

import json
from pathlib import Path

import pytest
import soundfile
from real_voice import sentence

from emoscope.streamer import UsageError
from emoscope.streamer.bench import comparison
from emoscope.streamer.bench.comparison import HOUR_S, MINUTE_S, Comparison
from emoscope.streamer.bench.replay_memory import repeated
from emoscope.streamer.engine.opening import open_engine


def test_the_figures_are_for_a_second_of_sound() -> None:
    measured = Comparison((2.0, 1.5), {MINUTE_S: 400.0, HOUR_S: 420.0}, 6.0, 3.25)
    summary = measured.summary(100.0)
    assert summary["two_threads"] == {"rtf": 0.02, "wall_rtf": 0.015}
    assert summary["memory_mb"] == {"minute": 400.0, "hour": 420.0} and summary["opensmile"]["rtf"] == 0.06
    assert json.dumps(summary) and summary["load"] == 3.25
    lines = "\n".join(measured.lines(100.0, 0.01))
    assert "400 MB for a minute, +20 MB for an hour" in lines and "6.0 times as much" in lines


def test_a_file_is_repeated_until_the_time_is_over(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sentence(0), 16_000)
    count = sum(len(block) for block in repeated(tmp_path / "a.wav", 10.0))
    assert 10.0 * 16_000 <= count < 11.1 * 16_000


def test_memory_is_that_of_a_process_of_its_own(tmp_path: Path, tiny_model: Path) -> None:
    soundfile.write(tmp_path / "a.wav", sentence(0), 16_000)
    assert comparison._memory_mb(str(tiny_model), tmp_path / "a.wav", 5.0) > 50.0


def test_without_opensmile_it_is_said_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "opensmile", None)
    with pytest.raises(UsageError, match=r"emoscope\[opensmile\]"):
        comparison.compare("small", open_engine("small"), [], 1, lambda opened: 0.0)
