"""`emoscope bench integrations`: a row for each door, by doors that need no framework."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emoscope.streamer.bench import integrations
from emoscope.streamer.bench.doors import DOORS, Door, Passed, Sound
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.events import EmotionFinal

SHORT_S = 4.0


@pytest.fixture
def short(conversation: Path, tmp_path: Path) -> Path:
    """A recording with one utterance."""
    samples, rate = soundfile.read(conversation, frames=round(SHORT_S * 16_000))
    soundfile.write(tmp_path / "short.wav", samples, rate)
    return tmp_path / "short.wav"


def replayed(sound: Sound, speed: float) -> Passed:
    """A door that is a replay itself."""
    return Passed(integrations.finals_of(sound), [0.001, 0.003])


def silent(sound: Sound, speed: float) -> Passed:
    """A door that reads nothing."""
    return Passed([], [0.001])


@pytest.mark.parametrize(("read", "code", "says"), [(replayed, 0, "1 equal"), (silent, 1, "DIFFER")])
def test_finals_are_compared_with_a_replays(read, code, says, short, monkeypatch, capsys) -> None:
    """The exit code says whether every door gave them."""
    monkeypatch.setattr(integrations, "DOORS", (Door("Made up", "", read, silent),))
    assert main(["bench", "integrations", str(short), "--seconds", "0.1"]) == code
    assert says in capsys.readouterr().out


def test_a_door_without_its_framework_is_a_line_and_the_others_are_measured(short, monkeypatch, capsys) -> None:
    """The exit code is 1, because it was asked for."""
    for name in ("emoscope.streamer.bench.pipecat_door", "emoscope.streamer.integrations.pipecat"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "pipecat", None)
    monkeypatch.setattr(integrations, "DOORS", (DOORS[0], Door("Here", "", replayed, silent)))
    assert main(["bench", "integrations", str(short), "--seconds", "0.1", "--json"]) == 1
    away, here = json.loads(capsys.readouterr().out)
    assert away["missing"] == "needs its framework: pip install 'emoscope[pipecat]'"
    assert (here["differ"], here["p50"], here["most"]) == (0, 2.0, 3.0)


def test_an_unknown_door_is_an_error_that_lists_the_doors(short, capsys) -> None:
    """As for every other name."""
    assert main(["bench", "integrations", str(short), "--only", "window"]) == 2
    assert all(door.name in capsys.readouterr().err for door in DOORS[:1])


def test_a_changed_score_is_a_difference(short) -> None:
    """Equal means the same labels, times and scores."""
    sound = integrations.sound_of(short)
    expected = integrations.finals_of(sound)
    [final] = expected
    assert isinstance(final, EmotionFinal)

    def read(sound: Sound, speed: float) -> Passed:
        import msgspec

        return Passed([msgspec.structs.replace(final, end=final.end + 0.02)], [0.0])

    cost = integrations.measure(Door("Made up", "", read, silent), sound, expected, 0.1)
    assert cost.differ == 1
    assert cost.line.count("DIFFER") == 1
    assert replace(cost, differ=0).line.count("equal") == 1


def test_a_sound_is_played_again_where_it_is_shorter() -> None:
    """So that any length can be timed."""
    sound = Sound(np.arange(10, dtype=np.int16), 10)
    assert list(sound.head(2.5).samples) == [*range(10), *range(10), *range(5)]
