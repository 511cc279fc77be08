"""The language of a session: it is locked on a confident detection, and the lock can be lifted."""

import numpy as np

from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment
from emoscope.streamer.testing import FakeEngine, answer_all, run, silence, voice

from .word_sessions import events_of, of_type, session_of


class Speaker(FakeEngine):
    """Says one word, in a language, as sure as it is told; remembers which languages it was told."""

    def __init__(self, languages, p=0.95, logprob=-0.2):
        super().__init__()
        self.languages, self.p, self.logprob, self.told = list(languages), p, logprob, []

    def transcribe(self, request):
        if request.final:
            self.told.append(request.language)
        language = request.language or (self.languages[0] if not request.final else self.languages.pop(0))
        word = SpokenWord(word="so", start=0.1, end=0.5, p=0.9)
        segment = RecognizedSegment(words=(word,), avg_logprob=self.logprob)
        return Hypothesis(segments=(segment,), language=language, language_p=None if request.language else self.p)


FOUR = np.concatenate([np.concatenate([voice(2.0, seed=i), silence(1.0)]) for i in range(4)])


def test_the_language_is_locked_on_the_first_confident_detection():
    """And then told to the recognizer; every final says it."""
    engine = Speaker(["en", "de", "fr", "pl"])
    events = events_of([FOUR], engine)
    assert engine.told == [None, "en", "en", "en"]
    assert [e.language for e in of_type(events, "transcript.final")] == ["en"] * 4


def test_an_unsure_detection_locks_nothing():
    """Each utterance is detected anew until one is sure."""
    engine = Speaker(["en", "de", "fr", "pl"], p=0.5)
    events_of([FOUR], engine)
    assert engine.told == [None] * 4


def test_a_language_that_was_told_is_never_detected():
    """`language` of the config goes with every pass."""
    engine = Speaker(["xx"] * 4)
    events_of([FOUR], engine, language="de")
    assert engine.told == ["de"] * 4


def test_the_lock_is_lifted_when_nothing_is_understood_any_more():
    """The speaker has changed the language: after two utterances of which nothing is believed it is detected again."""
    engine = Speaker(["en", "pl"])
    session = session_of()
    one = np.concatenate([voice(2.0), silence(1.0)])
    run(session, engine, [one], finish=False)
    engine.logprob = -2.5
    for _ in range(2):
        run(session, engine, [one], finish=False)
    engine.logprob = -0.2
    run(session, engine, [one], finish=False)
    run(session, engine, [one])
    assert engine.told == [None, "en", "en", None, "pl"]


def test_reset_opens_the_language_again():
    """Another person may be speaking."""
    engine = Speaker(["en", "pl"])
    session = session_of()
    run(session, engine, [FOUR[:48_000]], finish=False)
    answer_all(session, engine, *session.reset())
    run(session, engine, [FOUR[:48_000]])
    assert engine.told == [None, None]
