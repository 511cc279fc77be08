"""What the default detector refuses and what it keeps, with the real network: sounds, coughs, and a real voice."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import soundfile
from no_voice import Sound, music, pink, pink_waves, plucked, rain, ticking

from emoscope.streamer import Config, Session, VadConfig
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.engine.voice_activity import detect_voice
from emoscope.streamer.protocol.events import EmotionFinal, EmotionInterim, SpeechEnded, SpeechStarted
from emoscope.streamer.session.requests import DetectVoice, Request, Result, Transcribe
from emoscope.streamer.session.vad import FRAME
from emoscope.streamer.testing import CONTRACT, FakeEngine, answer_all, run, silence
from emoscope.train.corpora import load_corpora
from emoscope.train.corpora.audio import read_clip
from emoscope.train.evaluation.claims import NO_CLAIM

WEBRTC = Config(vad=VadConfig(backend="webrtc"))


class Listening(FakeEngine):
    """Hears voices by the real network, and notes what it is asked for."""

    detect = staticmethod(detect_voice)  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Request] = []

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        self.asked += requests
        return super().__call__(requests)

    def other_than_voices(self) -> list[Request]:
        return [request for request in self.asked if not isinstance(request, DetectVoice)]


def utterances(audio: Sound, config: Config, engine: Listening | None = None) -> list[tuple[float, float]]:
    """Start and end of each utterance of a session with words."""
    session = Session(CONTRACT, config, transcribe=True)
    blocks = (audio[begin : begin + 16_000] for begin in range(0, len(audio), 16_000))
    events = run(session, engine or Listening(), blocks)
    return [(event.start, event.end) for event in events if isinstance(event, SpeechEnded)]


@pytest.mark.parametrize("sound", [plucked, pink_waves, rain, music])
def test_a_sound_that_webrtcvad_takes_for_a_voice_gets_no_reading_and_no_words(sound: Callable[[float], Sound]):
    """A minute of plucked notes, waves, rain and music: nothing is asked of the model or the recognizer."""
    engine = Listening()
    assert utterances(sound(60.0), Config(), engine) == []
    assert engine.other_than_voices() == []
    alone = utterances(sound(60.0), WEBRTC)
    assert sum(end - start for start, end in alone) > 20.0, "the sound must be one that could mislead"


@pytest.mark.parametrize("level", [1e-3, 1e-2, 1e-1])
def test_pink_noise_from_the_first_sample_on_gets_no_reading(level: float):
    """webrtcvad alone takes it for a voice until it knows the room."""
    engine = Listening()
    assert utterances(pink(30.0, level), Config(), engine) == [] and engine.other_than_voices() == []


def test_a_ticking_clock_gets_no_reading():
    engine = Listening()
    assert utterances(ticking(60.0), Config(), engine) == [] and engine.other_than_voices() == []


@pytest.mark.parametrize("sound", [rain, music])
def test_an_hour_of_rain_or_music_gets_no_reading_and_the_session_does_not_grow(sound: Callable[[float], Sound]):
    session, engine, piece = Session(CONTRACT, Config(), transcribe=True), Listening(), sound(20.0)
    largest = []
    for _ in range(60):
        assert run(session, engine, [piece] * 3, finish=False) == []
        largest.append(len(session.save()))
    assert session.audio_s == 3_600.0 and engine.other_than_voices() == []
    assert max(largest[30:]) <= 1.2 * max(largest[:5])


def test_coughs_are_not_transcribed_and_words_are_asked_for_only_of_a_voice(
    shared: Path, conversation: Path, tmp_path: Path
):
    """Three made coughs, of which Whisper-base makes words; then a sentence, and the coughs again."""
    subprocess.run([sys.executable, str(shared / "made_coughs.py")], cwd=tmp_path, check=True)
    coughs, _ = soundfile.read(tmp_path / "coughs.wav", dtype="float32")
    engine = Listening()
    assert utterances(coughs, Config(), engine) == [] and engine.other_than_voices() == []
    assert utterances(coughs, WEBRTC), "they must be coughs that could mislead"

    sentence, rate = soundfile.read(conversation, dtype="float32", stop=4 * 16_000)
    assert rate == 16_000
    engine = Listening()
    [(start, end)] = utterances(np.concatenate([coughs, sentence, silence(1.5), coughs]), Config(), engine)
    voice = (len(coughs) / rate, (len(coughs) + len(sentence)) / rate)
    assert voice[0] <= start < end <= voice[1] + 0.3
    passes = [request for request in engine.asked if isinstance(request, Transcribe)]
    assert passes and all(start <= one.begin / rate and (one.begin + len(one.audio)) / rate <= end for one in passes)


def first_times(audio: Sound, config: Config) -> list[tuple[float, float]]:
    """For each utterance: its onset, and how much audio had come when its first reading was there."""
    session, engine = Session(CONTRACT, config), Listening()
    onsets: dict[int, float] = {}
    readings: dict[int, float] = {}
    for begin in range(0, len(audio), FRAME):
        for event in answer_all(session, engine, *session.feed(audio[begin : begin + FRAME])):
            if isinstance(event, SpeechStarted):
                onsets[event.utterance] = event.start
            elif isinstance(event, EmotionInterim):
                readings.setdefault(event.utterance, session.audio_s)
    return [(onsets[number], readings[number]) for number in sorted(readings)]


def voiced_from(audio: Sound, after: float) -> float:
    """Where the sound rises above -50 dBFS after a time, in seconds: a breath before a word does not."""
    for frame in count(int(after * 50)):
        if np.sqrt(np.mean(audio[frame * FRAME : (frame + 1) * FRAME] ** 2)) > 10 ** (-50 / 20):
            return frame / 50
    raise AssertionError


def test_the_onset_of_a_voice_is_kept_and_its_first_reading_is_hardly_later(conversation: Path):
    """Sixteen acted sentences. webrtcvad alone begins three of them at a breath; their words begin where they did."""
    audio, _ = soundfile.read(conversation, dtype="float32")
    alone, checked = first_times(audio, WEBRTC), first_times(audio, Config())
    assert len(alone) == len(checked) == 16
    breaths = 0
    for (early, first), (onset, later) in zip(alone, checked, strict=True):
        word = voiced_from(audio, early)
        assert onset <= max(early, word) + 0.04, "nothing of the first word is lost"
        if onset - early > 0.2:
            breaths += 1
            assert word - early > 0.2, "what was left out is no voice"
        else:
            assert later <= first + 0.2
    assert breaths <= 3


def test_a_scream_is_found_by_the_second_look_from_its_onset(shared: Path) -> None:
    """The network alone takes this angry voice for none; its whole length becomes an utterance."""
    audio = read_clip(shared / "corpora" / "ravdess" / "03-01-05-02-01-01-18.flac", 16_000)

    def ended(config: Config) -> list[SpeechEnded]:
        return [e for e in run(Session(CONTRACT, config), Listening(), [audio]) if isinstance(e, SpeechEnded)]

    found, alone = ended(Config()), ended(WEBRTC)
    assert not ended(Config(vad=VadConfig(backend="silero")))
    assert found and found[0].start <= alone[0].start + 0.1 and found[-1].end >= alone[-1].end - 0.3


def test_ten_people_who_read_at_once_get_no_claim_of_an_emotion(shared: Path) -> None:
    """Their speech is heard as one voice, and none of them plays an emotion; nothing fails."""
    by_speaker: dict[str, list[Sound]] = {}
    for clip in load_corpora(shared / "corpora", ["read"]):
        own = by_speaker.setdefault(clip.speaker, [])
        if sum(map(len, own)) < 15 * 16_000 and (len(by_speaker) <= 10 or own):
            audio = read_clip(clip.path, 16_000)
            own.append(0.05 * audio / np.sqrt(np.mean(audio**2)))
    people = [np.resize(np.concatenate(own), 15 * 16_000) for own in list(by_speaker.values())[:10]]
    crowd = np.sum(people, 0, dtype=np.float32)
    opened = open_engine("small")
    events = run(Session(opened.contract), opened.engine, [0.3 * crowd / np.abs(crowd).max()])
    finals = [event for event in events if isinstance(event, EmotionFinal)]
    assert finals and sum(final.end - final.start for final in finals) > 10.0
    assert {final.label for final in finals} <= {*NO_CLAIM}
