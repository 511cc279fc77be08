"""Many owners, one engine: turns, batches, and faults that stay where they are."""

import threading
from collections.abc import Hashable, Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from waiting import DEADLINE_S

from emoscope.models.windows import grid_window
from emoscope.streamer.runtime.scheduler import BatchResults, Scheduler
from emoscope.streamer.session.requests import Done, Encode, Failed, Read, Request, Result, Summary
from emoscope.streamer.testing import CONTRACT, FakeEngine, voice

WINDOW = grid_window(CONTRACT, 0, 0)


def encode(number: int, seed: int = 0) -> Encode:
    return Encode(number, WINDOW, voice(2.0, seed=seed)[: CONTRACT.lookback + CONTRACT.window])


class Gate:
    """An engine that can be held, and notes its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.inside = threading.Event()
        self.batches: list[list[Request]] = []
        self.fake = FakeEngine()

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        self.batches.append(list(requests))
        self.inside.set()
        assert self.open.wait(DEADLINE_S)
        return self.fake(requests)


class Inbox:
    """What was delivered."""

    def __init__(self) -> None:
        self.got: list[tuple[Hashable, Result]] = []
        self.news = threading.Condition()

    def __call__(self, answers: BatchResults) -> None:
        with self.news:
            self.got += [(owner, result) for owner, results, _ in answers for result in results]
            self.news.notify_all()

    def wait(self, count: int) -> list[tuple[Hashable, Result]]:
        with self.news:
            assert self.news.wait_for(lambda: len(self.got) >= count, DEADLINE_S)
        return self.got


@settings(max_examples=20)
@given(st.dictionaries(st.integers(0, 9), st.integers(1, 6), min_size=1), st.integers(1, 8), st.integers(1, 3))
def test_each_request_is_answered_once_to_its_owner_under_its_own_id(
    asked: dict[int, int], batch: int, calls: int
) -> None:
    inbox = Inbox()
    scheduler = Scheduler(FakeEngine(), inbox, batch=batch, calls=calls)
    for owner, count in asked.items():
        scheduler.submit(owner, [encode(number, seed=owner) for number in range(count)])
    got = inbox.wait(sum(asked.values()))
    scheduler.close()
    assert sorted((owner, result.id) for owner, result in got) == sorted(
        (owner, number) for owner, count in asked.items() for number in range(count)
    )
    for key, result in got:
        assert isinstance(key, int)
        [alone] = FakeEngine()([encode(0, seed=key)])
        assert isinstance(result, Done) and isinstance(alone, Done)
        assert isinstance(result.value, Summary) and isinstance(alone.value, Summary)
        assert np.array_equal(result.value.scores, alone.value.scores)
    assert scheduler.queue_length == 0


def test_who_asks_for_much_does_not_hold_up_who_asks_for_little() -> None:
    gate, inbox = Gate(), Inbox()
    gate.open.clear()
    scheduler = Scheduler(gate, inbox, batch=4, gather_s=0.0)
    scheduler.submit("first", [encode(0)])
    assert gate.inside.wait(DEADLINE_S)
    scheduler.submit("greedy", [encode(n) for n in range(40)])
    for owner in "abc":
        scheduler.submit(owner, [encode(0)])
    gate.open.set()
    got = inbox.wait(44)
    scheduler.close()
    assert [owner for owner, _ in got[1:5]] == ["greedy", "a", "b", "c"]


def test_an_engine_that_answers_several_batches_at_once_is_given_another_while_one_takes_long() -> None:
    inbox, both_inside = Inbox(), threading.Barrier(2)

    def engine(requests: Sequence[Request]) -> list[Result]:
        both_inside.wait(DEADLINE_S)  # neither batch is answered before both are there
        return FakeEngine()(requests)

    scheduler = Scheduler(engine, inbox, batch=2, calls=2)
    scheduler.submit("one", [encode(number) for number in range(4)])
    assert sorted(result.id for _, result in inbox.wait(4)) == [0, 1, 2, 3]
    scheduler.close()


def test_readings_go_before_windows() -> None:
    gate, inbox = Gate(), Inbox()
    gate.open.clear()
    scheduler = Scheduler(gate, inbox, batch=1, gather_s=0.0)
    [done] = FakeEngine()([encode(0)])
    assert isinstance(done, Done)
    scheduler.submit("first", [encode(0)])
    assert gate.inside.wait(DEADLINE_S)
    scheduler.submit("a", [encode(1), encode(2)])
    scheduler.submit("b", [Read(7, done.value.state, 1.6)])  # type: ignore[union-attr]
    gate.open.set()
    got = inbox.wait(4)
    scheduler.close()
    assert (got[1][0], got[1][1].id) == ("b", 7)


def test_a_queued_window_can_be_cancelled_and_a_begun_one_cannot() -> None:
    gate, inbox = Gate(), Inbox()
    gate.open.clear()
    scheduler = Scheduler(gate, inbox, batch=1, gather_s=0.0)
    scheduler.submit("a", [encode(1)])
    assert gate.inside.wait(DEADLINE_S)
    scheduler.submit("a", [encode(2), encode(3)])
    scheduler.submit("gone", [encode(9)])
    assert [queued.request.id for queued in scheduler.queued("a")] == [2, 3]
    cancelled = scheduler.cancel("a", {1, 2})
    scheduler.forget("gone")
    gate.open.set()
    got = inbox.wait(2)
    scheduler.close()
    assert [request.id for request in cancelled] == [2]
    assert [(owner, result.id) for owner, result in got] == [("a", 1), ("a", 3)]
    assert not scheduler.queued("nobody") and not scheduler.cancel("nobody", {1})


def test_a_window_that_breaks_the_model_takes_nobody_with_it() -> None:
    class Poisoned(FakeEngine):
        def __call__(self, requests: Sequence[Request]) -> list[Result]:
            if any(isinstance(r, Encode) and np.isnan(r.audio).any() for r in requests):
                raise RuntimeError("boom")
            return super().__call__(requests)

    inbox = Inbox()
    gate = Gate()
    gate.fake = Poisoned()
    gate.open.clear()
    scheduler = Scheduler(gate, inbox, batch=8, gather_s=0.0)
    scheduler.submit("first", [encode(0)])
    assert gate.inside.wait(DEADLINE_S)
    bad = Encode(5, WINDOW, np.full(CONTRACT.lookback + CONTRACT.window, np.nan, np.float32))
    scheduler.submit("bad", [bad])
    for owner in "abcd":
        scheduler.submit(owner, [encode(1)])
    gate.open.set()
    got = dict(inbox.wait(6))
    scheduler.close()
    assert isinstance(got["bad"], Failed) and "boom" in got["bad"].message
    assert all(isinstance(got[owner], Done) for owner in "abcd")


def test_requests_of_a_batch_whose_results_had_no_memory_fail_and_the_next_are_answered() -> None:
    """The thread that runs the engine lives on."""

    class FullMemory(dict[int, int]):
        """It has no room once."""

        full = True

        def get(self, key: int, default: int = 0) -> int:  # type: ignore[override]
            if self.full:
                self.full = False
                raise MemoryError
            return super().get(key, default)

    inbox = Inbox()
    scheduler = Scheduler(FakeEngine(), inbox, gather_s=0.0)
    scheduler.stats.batches = FullMemory()
    scheduler.submit("a", [encode(1)])
    [(owner, failed)] = inbox.wait(1)
    assert owner == "a" and failed.id == 1 and isinstance(failed, Failed) and "MemoryError" in failed.message
    scheduler.submit("a", [encode(2)])
    assert isinstance(inbox.wait(2)[1][1], Done)
    scheduler.close()


def test_results_that_could_not_be_delivered_fail_later_and_the_next_are_delivered() -> None:
    """Where there was no memory for the delivery, nobody may wait for them for ever."""

    class FullInbox(Inbox):
        full = True

        def __call__(self, answers: BatchResults) -> None:
            if self.full:
                self.full = False
                raise MemoryError
            super().__call__(answers)

    inbox = FullInbox()
    scheduler = Scheduler(FakeEngine(), inbox, gather_s=0.0)
    scheduler.submit("a", [encode(1)])
    assert isinstance(inbox.wait(1)[0][1], Failed)
    scheduler.submit("a", [encode(2)])
    assert isinstance(inbox.wait(2)[1][1], Done)
    scheduler.close()
