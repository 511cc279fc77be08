"""Real recognizers, and what is no speech, too long, in another language, or kills them: emotions go on."""

import os
import shutil
import signal
from threading import Thread
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny_whisper import TINY_WHISPER
from waiting import DEADLINE_S, wait_until

from emoscope.streamer import Config, Session, VadConfig
from emoscope.streamer.asr import Choice, Recognizer, choose, prepare
from emoscope.streamer.protocol.events import (
    EmotionFinal,
    EmotionInterim,
    SessionClosed,
    TranscriptFinal,
    TranscriptInterim,
    WarningEvent,
)
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.runtime.updates import Meter, Notice
from emoscope.streamer.session.requests import Done, Failed, Transcribe, with_words
from emoscope.streamer.session.transcript.hypothesis import Hypothesis
from emoscope.streamer.session.transcript.rolling import to_int16
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, run, silence, voice

TINY = f"faster-whisper:{TINY_WHISPER}"
SAMPLE_RATE = 16_000

MADE = VadConfig(backend="webrtc")  # of made voices, and for sounds that it takes for one


def chosen(name: str) -> Choice:
    """The recognizer of that name, which must be there."""
    choice = choose(name)
    assert choice is not None
    return choice


@pytest.fixture(scope="module")
def recognizers():
    """Each real backend, loaded once."""
    with Recognizer(chosen(TINY)) as whisper, Recognizer(chosen("pocketsphinx")) as sphinx:
        for recognizer in (whisper, sphinx):
            recognizer.check()
        yield {"faster-whisper": whisper, "pocketsphinx": sphinx}


@pytest.fixture
def whisper(recognizers):
    return recognizers["faster-whisper"]


@pytest.fixture(scope="module")
def sentence(conversation):
    """ "Kids are talking by the door", 2.8 s, by a voice that the tiny Whisper was not trained with."""
    audio, _ = soundfile.read(conversation, dtype="float32")
    return audio[5_760:51_200]


def noise(seconds, colour):
    """White noise, or noise that falls by 3 dB an octave, as loud as speech."""
    count = int(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
    if colour == "pink":
        spectrum /= np.sqrt(np.arange(len(spectrum)) + 1)
    sound = np.fft.irfft(spectrum, count)
    return (0.3 * sound / np.abs(sound).max()).astype(np.float32)


def music(seconds):
    """Four chords and a melody above them, in decaying tones with five harmonics."""
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.zeros_like(time_s)
    chords = [(220, 277, 330), (196, 247, 294), (175, 220, 262), (196, 247, 294)]
    for beat in range(int(seconds * 2)):
        chosen = (time_s >= beat / 2) & (time_s < (beat + 1) / 2)
        since = time_s[chosen] - beat / 2
        chord = chords[beat // 2 % 4]
        for hz in (*chord, 2 * chord[0] * (1, 1.125, 1.25, 1.5)[beat % 4]):
            for harmonic in range(1, 6):
                sound[chosen] += np.exp(-3 * since) * np.sin(2 * np.pi * hz * harmonic * since) / harmonic
    return (0.2 * sound / np.abs(sound).max()).astype(np.float32)


def events_of(recognizer, audio, **options):
    options = {"vad": MADE} | options
    config = Config(**options)
    effective = prepare(recognizer, config).options
    session = Session(CONTRACT, Config(**(options | effective)), transcribe=True)
    blocks = [audio[begin : begin + SAMPLE_RATE] for begin in range(0, len(audio), SAMPLE_RATE)]
    return run(session, with_words(FakeEngine(), recognizer), blocks)


def of_type(events, kind):
    return [event for event in events if isinstance(event, kind)]


def assert_emotions_as_without_words(events, audio, **options):
    """As many interims and finals as of the voice alone, with its scores; no warning; words within their utterance.

    There is at least one utterance.
    """
    alone = run(Session(CONTRACT, Config(**({"vad": MADE} | options))), FakeEngine(), [audio])
    assert not of_type(events, WarningEvent)
    for kind in (EmotionInterim, EmotionFinal):
        ours, theirs = of_type(events, kind), of_type(alone, kind)
        assert ours
        assert [event.end for event in ours] == [event.end for event in theirs]
        np.testing.assert_allclose(
            [list(event.scores.values()) for event in ours],
            [list(event.scores.values()) for event in theirs],
            atol=1e-5,
        )
    transcripts = of_type(events, TranscriptFinal)
    assert len(transcripts) == len(of_type(events, EmotionFinal))
    for said in transcripts:
        assert all(said.start <= word.start <= word.end <= said.end for word in said.words)


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize(("name", "seconds"), [("faster-whisper", 30), ("pocketsphinx", 4)])
def test_nothing_is_said_in_noise(recognizers, name, colour, seconds):
    """The detector takes noise that begins suddenly for a voice: it gives emotions and no words."""
    audio = np.concatenate([silence(1.0), noise(seconds, colour), silence(1.0)])
    events = events_of(recognizers[name], audio)
    assert_emotions_as_without_words(events, audio)
    assert not of_type(events, TranscriptInterim)
    assert {event.text for event in of_type(events, TranscriptFinal)} == {""}


def test_music_brings_emotions_and_few_words(whisper):
    """What a recognizer sings along stays within what sounds, and the voice's readings are what they were."""
    audio = np.concatenate([music(5.0), silence(1.0)])
    events = events_of(whisper, audio)
    assert_emotions_as_without_words(events, audio)


def test_a_pause_of_a_minute_is_no_words_and_takes_none_along(whisper, sentence):
    """Nothing is asked in it; each side of it has its own words."""
    audio = np.concatenate([sentence, silence(30.0), np.zeros(30 * SAMPLE_RATE, np.float32), sentence, silence(1.0)])
    before = whisper.audio_s
    events = events_of(whisper, audio)
    one, other = of_type(events, TranscriptFinal)
    assert one.text == other.text != "" and other.words[0].start > 60
    assert whisper.audio_s - before < 12  # two finals and their interim passes
    assert_emotions_as_without_words(events, audio)


def test_a_language_that_was_locked_stays_when_another_is_spoken(whisper, sentence, shared):
    """English after German, of which the model is sure: no flip to and fro, and a configured language is kept."""
    german, rate = soundfile.read(shared / "corpora" / "emodb" / "03a01Fa.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    gap = silence(1.0)
    audio = np.concatenate([german, gap, sentence, gap, german, gap])
    finals = of_type(events_of(whisper, audio), TranscriptFinal)
    assert [final.language for final in finals if final.words] == ["de"] * 3
    assert finals[0].language_p > 0.8 and finals[1].language_p is None
    english = of_type(events_of(whisper, audio, language="en"), TranscriptFinal)
    assert [final.language for final in english if final.words] == ["en"] * 3


def test_a_two_minute_utterance_keeps_its_words_and_its_memory(whisper, sentence):
    """Cut at 120 s: the last pass gets all of it, words come in order, and nothing that is kept grows with it."""
    speech = sentence[6_000:-4_000]
    audio = np.tile(speech, 1 + int(124 * SAMPLE_RATE / len(speech)))[: 124 * SAMPLE_RATE]
    options: dict[str, Any] = {"vad": VadConfig(max_utterance_s=120), "refresh_s": 30.0, "interval_s": 10.0}
    session = Session(CONTRACT, Config(**options), transcribe=True)
    memory: list[Any] = []
    finals: list[Any] = []
    for begin in range(0, len(audio), 2 * SAMPLE_RATE):
        events = run(session, with_words(FakeEngine(), whisper), [audio[begin : begin + 2 * SAMPLE_RATE]], finish=False)
        finals += of_type(events, TranscriptFinal)
        memory.append(len(session.save()))
    [said] = finals
    assert said.end - said.start == pytest.approx(120, abs=0.1)
    assert len(said.words) > 20 and {word.word for word in said.words} >= {"are", "by", "the", "door."}
    starts = [word.start for word in said.words]
    assert starts == sorted(starts) and starts[-1] > 60
    assert memory[-1] < 1.1 * memory[1]


def test_a_pass_that_the_library_refuses_disables_transcription(whisper, sentence):
    """A language that no Whisper knows: one warning has its own error, emotions go on."""
    audio = np.concatenate([sentence, silence(1.0), sentence, silence(1.0)])
    events = events_of(whisper, audio, language="xx")
    [warning] = of_type(events, WarningEvent)
    assert warning.code == "text_disabled" and "xx" in warning.message
    assert [final.text for final in of_type(events, EmotionFinal)] == ["off", "off"]
    assert not whisper.failure  # others whom it serves still have their words


@pytest.mark.parametrize(("blow", "message"), [(signal.SIGKILL, "signal 9"), (signal.SIGSTOP, "timed out")])
@pytest.mark.parametrize("name", [TINY, "pocketsphinx"])
def test_a_real_recognizer_that_is_killed_or_hangs_fails_its_pass_and_is_started_again(name, blow, message, sentence):
    """The next pass, when it has loaded again, has its words."""
    audio = to_int16(sentence)
    limits: dict[str, Any] = {"timeout_s": 1.0, "timeout_per_audio_s": 0.0} if blow == signal.SIGSTOP else {}
    with Recognizer(chosen(name), **limits) as recognizer:
        recognizer.check()
        first = recognizer.pid
        os.kill(first, signal.SIGSTOP)  # so that the pass is not over before the process is killed
        answers = []
        asking = Thread(target=lambda: answers.extend(recognizer([Transcribe(2, 1, 0, 0, True, "en", audio)])))
        asking.start()
        wait_until(recognizer._worker._turn.locked)
        os.kill(first, blow)
        asking.join()
        [result] = answers
        assert isinstance(result, Failed) and message in result.message
        wait_until(lambda: not recognizer.failure)
        assert recognizer.pid != first
        assert message in recognizer.last_exit
        recognizer._timeout_s = 100.0
        [later] = recognizer([Transcribe(3, 1, 0, 0, True, "en", audio)])
        assert isinstance(later, Done) and isinstance(later.value, Hypothesis) and later.value.segments


def test_words_that_come_late_are_not_waited_for(whisper, sentence):
    """Live, with no patience at all: every emotion is there, and says `timeout`."""
    audio = np.concatenate([sentence, silence(1.0), sentence, silence(1.0)])
    lent: Any = Lent(whisper)
    player = Live(
        FakeSource(audio), lambda: (CONTRACT, FakeEngine()), Config(text_wait_s=0.0), start_recognizer=lambda: lent
    )
    player.start()
    assert player.join(DEADLINE_S)
    assert player.error is None
    events = [item for item in player.updates() if not isinstance(item, Meter | Notice)]
    finals = of_type(events, EmotionFinal)
    assert [final.text for final in finals] == ["timeout", "timeout"]
    alone = of_type(run(Session(CONTRACT), FakeEngine(), [audio]), EmotionFinal)
    assert [final.scores for final in finals] == [final.scores for final in alone]


class Lent:
    """A recognizer that its borrower must not close."""

    def __init__(self, recognizer):
        self._recognizer = recognizer

    def __getattr__(self, name):
        return getattr(self._recognizer, name)

    def __call__(self, requests):
        return self._recognizer(requests)

    def close(self):
        pass


def test_a_model_that_was_copied_by_half_is_reported(tmp_path):
    """Whatever the native library does about it."""
    shutil.copytree(TINY_WHISPER, tmp_path / "half")
    model = tmp_path / "half" / "model.bin"
    model.write_bytes(model.read_bytes()[: model.stat().st_size // 2])
    with Recognizer(chosen(f"faster-whisper:{tmp_path / 'half'}")) as recognizer:
        words = prepare(recognizer, Config())
        assert words.recognizer is None
        [warning] = words.warnings
        assert warning.code == "text_disabled" and "--asr pocketsphinx" in warning.message


def test_nothing_is_said_in_silence_though_the_tiny_model_would(whisper):
    """Shown digital silence it says a sentence, as Whisper does; a session never shows it any."""
    zeros = np.zeros(2 * SAMPLE_RATE, np.int16)
    [result] = whisper([Transcribe(1, 1, 0, 0, True, "en", zeros)])
    assert isinstance(result, Done)
    audio = np.concatenate([np.zeros(5 * SAMPLE_RATE, np.float32), silence(5.0), 1e-4 * voice(3.0)])
    before = whisper.audio_s
    events = events_of(whisper, audio)
    assert isinstance(events[-1], SessionClosed) and not of_type(events, TranscriptFinal)
    assert whisper.audio_s == before
