"""Every clip is played once, in a session of its own or of its speaker."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer import speech_spans
from emoscope.streamer.testing import CONTRACT, voice
from emoscope.train.corpora import Clip
from emoscope.train.errors import SplitInvalid
from emoscope.train.evaluation.predictions import (
    ClipPredictions,
    Prediction,
    UtterancePredictions,
    answers_after,
    readings_at,
    readings_by,
)
from emoscope.train.evaluation.runner import assign_utterances
from emoscope.train.evaluation.sessions import SessionConfig, join, not_enrolled, plan_sessions

LABELS = ("angry", "calm", "happy", "sad")


def clips_of(speakers, each=8, labels=LABELS):
    return [
        Clip("ravdess", f"{speaker}-{i}", Path(f"{speaker}-{i}.wav"), speaker, labels[i % len(labels)])
        for speaker in speakers
        for i in range(each)
    ]


@given(
    st.sets(st.sampled_from("ABCDE"), min_size=1),
    st.integers(1, 12),
    st.sampled_from(["recording", "speaker"]),
    st.sampled_from(["shuffled", "blocks"]),
    st.integers(0, 9),
)
def test_every_clip_is_in_one_session_with_nobody_elses(speakers, each, session, order, seed):
    """However the sessions are made; and the same seed makes the same ones."""
    clips = clips_of(sorted(speakers), each)
    config = SessionConfig(session=session, order=order, seed=seed)
    sessions = plan_sessions(clips, config)
    assert sorted(clip.name for planned in sessions for clip in planned.clips) == sorted(c.name for c in clips)
    assert sessions and all(len({clip.speaker for clip in planned.clips}) == 1 for planned in sessions)
    assert sessions == plan_sessions(clips, config)


def test_blocks_hold_one_emotion_after_the_other_and_shuffling_mixes_them():
    """As many changes of label as there are labels but one; shuffled, many more."""
    clips = clips_of("A", 40)

    def changes(order):
        [planned] = plan_sessions(clips, SessionConfig(session="speaker", order=order))
        labels = [clip.label for clip in planned.clips]
        return sum(a != b for a, b in itertools.pairwise(labels))

    assert changes("blocks") == 3
    assert changes("shuffled") > 15


def test_enrolled_clips_are_calm_and_not_scored():
    """The first calm ones; a speaker without any is named, and an error where nobody has one."""
    config = SessionConfig(session="speaker", enrol=2)
    clips = [*clips_of("A"), *clips_of("B", labels=("angry", "sad"))]
    [planned] = plan_sessions(clips, config)
    assert [clip.label for clip in planned.enrolment] == ["calm", "calm"]
    assert not set(planned.enrolment) & set(planned.clips)
    assert len(planned.clips) == 6
    assert not_enrolled(clips, [planned]) == ["B"]
    with pytest.raises(SplitInvalid, match="neutral or calm clip of B"):
        plan_sessions(clips_of("B", labels=("angry", "sad")), config)


def test_each_concatenated_recording_becomes_one_utterance_within_its_span():
    """A second of room between them ends each utterance, even where the recordings hold no quiet moment."""
    pieces = [voice(1.5, 120 + 30 * i, seed=i) for i in range(4)]
    audio, spans = join(pieces, 16_000, seed=1)
    assert audio.dtype == np.float32 and len(audio) == 4 * (24_000 + 16_000)
    for piece, (start, end) in zip(pieces, spans, strict=True):
        assert (audio[round(start * 16_000) : round(end * 16_000)] == piece).all()
    detected = [(start / 16_000, end / 16_000) for start, end in speech_spans(audio, CONTRACT)]
    assert len(detected) == 4
    for (start, end), (begin, until) in zip(detected, spans, strict=True):
        assert begin - 0.1 <= start < end <= until + 0.4


def test_an_utterance_belongs_to_the_clip_that_it_overlaps_most():
    """One in the gap belongs to nobody."""
    one, two, gap = (UtterancePredictions(Prediction(1.0, (share, 1 - share))) for share in (0.1, 0.2, 0.3))
    shared = assign_utterances([((0.2, 2.6), one), ((2.7, 2.9), gap), ((3.0, 5.0), two)], [(0.0, 2.5), (3.0, 5.0)])
    assert shared == [[one], [two]]


def predictions_of(*utterances):
    spoken = [
        UtterancePredictions(
            Prediction(seconds, (score, 1 - score)), tuple(Prediction(s, (p, 1 - p)) for s, p in interims)
        )
        for seconds, score, interims in utterances
    ]
    return ClipPredictions(clips_of("A", 1)[0], tuple(spoken))


def test_after_some_seconds_the_latest_reading_counts():
    """Interims replace each other, a finished utterance counts by its final, and before the first nothing is said."""
    one = predictions_of((2.3, 0.9, [(0.48, 0.5), (1.0, 0.6), (2.0, 0.8)]))
    assert readings_by(one, 0.4) == []
    assert readings_by(one, 0.5)[0].scores[0] == 0.5
    assert readings_by(one, 1.5)[0].scores[0] == 0.6  # none was due in voiced speech at 1.5 s
    assert readings_by(one, 3.0)[0].scores[0] == 0.9
    two = predictions_of((0.8, 0.7, [(0.48, 0.6)]), (2.0, 0.2, [(0.48, 0.3), (1.0, 0.25)]))
    assert [said.scores[0] for said in readings_by(two, 1.5)] == [0.7, 0.3]
    assert [said.scores[0] for said in readings_by(two, 3.0)] == [0.7, 0.2]
    assert (answers_after([one], 0.2, 2) == 0).all()


def test_readings_at_a_time_are_those_made_then():
    """Rounded down to the encoder's frame, never up; finals are asked for by None."""
    one = predictions_of((2.3, 0.9, [(0.48, 0.5), (1.0, 0.6), (2.0, 0.8)]), (0.5, 0.4, []))
    assert [said.scores[0] for said in readings_at([one], 0.5)[0]] == [0.5]
    assert [said.scores[0] for said in readings_at([one], 1.5)[0]] == []
    assert [said.scores[0] for said in readings_at([one], None)[0]] == [0.9, 0.4]
