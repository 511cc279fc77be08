"""What of a recognizer's words is believed."""

import math

import numpy as np
import pytest

from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.transcript.gate import audible, kept_words
from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment
from emoscope.streamer.session.transcript.rolling import to_int16
from emoscope.streamer.testing import silence, voice


def recognized(*words, **doubts):
    parts = tuple(SpokenWord(word=text, start=start, end=end, p=0.9) for text, start, end in words)
    return Hypothesis(segments=(RecognizedSegment(words=parts, **doubts),), language="en")


SPEECH = to_int16(voice(2.0))
WORDS = (("kids", 0.1, 0.5), ("are", 0.6, 0.9), ("talking", 1.0, 1.7))


def test_what_is_too_short_or_too_quiet_is_never_shown_to_a_recognizer():
    """Digital silence, a quiet room, an instant."""
    assert audible(SPEECH)
    assert not audible(np.zeros(32_000, np.int16))
    assert not audible(to_int16(silence(2.0)))
    assert not audible(SPEECH[:1_600]) and not audible(SPEECH[:0])


@pytest.mark.parametrize("seed", range(5))
def test_steady_noise_is_never_shown_to_a_recognizer_and_speech_in_noise_is(seed):
    """White and pink noise, short and long, and a hum; a voice 10 dB above white noise still is."""
    random = np.random.default_rng(seed)
    for seconds in (0.6, 5.0):
        white = random.standard_normal(int(seconds * 16_000))
        spectrum = np.fft.rfft(white)
        pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), len(white))
        hum = np.sin(2 * np.pi * 50 * np.arange(len(white)) / 16_000)
        for sound in (white, pink, hum):
            assert not audible(to_int16((0.1 * sound / np.abs(sound).max()).astype(np.float32)))
    speech = voice(2.0, seed=seed)
    around = random.standard_normal(len(speech)) * np.sqrt(np.mean(speech**2) / 10)
    assert audible(to_int16((speech + around).astype(np.float32)))


@pytest.mark.parametrize(
    ("doubts", "kept"),
    [
        ({}, 3),
        ({"no_speech_p": 0.9}, 3),
        ({"avg_logprob": -1.2}, 3),
        ({"no_speech_p": 0.9, "avg_logprob": -1.2}, 0),
        ({"avg_logprob": -2.0}, 0),
        ({"compression_ratio": 3.0}, 0),
    ],
)
def test_a_recognizers_own_doubts_count(doubts, kept):
    """Whisper's rule: nobody speaks, and the text is unsure; or the text goes in circles."""
    assert len(kept_words(recognized(*WORDS, **doubts), SPEECH, 0)) == kept


def test_a_text_faster_than_speech_is_not_believed():
    """Fifty words in two seconds."""
    assert kept_words(recognized(*(("no", i / 25, i / 25 + 0.03) for i in range(50))), SPEECH, 0) == []


def test_a_word_under_which_nothing_sounds_is_left_out():
    """The sentence that Whisper adds in the silence after a voice."""
    audio = to_int16(np.concatenate([voice(1.0), np.zeros(32_000, np.float32)]))
    said = recognized(("yes", 0.2, 0.8), ("thanks", 1.8, 2.0), ("for", 2.1, 2.2), ("watching", 2.3, 2.8))
    assert [word.word for word in kept_words(said, audio, 16_000)] == ["yes"]


def test_words_are_told_on_the_sessions_clock_and_within_the_audio():
    """In order, also where a recognizer's times run backwards or past the end."""
    words = kept_words(recognized(("a", 0.5, 9.0), ("b", 0.2, 0.3), ("c", 1.0, 1.5), ("d", 2.5, 3.0)), SPEECH, 160_000)
    assert [word.word for word in words] == ["a", "b", "c"]
    assert [word.start for word in words] == [10.5, 10.5, 11.0]
    assert all(word.start <= word.end <= 12.0 for word in words)


def test_words_without_text_or_numbers_are_left_out():
    """A recognizer is another's code."""
    said = recognized((" ", 0.1, 0.2), ("x", math.nan, 0.5), ("y", 0.1, math.inf), ("z", 0.5, 0.9))
    assert [word.word for word in kept_words(said, SPEECH, 0)] == ["z"]
