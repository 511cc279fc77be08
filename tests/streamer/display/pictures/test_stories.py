"""What a picture tells is what the events say: times, shares, order, sessions and channels."""

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer import replay
from emoscope.streamer.display.pictures.collect import Collector
from emoscope.streamer.display.pictures.story import (
    Reading,
    Story,
    Utterance,
    answers,
    attention_rates,
    mood_runs,
    rows,
)
from emoscope.streamer.display.pictures.totals import totals
from emoscope.streamer.protocol.events import (
    EmotionFinal,
    EmotionInterim,
    Mood,
    SessionCreated,
    Span,
    Status,
    WarningEvent,
)

from ..made_record import LABELS, UTTERANCES, events


def stories(made, **options):
    collector = Collector(**options)
    for event in made:
        collector.add(event)
    return collector.stories


def reading(at_s, label="angry", confidence=0.9, **dimensions):
    return Reading(at_s, label, confidence, {label: confidence}, dimensions)


def spoken(*lengths, label="angry", gap=1.0):
    """A story of utterances of these lengths, each with a final."""
    made, at = Story(labels=("angry", "neutral")), gap
    for number, length in enumerate(lengths, 1):
        made.utterances.append(Utterance(number, at, at + length, final=reading(at + length, label)))
        at += length + gap
    made.audio_s = at
    return made


def test_a_story_holds_every_reading_with_the_times_of_its_event():
    made = events(words=True)
    [story] = stories(made)
    assert [(one.start, one.end) for one in story.utterances] == UTTERANCES
    interims = [e for e in made if isinstance(e, EmotionInterim)]
    finals = [e for e in made if isinstance(e, EmotionFinal)]
    assert [r.at_s for one in story.utterances for r in one.interims] == [e.end for e in interims]
    assert [r.scores for one in story.utterances for r in one.interims] == [e.scores for e in interims]
    assert [(r.at_s, r.label, r.scores) for _, r in story.finals] == [(e.end, e.label, e.scores) for e in finals]
    assert [one.words for one in story.utterances] == [e.words for e in finals]
    assert story.moods == [e for e in made if isinstance(e, Mood)]
    assert story.levels == [(e.audio_s, e.level_dbfs) for e in made if isinstance(e, Status)]
    assert (story.source, story.model, story.labels) == ("Blue Yeti", "small", tuple(LABELS))
    assert story.closed and story.transcribed and story.has_plane and story.audio_s == 55.0


def test_the_demo_recordings_picture_tells_what_its_replay_says(conversation):
    """Real events: the spans of each final cover its utterance and their weights sum to 1; interims lie inside it."""
    made = list(replay(conversation))
    [story] = stories(made)
    finals = [e for e in made if isinstance(e, EmotionFinal)]
    assert len(story.finals) == len(finals) == 16
    for (one, final), event in zip(story.finals, finals, strict=True):
        assert (one.start, one.end, final.label) == (event.start, event.end, event.label)
        assert sum(span.weight for span in one.attention) == pytest.approx(1, abs=1e-4)
        assert one.attention[0].start == one.start and one.attention[-1].end == pytest.approx(one.end)
        heard = [r.at_s for r in one.interims]
        assert heard == sorted(heard) and all(one.start < at <= one.end for at in heard)
    assert story.audio_s == pytest.approx(70.0, abs=0.1)
    assert totals(story, "r").speech_s == pytest.approx(sum(e.end - e.start for e in finals), abs=0.01)


def test_an_event_of_an_unfinished_utterance_leaves_it_without_a_final():
    made = [e for e in events() if not (isinstance(e, EmotionFinal) and e.utterance == 7)]
    [story] = stories(made[:-1])
    assert len(story.utterances) == 7 and len(story.finals) == 6 and not story.closed
    assert story.utterances[-1].readings[-1].label == story.utterances[-1].interims[-1].label
    assert totals(story, "r").unread == 1


def test_a_record_without_its_first_event_takes_the_labels_of_its_scores():
    [story] = stories(events()[1:])
    assert story.labels == tuple(LABELS) and story.source == "" and story.name == "?"


def test_each_channel_of_a_split_session_is_a_story_of_its_own():
    """`session.created` comes once for the connection, and once for each channel; status concerns all."""
    made = events()
    split = [made[0]]
    for channel in (0, 1):
        split.append(msgspec.structs.replace(made[0], channel=channel))
    for event in made[1:]:
        if isinstance(event, Status | WarningEvent):
            split.append(event)
        else:
            split += [msgspec.structs.replace(event, channel=channel) for channel in (0, 1)]
    left, right = stories(split)
    assert (left.channel, right.channel) == (0, 1) and left.session == right.session == 1
    assert len(left.finals) == len(right.finals) == 7 and left.levels == right.levels != []
    assert left.name == "Blue Yeti, channel 0"


def test_a_session_that_replaced_a_lost_one_is_a_second_story():
    """The clock and the numbers of utterances begin again."""
    first, second = stories([*events(closed=False), *events()])
    assert (first.session, second.session) == (1, 2) and not first.closed and second.closed
    assert [(one.start, one.end) for one in second.utterances] == UTTERANCES
    assert second.name == "Blue Yeti, session 2"


def test_of_finals_only_the_interims_are_left_out_and_the_numbers_stay():
    [whole], [brief] = stories(events(words=True)), stories(events(words=True), finals_only=True)
    assert not any(one.interims or one.attention for one in brief.utterances)
    assert totals(brief, "r") == totals(whole, "r")


def test_the_answer_after_each_second_is_the_newest_reading_that_had_been_made():
    one = Utterance(1, 10.0, 13.4, interims=[reading(11.2), reading(12.0, "sad")], final=reading(13.4, "happy"))
    told = [(a.seconds, a.reading and a.reading.label) for a in answers(one)]
    assert told == [(1, None), (2, "sad"), (3, "sad")]


@given(
    st.lists(st.floats(0.05, 3.0), max_size=8),
    st.floats(0.3, 8.0),
    st.floats(0, 50),
)
def test_no_answer_is_told_before_its_reading_was_made(steps, length, start):
    at, interims = start, []
    for step in steps:
        at += step
        interims.append(reading(round(at, 6)))
    one = Utterance(1, start, max(start + length, at), interims=interims)
    told = answers(one)
    assert [a.seconds for a in told] == list(range(1, len(told) + 1))
    for answer in told:
        made = [r for r in interims if r.at_s <= start + answer.seconds + 1e-6]
        assert answer.reading is (made[-1] if made else None)


def test_attention_is_compared_by_the_second():
    """A short last span with as much weight a second is as strong as the others."""
    spans = [
        Span(start=0, end=0.2, weight=0.4),
        Span(start=0.2, end=0.4, weight=0.4),
        Span(start=0.4, end=0.5, weight=0.2),
    ]
    assert attention_rates(spans) == pytest.approx([1.0, 1.0, 1.0])
    assert attention_rates([]) == []


@given(
    st.lists(st.floats(0.3, 70.0), max_size=20),
    st.floats(0.1, 30.0),
    st.floats(0.0, 20.0),
    st.sampled_from([5.0, 30.0, 40.0]),
)
def test_rows_follow_each_other_without_gap_from_the_beginning_to_the_end(lengths, gap, start, longest):
    story = spoken(*lengths, gap=gap)
    end = max(story.audio_s, start + 0.5)
    cut = rows(story, start, end, longest)
    assert cut[0][0] == start and cut[-1][1] == end
    assert all(a[1] == b[0] for a, b in pairwise(cut))
    assert all(0 < last - first <= longest * (1 + 1e-6) + 1e-5 for first, last in cut)


def test_a_row_ends_in_a_pause_and_cuts_no_utterance_that_fits():
    story = spoken(*[2.5] * 20, gap=1.5)
    for _, edge in rows(story, 0.0, story.audio_s, 30.0)[:-1]:
        assert not any(one.start < edge < one.end for one in story.utterances)


def test_a_mood_lasts_until_another_one_and_is_told_once():
    made = [e for e in events() if isinstance(e, Mood)]
    runs = mood_runs(made, 55.0)
    assert runs[0][1] == made[0].end and runs[-1][2] == 55.0
    assert all(a[2] == b[1] and a[0] != b[0] for a, b in pairwise(runs))
    assert mood_runs([], 5.0) == []


def test_shares_are_of_the_seconds_of_speech_and_sum_to_one():
    story = spoken(1.0, 3.0)
    story.utterances[1].final = reading(6.0, "unsure", 0.3)
    found = totals(story, "a.jsonl")
    assert found.shares == {"unsure": 0.75, "angry": 0.25} and found.unsure == 0.75
    [story] = stories(events())
    assert sum(totals(story, "r").shares.values()) == pytest.approx(1)


def test_means_are_weighted_by_the_length_of_utterances():
    story = spoken(1.0, 3.0)
    story.utterances[0].final = reading(2.0, arousal=1.0, valence=0.0)
    story.utterances[1].final = reading(6.0, arousal=0.0, valence=0.4)
    found = totals(story, "r")
    assert (found.arousal, found.valence) == pytest.approx((0.25, 0.3))
    assert totals(spoken(1.0), "r").arousal is None


def test_the_strongest_moments_are_the_surest_finals_that_claim_an_emotion():
    story = spoken(1.0, 1.0, 1.0, 1.0, 1.0)
    told = [("angry", 0.5), ("neutral", 0.99), ("sad", 0.8), ("unsure", 0.3), ("happy", 0.7)]
    for one, (label, confidence) in zip(story.utterances, told, strict=True):
        one.final = reading(one.end, label, confidence)
    found = totals(story, "r").moments
    assert [(m.label, m.confidence) for m in found] == [("sad", 0.8), ("happy", 0.7), ("angry", 0.5)]
    assert [m.start for m in found] == [story.utterances[i].start for i in (2, 4, 0)]


def test_nothing_said_comes_to_nothing():
    found = totals(Story(audio_s=3.0, closed=True), "r")
    assert (found.shares, found.moments, found.arousal, found.speech_s) == ({}, [], None, 0)


def test_a_second_created_event_of_the_same_connection_is_no_session():
    """A channel's own `session.created` follows the connection's."""
    made = [e for e in events() if isinstance(e, SessionCreated)]
    [story] = stories([made[0], msgspec.structs.replace(made[0], channel=0)])
    assert (story.session, story.channel) == (1, 0)
