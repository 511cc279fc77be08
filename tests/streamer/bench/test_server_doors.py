"""A call through the server's doors gives the finals of a replay of what the telephone left of the sound."""

from pathlib import Path

import pytest

from emoscope.streamer.bench.doors import DOORS, Sound
from emoscope.streamer.bench.integrations import FAST, finals_of, sound_of
from emoscope.streamer.testing import differences

HEARD_S = 8.6  # two utterances of the demo recording


@pytest.fixture(scope="module")
def sound(conversation: Path) -> Sound:
    return sound_of(conversation).head(HEARD_S)


@pytest.mark.parametrize("name", ["Twilio", "Asterisk"])
def test_finals_of_a_call_are_those_of_a_replay(name: str, sound: Sound) -> None:
    [door] = [door for door in DOORS if door.name == name]
    heard = sound if door.sound is None else door.sound(sound)
    expected = finals_of(heard)
    assert len(expected) == 2
    assert differences(door.read(sound, FAST).finals, expected) == []
