"""`differences` is what most contracts are checked with, so it must find what it is asked to find."""

from typing import Any

import msgspec
import pytest

from emoscope.streamer import Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

EVENTS = run(Session(CONTRACT), FakeEngine(), [voice(2.0), silence(1.0), voice(1.0, 220.0)])
PLACE = next(place for place, event in enumerate(EVENTS) if event.type == "emotion.final")
FINAL: Any = EVENTS[PLACE]


def changed(**fields: object) -> list:
    return [*EVENTS[:PLACE], msgspec.structs.replace(FINAL, **fields), *EVENTS[PLACE + 1 :]]


def test_a_run_does_not_differ_from_itself() -> None:
    assert len(EVENTS) > 10 and differences(EVENTS, EVENTS) == []


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"end": FINAL.end + 0.001}, "emotion.final.end"),
        ({"confidence": FINAL.confidence + 0.001}, "emotion.final.confidence"),
        ({"seq": FINAL.seq + 1}, "emotion.final.seq"),
        ({"attention": FINAL.attention[1:]}, "emotion.final.attention"),
        ({"scores": FINAL.scores | {"other": 0.0}}, "emotion.final.scores"),
        ({"scores": FINAL.scores | {"sad": FINAL.scores["sad"] + 2e-5}}, "emotion.final.scores.sad"),
        ({"label": "other"}, "emotion.final.label"),
    ],
)
def test_one_changed_field_is_found_and_named(fields: dict, where: str) -> None:
    [line] = differences(EVENTS, changed(**fields))
    assert line.startswith(where)


def test_a_missing_or_another_event_is_found() -> None:
    assert differences(EVENTS, EVENTS[:-1]) != []
    assert differences(EVENTS, [*EVENTS[:-2], EVENTS[-1], EVENTS[-2]]) != []


def test_wall_time_is_not_compared() -> None:
    assert differences(EVENTS, changed(latency=None)) == []


def test_a_label_may_differ_only_where_the_best_two_scores_are_equal_within_the_tolerance() -> None:
    tied = {"happy": 0.4, "neutral": 0.400015, "sad": 0.199985}
    apart = {"happy": 0.4, "neutral": 0.40003, "sad": 0.19997}
    for scores, found in ((tied, 0), (apart, 1)):
        happy, neutral = (changed(scores=scores, label=label) for label in ("happy", "neutral"))
        assert len(differences(happy, neutral)) == found
