"""The file of a speaker's voice in a live session: it is learnt, kept, read again, and refused where it is no voice."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
from live_player import TALK, live, run
from waiting import DEADLINE_S

from emoscope.models.speaker import SpeakerProfile
from emoscope.streamer import Config, RecordInvalid
from emoscope.streamer.protocol.events import (
    AnyEvent,
    EmotionFinal,
    Enrolled,
    SessionClosed,
)
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.updates import Notice
from emoscope.streamer.sinks.speaker_file import FORMAT, load_voice, save_voice
from emoscope.streamer.testing import CONTRACT, FakeClock, FakeEngine, FakeSource, silence, voice

CALM = np.concatenate([part for seed in range(4) for part in (voice(3.0, seed=seed), silence(0.8, seed=seed))])


def baselines_of(events: Sequence[AnyEvent]) -> list[str]:
    return [event.baseline for event in events if isinstance(event, EmotionFinal)]


def test_a_calm_voice_is_learnt_kept_and_known_the_next_time(tmp_path: Path) -> None:
    """`b`, ten seconds of calm speech, and a file: the next session reads against it from its first word on."""
    path = tmp_path / "me.voice"
    player = live(FakeSource(np.concatenate([CALM, TALK])), lossless=False, speaker_file=path)
    player.enroll()
    events = run(player)
    enrolled = [event for event in events if isinstance(event, Enrolled)]
    assert len(enrolled) == 1 and enrolled[0].seconds >= 10.0
    assert baselines_of(events)[-1] == "enrolled"
    assert path.is_file() and path.stat().st_size < 4000
    assert baselines_of(run(live(FakeSource(TALK), speaker_file=path))) == ["enrolled", "enrolled"]


def test_a_running_baseline_is_kept_at_the_end(tmp_path: Path) -> None:
    """Nothing needs to be pressed; without a file nothing is written."""
    path = tmp_path / "me.voice"
    source = FakeSource(TALK)
    config = Config(transcript=False, baseline="running")
    player = Live(source, lambda: (CONTRACT, FakeEngine()), config, speaker_file=path, clock=FakeClock())
    run(player)
    assert path.is_file()
    run(live(FakeSource(TALK)))
    assert [p.name for p in tmp_path.iterdir()] == ["me.voice"]


@pytest.mark.parametrize("content", [b"", b"{}", b"RIFF....WAVE", b"\x00" * 4096])
def test_a_file_that_is_no_voice_is_refused_and_left_alone(content: bytes, tmp_path: Path) -> None:
    """It is refused before any audio is read, and it is not written over."""
    path = tmp_path / "me.voice"
    path.write_bytes(content)
    player = live(FakeSource(TALK), speaker_file=path)
    run(player)
    assert isinstance(player.error, RecordInvalid) and "me.voice" in str(player.error)
    assert path.read_bytes() == content


def test_another_models_voice_is_refused(tmp_path: Path) -> None:
    """Its numbers would mean nothing, and would not be seen to be wrong."""
    path = tmp_path / "me.voice"
    save_voice(path, SpeakerProfile(np.ones(2, np.float32), 1.0), replace(CONTRACT, weights="other"))
    with pytest.raises(RecordInvalid, match="other weights"):
        load_voice(path, CONTRACT)
    for wrong in (SpeakerProfile(np.array([np.nan, 1], np.float32), 1.0), SpeakerProfile(np.ones(2, np.float32), 1e9)):
        save_voice(path, wrong, CONTRACT)
        with pytest.raises(RecordInvalid, match="not a speaker profile"):
            load_voice(path, CONTRACT)


@pytest.mark.parametrize(("about", "weight"), [("[]", [1.0]), ("{}", [1.0]), (None, [[1.0, 2.0]]), (None, [])])
def test_a_made_up_voice_is_refused(about: str | None, weight: list[Any], tmp_path: Path) -> None:
    """Whatever its header and its numbers look like."""
    about_it = {"format": FORMAT, "model": CONTRACT.id, "weights": CONTRACT.weights}
    tensors = {"mean": np.ones(2, np.float32), "weight": np.array(weight, np.float32)}
    content = safetensors.numpy.save(tensors, {"about": json.dumps(about_it) if about is None else about})
    (tmp_path / "me.voice").write_bytes(content)
    with pytest.raises(RecordInvalid, match=r"me\.voice"):
        load_voice(tmp_path / "me.voice", CONTRACT)


def test_a_voice_that_cannot_be_written_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    """A folder that is not there: a note, and the session goes on to its end."""
    player = live(FakeSource(np.concatenate([CALM, TALK])), speaker_file=tmp_path / "nowhere" / "me.voice")
    player.enroll()
    player.start()
    assert player.join(DEADLINE_S)
    news = player.updates()
    assert any(isinstance(item, Notice) and item.serious and "me.voice" in item.message for item in news)
    assert any(isinstance(item, SessionClosed) for item in news)
    assert player.write_failed
