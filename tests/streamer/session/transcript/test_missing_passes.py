"""A session whose recognizer fails, is late or drops passes: the emotions continue."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import speech_with_pauses

from emoscope.streamer import Config, Session
from emoscope.streamer.protocol.events import SpokenWord
from emoscope.streamer.session.requests import Done, Dropped, Failed, Late
from emoscope.streamer.session.transcript.hypothesis import Hypothesis, RecognizedSegment
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, voice

from .word_sessions import OPTIONS, TALK, answered, events_of, of_type, session_of


@pytest.mark.parametrize("kind", [Dropped, Late, lambda i: Failed(i, "it broke")])
def test_emotions_go_on_without_answers(kind):
    """Exactly one transcript.final before each emotion.final, and the voice's readings as if there were no words."""
    events = answered(session_of(), TALK, lambda request: kind(request.id))
    alone = run(Session(CONTRACT, Config(**OPTIONS)), FakeEngine(), [TALK])
    kinds = [e.type for e in events if hasattr(e, "seq")]
    assert kinds.count("transcript.final") == kinds.count("emotion.final") == 2
    assert all(kinds[i - 1] == "transcript.final" for i, k in enumerate(kinds) if k == "emotion.final")
    for ours, theirs in zip(of_type(events, "emotion.final"), of_type(alone, "emotion.final"), strict=True):
        assert ours.scores == theirs.scores and ours.words == [] and ours.text in ("timeout", "off")
    assert len(of_type(events, "emotion.interim")) == len(of_type(alone, "emotion.interim"))


def test_a_late_final_has_the_stable_words():
    """The final says `timeout` and has the words that two passes agreed on by then."""

    def answer(request):
        return Late(request.id) if request.final else Done(request.id, FakeEngine().transcribe(request))

    events = answered(session_of(), voice(5.0), answer)
    [said], [final] = of_type(events, "transcript.final"), of_type(events, "emotion.final")
    last = of_type(events, "transcript.interim")[-1]
    assert final.text == "timeout" and said.text == last.text[: last.stable] != ""
    assert [w.word for w in final.words] == said.text.split()


def test_a_recognizer_that_breaks_is_told_once_and_not_asked_again():
    """`text_disabled`, then `off`; the numbers of durable events stay what they were."""
    asked = []

    def answer(request):
        asked.append(request)
        return Failed(request.id, "signal 11")

    session = session_of()
    events = answered(session, TALK[:48_000], answer, finish=False)
    before = len(asked)
    events += answered(session, TALK[48_000:], answer)
    [warning] = of_type(events, "warning")
    assert warning.code == "text_disabled" and "signal 11" in warning.message
    assert 1 <= before == len(asked)
    assert [e.text for e in of_type(events, "emotion.final")] == ["off", "off"]
    numbers = [(e.type, e.seq) for e in events if hasattr(e, "seq")]
    assert numbers == [(e.type, e.seq) for e in events_of([TALK]) if hasattr(e, "seq")]


class Wavering(FakeEngine):
    """Returns some other words and times in each pass, as real recognizers do."""

    def transcribe(self, request):
        random = np.random.default_rng([request.begin, len(request.audio), request.final])
        words = []
        for place, word in enumerate(super().transcribe(request).segments[0].words):
            sign, shift, p = random.uniform(0, 1, 3).tolist()
            text = f"x{place}" if sign > 0.7 else f"{word.word}?" if sign < 0.2 else word.word
            words.append(SpokenWord(word=text, start=word.start + shift / 10, end=word.end + shift / 10, p=p))
        return Hypothesis(segments=(RecognizedSegment(words=tuple(words)),), language="en", language_p=0.95)


@given(speech_with_pauses(), st.randoms(use_true_random=False), st.floats(0, 1))
def test_any_pattern_of_interim_passes_that_were_dropped_gives_the_same_finals(audio, random, share):
    """Words, times, readings, moods and their numbers: what there was time for shows in interims alone."""

    def answer(request):
        if not request.final and random.random() < share:
            return random.choice([Dropped, Late])(request.id)
        return Done(request.id, Wavering().transcribe(request))

    audio = np.concatenate([audio, voice(1.0)])  # long enough to be an utterance
    hurried = answered(session_of(), audio, answer)
    whole = events_of([audio], Wavering())
    durable = [[e for e in events if hasattr(e, "seq")] for events in (whole, hurried)]
    assert differences(durable[0], durable[1]) == []
    finals = of_type(hurried, "emotion.final")
    assert finals
    for final, said in zip(finals, of_type(hurried, "transcript.final"), strict=True):
        assert final.text == "used" and [w.word for w in final.words] == [w.word for w in said.words]


@given(speech_with_pauses(), st.randoms(use_true_random=False))
def test_no_later_interim_changes_stable_text(audio, random):
    """Stable text stays, whatever the passes say and whichever of them are dropped."""
    audio = np.concatenate([audio, voice(4.0)])  # long enough for several interim passes
    answers = []

    def answer(request):
        lost = random.random() < 0.3
        answers.append((request.final, lost))
        return Dropped(request.id) if lost else Done(request.id, Wavering().transcribe(request))

    interims = of_type(answered(session_of(), audio, answer), "transcript.interim")
    assert interims or all(final or lost for final, lost in answers)
    assert any(not final for final, _ in answers)
    stable: dict[int, str] = {}
    for event in interims:
        assert event.text.startswith(stable.get(event.utterance, ""))
        stable[event.utterance] = event.text[: event.stable]
