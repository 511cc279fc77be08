"""The queue of transcription passes on a virtual clock: turns, deadlines, and one result for each pass."""

from collections.abc import Hashable

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.runtime.rules import Decided, PassQueue, QueuedPass
from emoscope.streamer.runtime.rules.passes import MAX_FINALS, MAX_INTERIMS, REMEMBERED_S
from emoscope.streamer.session.requests import Done, Dropped, Failed, Late, Transcribe
from emoscope.streamer.session.transcript.hypothesis import Hypothesis


def asked(number: int, *, final: bool = False, seconds: float = 1.0, due_s: float = 1.0) -> Transcribe:
    audio = np.zeros(round(seconds * 16_000), np.int16)
    return Transcribe(number, 1, 0, round(due_s * 16_000), final, None, audio)


def begun(queue: PassQueue, now: float) -> QueuedPass:
    queued, decided = queue.begin(now)
    assert queued is not None and decided == []
    return queued


def done(queued: QueuedPass) -> Done:
    return Done(queued.request.id, Hypothesis())


def test_a_pass_that_is_late_is_given_up_and_its_result_is_ignored() -> None:
    queue = PassQueue()
    queue.submit(100.0, "a", [asked(1, final=True)], 1.0, 1.5)
    made = begun(queue, 100.0)
    assert queue.expire(101.4) == []
    assert queue.expire(101.5) == [Decided("a", Late(1))]
    assert queue.expire(102.0) == []
    assert queue.end(103.0, made, done(made), 100.0) == []


def test_a_result_after_the_deadline_is_late_even_if_nobody_looked_in_time() -> None:
    queue = PassQueue()
    queue.submit(100.0, "a", [asked(1, final=True)], 1.0, 1.5)
    made = begun(queue, 100.0)
    assert queue.end(101.5, made, done(made), 100.0) == [Decided("a", Late(1))]


def test_a_queued_pass_that_is_late_is_never_begun() -> None:
    queue = PassQueue()
    queue.submit(100.0, "a", [asked(1, final=True)], 1.0, 1.5)
    assert queue.begin(102.0) == (None, [Decided("a", Late(1))])


def test_the_wait_counts_from_when_a_pass_was_due() -> None:
    """One that had to wait in its session has less time left, or none."""
    queue = PassQueue()
    assert queue.submit(100.0, "a", [asked(1, final=True, due_s=3.0)], 4.0, 1.5) == []
    assert queue.expire(100.5) == [Decided("a", Late(1))]
    assert queue.submit(100.0, "a", [asked(2, final=True, due_s=1.0)], 4.0, 1.5) == [Decided("a", Late(2))]


def test_a_newer_interim_supersedes_a_queued_one_and_a_final_supersedes_all_of_them() -> None:
    """A final supersedes an interim that is being made as well."""
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1)], 1.0, 100.0)
    made = begun(queue, 0.0)
    assert queue.submit(1.0, "a", [asked(2)], 2.0, 100.0) == []
    assert queue.submit(2.0, "a", [asked(3)], 3.0, 100.0) == [Decided("a", Dropped(2))]
    decided = queue.submit(3.0, "a", [asked(4, final=True)], 4.0, 100.0)
    assert sorted(result.id for _, result in decided) == [1, 3]
    assert all(isinstance(result, Dropped) for _, result in decided)
    assert queue.end(4.0, made, done(made), 0.0) == []
    assert begun(queue, 4.0).request.id == 4


def test_a_pass_that_cannot_finish_in_time_is_not_begun_and_a_shorter_one_is() -> None:
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1, seconds=2.0)], 1.0, 1.5)
    made = begun(queue, 0.0)
    queue.expire(1.5)
    queue.end(4.0, made, done(made), 0.0)
    queue.submit(5.0, "a", [asked(2, seconds=3.0)], 1.0, 1.5)
    assert queue.begin(5.0) == (None, [Decided("a", Dropped(2))])
    queue.submit(5.0, "a", [asked(3, seconds=3.0, final=True)], 1.0, 1.5)
    assert queue.begin(5.0) == (None, [Decided("a", Late(3))])
    queue.submit(6.0, "a", [asked(4, seconds=1.0)], 1.0, 1.5)
    assert begun(queue, 6.0).request.id == 4


def test_one_slow_pass_among_fast_ones_gives_up_nothing() -> None:
    """Only when every recent pass took too long is a pass given up: one slow pass may be chance."""
    queue = PassQueue()
    for number, took_s in enumerate([9.0, 0.3, 9.0]):
        queue.submit(0.0, "a", [asked(number, final=True)], 1.0, None)
        made = begun(queue, 0.0)
        queue.end(took_s, made, done(made), 0.0)
    queue.submit(10.0, "a", [asked(9, final=True)], 1.0, 1.5)
    assert begun(queue, 10.0).request.id == 9


def test_a_slow_pass_is_forgotten_after_a_while() -> None:
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1, final=True)], 1.0, None)
    made = begun(queue, 0.0)
    queue.end(9.0, made, done(made), 0.0)
    queue.submit(9.0 + REMEMBERED_S, "a", [asked(2, final=True)], 1.0, 1.5)
    assert begun(queue, 9.0 + REMEMBERED_S).request.id == 2


def test_a_recording_waits_for_every_pass_and_gives_up_none() -> None:
    queue = PassQueue()
    assert queue.submit(0.0, "a", [asked(1), asked(2), asked(3, final=True)], 100.0, None) == []
    assert queue.expire(1e9) == []
    ids = []
    for _ in range(3):
        made = begun(queue, 1e9)
        ids += [result.id for _, result in queue.end(2e9, made, done(made), 1e9)]
    assert ids == [1, 2, 3]


def test_owners_take_turns_and_finals_come_before_interims() -> None:
    queue = PassQueue()
    queue.submit(0.0, "interim", [asked(0)], 1.0, 100.0)
    queue.submit(0.0, "greedy", [asked(n, final=True) for n in (1, 2, 3)], 1.0, 100.0)
    queue.submit(0.0, "modest", [asked(4, final=True)], 1.0, 100.0)
    order = [(made.owner, made.request.id) for made in (begun(queue, 0.0) for _ in range(5))]
    assert order == [("greedy", 1), ("modest", 4), ("greedy", 2), ("greedy", 3), ("interim", 0)]


def test_past_the_bounds_the_oldest_interims_and_the_newest_finals_give_way() -> None:
    queue = PassQueue()
    decided = [d for owner in range(MAX_INTERIMS + 2) for d in queue.submit(0.0, owner, [asked(1)], 1.0, 100.0)]
    assert decided == [Decided(0, Dropped(1)), Decided(1, Dropped(1))]
    finals = [asked(n, final=True) for n in range(MAX_FINALS + 1)]
    decided = queue.submit(0.0, "many", finals, 1.0, 100.0)
    assert decided == [Decided("many", Late(MAX_FINALS))]
    assert queue.submit(0.0, "file", [asked(1, final=True)], 1.0, None) == []


def test_a_pass_whose_recognizer_broke_is_tried_once_more_before_all_others() -> None:
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1, final=True), asked(2, final=True)], 1.0, 100.0)
    queue.submit(0.0, "b", [asked(3, final=True)], 1.0, 100.0)
    assert queue.put_back(begun(queue, 0.0), broken=True) == []
    again = begun(queue, 1.0)
    assert (again.owner, again.request.id) == ("a", 1)
    assert queue.put_back(again, broken=True) == [Decided("a", Late(1))]
    assert len(queue) == 2


def test_a_pass_that_was_decided_is_not_tried_again() -> None:
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1, final=True)], 1.0, 1.5)
    made = begun(queue, 0.0)
    queue.expire(2.0)
    assert queue.put_back(made, broken=True) == [] and len(queue) == 0


def test_an_owner_that_disconnects_gets_no_result() -> None:
    queue = PassQueue()
    queue.submit(0.0, "gone", [asked(1, final=True), asked(2, final=True)], 1.0, 1.5)
    made = begun(queue, 0.0)
    queue.forget("gone")
    assert len(queue) == 0 and queue.expire(9.0) == [] and queue.end(9.0, made, done(made), 0.0) == []


def test_without_any_recognizer_everything_that_is_queued_fails() -> None:
    queue = PassQueue()
    queue.submit(0.0, "a", [asked(1, final=True), asked(2)], 1.0, 100.0)
    assert sorted(queue.fail("why"), key=lambda d: d.result.id) == [
        Decided("a", Failed(1, "why")),
        Decided("a", Failed(2, "why")),
    ]
    assert len(queue) == 0


ACTIONS = st.one_of(
    st.tuples(st.just("submit"), st.sampled_from("abc"), st.booleans(), st.sampled_from([None, 0.5, 5.0])),
    st.tuples(st.just("begin")),
    st.tuples(st.just("end"), st.booleans()),
    st.tuples(st.just("wait"), st.floats(0.0, 3.0)),
)


@given(st.lists(ACTIONS, max_size=60))
def test_every_pass_gets_exactly_one_result_whatever_happens(actions: list[tuple[object, ...]]) -> None:
    """Passes that are submitted, begun, ended, broken off and late, in any order."""
    queue, now, number = PassQueue(), 0.0, 0
    working: list[QueuedPass] = []
    results: list[tuple[Hashable, int]] = []

    def note(decided: list[Decided]) -> None:
        results.extend((owner, result.id) for owner, result in decided)

    submitted = set()
    for action, *values in actions:
        if action == "submit":
            owner, final, wait_s = values
            number += 1
            submitted.add((owner, number))
            note(queue.submit(now, owner, [asked(number, final=bool(final))], 1.0, wait_s))  # type: ignore[arg-type]
        elif action == "begin":
            made, decided = queue.begin(now)
            note(decided)
            working += [] if made is None else [made]
        elif action == "end" and working:
            made = working.pop(0)
            note(queue.end(now, made, done(made), now - 1.0) if values[0] else queue.put_back(made, broken=True))
        elif action == "wait":
            now += values[0]  # type: ignore[operator]
            note(queue.expire(now))
    for made in working:
        note(queue.end(now, made, done(made), now - 1.0))
    note(queue.fail("the end"))
    assert len(results) == len(set(results))
    assert set(results) == submitted
