"""What a turn says: the longest utterance since the last transcription, final where it can be."""

import json
from typing import Any

import msgspec

from emoscope.streamer.integrations import Turn
from emoscope.streamer.protocol.events import EmotionFinal, EmotionInterim, Sources, SpeechStarted

COMMON: dict[str, Any] = {
    "confidence": 0.8, "scores": {"angry": 0.8, "sad": 0.2}, "dimensions": {}, "derived": True, "segments": 1,
    "sources": Sources(), "attention": [], "baseline": "off",
}  # fmt: skip


def started(utterance, start=0.0):
    return SpeechStarted(seq=1, utterance=utterance, start=start)


def interim(utterance, start=0.0, end=1.0, label="sad"):
    return EmotionInterim(utterance=utterance, rev=1, start=start, end=end, label=label, **COMMON)


def final(utterance, start=0.0, end=2.0, label="angry"):
    return EmotionFinal(seq=1, utterance=utterance, start=start, end=end, label=label, text="off", words=[], **COMMON)


def turn_of(*events):
    turn = Turn()
    for event in events:
        turn.accept(event)
    return turn


def test_a_turn_without_speech_has_no_reading():
    """And is not open."""
    assert Turn().take() is None
    assert not Turn().open()
    assert turn_of(started(1)).take() is None


def test_the_reading_is_that_of_the_longest_utterance():
    """All of them are listed; the whole is plain JSON."""
    summary = turn_of(started(1), final(1, 0.0, 3.0), started(2), final(2, 4.0, 5.0, "sad")).take()
    assert summary is not None
    assert (summary["label"], summary["start"], summary["final"]) == ("angry", 0.0, True)
    assert [one["label"] for one in summary["utterances"]] == ["angry", "sad"]
    assert json.loads(json.dumps(summary)) == summary


def test_what_was_taken_is_not_told_again():
    """The next turn begins with the next utterance."""
    turn = turn_of(started(1), final(1))
    assert turn.take() is not None
    assert turn.take() is None


def test_an_open_utterance_gives_its_newest_interim_and_its_final_later():
    """A transcription that comes early gets what is known; one of the same utterance gets the final."""
    turn = turn_of(started(1), interim(1), interim(1, label="angry"))
    assert turn.open()
    early = turn.take()
    assert early is not None and early["label"] == "angry" and not early["final"]
    turn.accept(final(1))
    assert not turn.open()
    late = turn.take()
    assert late is not None and late["final"]
    assert turn.take() is None


def test_a_final_that_came_late_does_not_stand_for_the_next_turn():
    """What was told before yields to anything newer, however short."""
    turn = turn_of(started(1), interim(1, 0.0, 9.0))
    turn.take()
    for event in (final(1, 0.0, 10.0), started(2), final(2, 11.0, 12.0, "sad")):
        turn.accept(event)
    summary = turn.take()
    assert summary is not None and summary["label"] == "sad"
    assert len(summary["utterances"]) == 2


def test_an_utterance_that_was_begun_later_belongs_to_the_next_turn():
    """A transcription that waited for its final does not take what was said meanwhile."""
    turn = turn_of(started(1), started(2, 3.0), interim(2, 3.0, 9.0), final(1))
    assert turn.newest == 2
    assert not turn.open(1) and turn.open()
    summary = turn.take(1)
    assert summary is not None and summary["label"] == "angry" and len(summary["utterances"]) == 1
    following = turn.take()
    assert following is not None and following["start"] == 3.0


def test_looking_changes_nothing():
    """An interim transcript may show the reading; the final one gets it all the same."""
    turn = turn_of(started(1), final(1))
    assert turn.look() == turn.look() == turn.take()


def test_the_description_says_whether_the_emotion_rose_within_the_utterance():
    """The first interim is what it is compared with; an unsure reading has none."""
    first = msgspec.structs.replace(interim(1), scores={"angry": 0.3, "sad": 0.7})
    summary = turn_of(started(1), first, final(1)).take()
    assert summary is not None and summary["description"] == "sounds angry (.80), rising"
    unsure = turn_of(started(1), final(1, label="unsure")).take()
    assert unsure is not None and unsure["description"] is None


def test_a_session_that_begins_anew_leaves_no_utterance_open():
    """What its predecessor had not finished will get no final, so nobody waits for it; finals stay."""
    turn = turn_of(started(1), final(1), started(2), interim(2))
    turn.restart()
    assert not turn.open()
    for event in (started(1), final(1)):
        turn.accept(event)
    assert not turn.open()
    summary = turn.take(turn.newest)
    assert summary is not None and len(summary["utterances"]) == 2


def test_what_nobody_asks_for_does_not_grow():
    """Hours without any transcription keep some utterances, and events of older ones are let go."""
    turn = turn_of(*(event for n in range(1, 200) for event in (started(n), final(n))))
    turn.accept(final(1))
    summary = turn.take()
    assert summary is not None and len(summary["utterances"]) == 32
