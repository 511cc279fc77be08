"""The voice detector on sounds that have misled detectors before."""

import copy

import numpy as np
import pytest
from no_voice import pink

from emoscope.streamer.session.spans import speech_spans
from emoscope.streamer.session.vad import FRAME, VoiceDetector
from emoscope.streamer.testing import CONTRACT, silence, voice


def test_a_quiet_voice_after_a_loud_one_is_detected():
    """26 dB softer, two seconds later: the level tracker must have let go by then."""
    loud, soft = voice(2.0, level=0.6), voice(2.0, 170.0, level=0.03, seed=2)
    audio = np.concatenate([silence(1.0), loud, silence(2.0), soft, silence(1.0)])
    spans = speech_spans(audio, CONTRACT)
    assert len(spans) == 2
    start, end = spans[1]
    assert abs(start - 5.0 * 16_000) < 0.2 * 16_000 and end - start > 1.8 * 16_000


@pytest.mark.parametrize("level", [1e-5, 1e-4, 1e-3])
def test_steady_noise_is_no_voice(level):
    """A minute of white noise at -100, -80 and -60 dBFS."""
    assert speech_spans(silence(60.0, level), CONTRACT) == []


@pytest.mark.parametrize("level", [1e-3, 1e-2, 3e-2])
def test_noise_from_the_first_sample_on_is_no_voice(level):
    """The noise is at -60 to -30 dBFS, and no quieter sound came before it."""
    assert speech_spans(silence(10.0, level), CONTRACT) == []


def test_a_restless_noise_from_the_first_sample_on_is_soon_taken_for_the_room():
    """Pink noise moves by more than a hiss: at -40 dBFS it may pass for a voice once, not for good."""
    spans = speech_spans(pink(30.0, 1e-2), CONTRACT)
    assert sum(b - a for a, b in spans) < 4 * 16_000


def test_an_utterance_begins_with_the_voice_and_not_with_the_room_before_it():
    """A studio recording: digital silence, a faint and restless room, then somebody speaks."""
    room = np.concatenate([pink(0.1, 10 ** (db / 20)) for db in (-85, -72, -80, -70, -78, -74, -83, -71)])
    audio = np.concatenate([silence(0.3, 0.0), room, voice(2.0), silence(1.0, 1e-4)])
    [(start, _)] = speech_spans(audio, CONTRACT)
    assert abs(start - 1.1 * 16_000) < 0.15 * 16_000


@pytest.mark.parametrize(("before", "after"), [(0.0, 1e-3), (1e-4, 3e-3), (1e-3, 3e-2)])
def test_a_noise_that_sets_in_is_soon_taken_for_the_room(before, after):
    """A microphone unmuted, a fan switched on: two seconds of doubt at most."""
    audio = np.concatenate([silence(5.0, before), silence(40.0, after, seed=3)])
    assert sum(b - a for a, b in speech_spans(audio, CONTRACT)) < 2 * 16_000


def test_a_voice_after_a_siren_is_detected_from_its_start():
    """Three seconds of an even, loud sound are taken for the room; when they end, the room is what it was."""
    time = np.arange(16_000 * 3) / 16_000
    siren = (0.5 * np.sin(2 * np.pi * 700 * time)).astype(np.float32)
    audio = np.concatenate([silence(1.0), siren, silence(1.0), voice(2.0), silence(1.0)])
    starts = [start / 16_000 for start, _ in speech_spans(audio, CONTRACT)]
    assert any(abs(start - 5.0) < 0.2 for start in starts)


def test_a_constant_offset_is_no_sound():
    """A sound card's direct current moves nothing."""
    audio = np.concatenate([silence(1.0), voice(3.0), silence(1.5)])
    assert speech_spans(audio, CONTRACT) == speech_spans(audio + np.float32(0.3), CONTRACT)


def test_a_hum_is_no_voice_for_long():
    """Mains hum is even; after the first moments it is taken for the room."""
    time = np.arange(16_000 * 30) / 16_000
    hum = (0.01 * np.sin(2 * np.pi * 50 * time)).astype(np.float32)
    assert sum(b - a for a, b in speech_spans(hum, CONTRACT)) < 2 * 16_000


def test_a_voice_that_begins_with_the_recording_is_detected_from_its_start():
    """No run-in of silence is needed."""
    [(start, end)] = speech_spans(np.concatenate([voice(3.0), silence(1.0)]), CONTRACT)
    assert start < 0.3 * 16_000 and end > 2.9 * 16_000


def test_a_detector_rebuilt_from_its_state_judges_as_before():
    """The state that webrtcvad keeps in C is restored by the same frames; and blocks of any length are as one frame."""
    audio = np.concatenate([silence(0.5), voice(1.5), silence(0.5), voice(1.0, 230.0)])
    audio = audio[: len(audio) // FRAME * FRAME]
    whole = VoiceDetector(0.5)
    expected = [one for start in range(0, len(audio), FRAME) for one in whole.judge(audio[start : start + FRAME])]
    assert sum(voicing.starts for voicing, _ in expected) > 20
    for stop in range(3 * FRAME, len(audio), 17 * FRAME):
        first = VoiceDetector(0.5)
        judged = list(first.judge(audio[:stop]))
        second = VoiceDetector(0.5, copy.deepcopy(first.state))
        assert judged + list(second.judge(audio[stop:])) == expected
