"""Recognizers in processes of their own, for several owners: each pass has one result, whatever becomes of it."""

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Hashable, Iterator
from pathlib import Path

import numpy as np
import pytest
from odd_worker import odd_recognizer, odd_worker
from waiting import DEADLINE_S, wait_until

from emoscope.streamer.asr import Choice, Recognizer
from emoscope.streamer.runtime.recognizer_pool import NO_RECOGNIZER, RESTART_WAIT_S, RecognizerPool
from emoscope.streamer.session.requests import Done, Dropped, Failed, Late, Result, Transcribe
from emoscope.streamer.testing import FakeClock
from emoscope.streamer.worker import WorkerExited


def asked(number: int, *, final: bool = True) -> Transcribe:
    return Transcribe(number, 1, 0, 16_000, final, None, np.zeros(16_000, np.int16))


class Inbox:
    """What was delivered."""

    def __init__(self) -> None:
        self.got: list[tuple[Hashable, Result]] = []
        self._change = threading.Condition()

    def __call__(self, owner: Hashable, result: Result) -> None:
        with self._change:
            self.got.append((owner, result))
            self._change.notify_all()

    def wait(self, count: int) -> dict[tuple[Hashable, int], Result]:
        """All results by owner and id, once there are so many."""
        with self._change:
            assert self._change.wait_for(lambda: len(self.got) >= count, DEADLINE_S)
            results = {(owner, result.id): result for owner, result in self.got}
        assert len(results) == len(self.got), "a pass has two results"
        return results


class CountedClock(FakeClock):
    """A virtual clock that counts how often each thread reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: Counter[int] = Counter()

    def __call__(self) -> float:
        self.reads[threading.get_ident()] += 1
        return self.now()

    def wait_for_reads(self, threads: int, count: int) -> None:
        """Wait until so many other threads have read it so often from now on."""
        before = self.reads.copy()
        wait_until(lambda: sum(number >= count for number in (self.reads.copy() - before).values()) >= threads)


Start = Callable[..., tuple[RecognizerPool, Inbox, CountedClock]]


@pytest.fixture
def start() -> Iterator[Start]:
    pools = []

    def make(*recognizers: Recognizer) -> tuple[RecognizerPool, Inbox, CountedClock]:
        inbox, clock = Inbox(), CountedClock()
        pools.append(RecognizerPool(recognizers, inbox, clock=clock))
        return pools[-1], inbox, clock

    yield make
    for pool in pools:
        pool.close()


def begun(pool: RecognizerPool) -> None:
    """Wait until everything that is queued was begun."""
    wait_until(lambda: pool.queue_length == 0)


def test_late_superseded_and_forgotten_passes_have_one_result_or_none(start: Start, tmp_path: Path) -> None:
    """A pass that is being made when its deadline comes is late at once; its words are thrown away afterwards."""
    go_on = tmp_path / "go on"
    pool, inbox, clock = start(odd_recognizer("waits for its marker", go_on))
    pool.submit("a", [asked(1)], 1.0, 0.2)
    begun(pool)
    pool.submit("b", [asked(2, final=False)], 1.0, 100.0)
    pool.submit("b", [asked(3)], 1.0, 100.0)
    clock.sleep(0.4)
    pool.expire()
    pool.submit("disconnected", [asked(9)], 1.0, None)
    pool.forget("disconnected")
    go_on.touch()
    results = inbox.wait(3)
    assert (results["a", 1], results["b", 2]) == (Late(1), Dropped(2))
    assert isinstance(results["b", 3], Done)


def test_owners_take_turns_at_a_recognizer(start: Start, tmp_path: Path) -> None:
    go_on = tmp_path / "go on"
    pool, inbox, _ = start(odd_recognizer("waits for its marker", go_on))
    pool.submit("first", [asked(0)], 1.0, None)
    begun(pool)
    pool.submit("greedy", [asked(2), asked(3)], 1.0, None)
    pool.submit("modest", [asked(4)], 1.0, None)
    go_on.touch()
    inbox.wait(4)
    assert [(owner, result.id) for owner, result in inbox.got] == [
        ("first", 0),
        ("greedy", 2),
        ("modest", 4),
        ("greedy", 3),
    ]


def test_a_recognizer_that_dies_takes_no_other_with_it(start: Start, tmp_path: Path) -> None:
    """The pass on which it died is made by another one, and later passes never meet it."""
    go_on = tmp_path / "go on"
    victim, other = (odd_recognizer("waits for its marker", go_on) for _ in range(2))
    victim.check()
    other.check()
    pool, inbox, _ = start(victim, other)
    pool.submit("a", [asked(1)], 1.0, None)
    pool.submit("b", [asked(2)], 1.0, None)
    begun(pool)
    os.kill(victim.pid, signal.SIGKILL)
    pool.submit("c", [asked(3)], 1.0, None)
    go_on.touch()
    assert {type(result) for result in inbox.wait(3).values()} == {Done}
    assert pool.offer.covers(None)


def test_passes_wait_while_every_recognizer_is_restarted_and_then_have_their_words(
    start: Start, tmp_path: Path
) -> None:
    """A recognizer that broke costs a live session the words of a moment, and none of those that come later."""
    marker = tmp_path / "cannot load"
    recognizer = odd_recognizer("dies loading while marked", marker)
    pool, inbox, clock = start(recognizer)
    pool.submit("a", [asked(1)], 1.0, None)
    assert isinstance(inbox.wait(1)["a", 1], Done)
    marker.touch()
    os.kill(recognizer.pid, signal.SIGKILL)
    wait_until(lambda: recognizer.failure)
    pool.submit("live", [asked(2)], 1.0, 1.5)
    pool.submit("fast", [asked(3)], 1.0, None)
    assert pool.offer.covers(None), "a session that begins now will have words"
    clock.advance(2.0)
    pool.expire()
    assert inbox.wait(2)["live", 2] == Late(2)
    marker.unlink()
    assert isinstance(inbox.wait(3)["fast", 3], Done)
    pool.submit("live", [asked(4)], 1.0, 1.5)
    assert isinstance(inbox.wait(4)["live", 4], Done)


def test_a_pass_without_a_deadline_does_not_wait_for_ever_for_a_restart(start: Start, tmp_path: Path) -> None:
    """It is late after a minute in which no recognizer answered; the time that it was queued before does not count."""
    marker = tmp_path / "cannot load"
    recognizer = odd_recognizer("dies loading while marked", marker)
    pool, inbox, clock = start(recognizer)
    recognizer.check()
    marker.touch()
    os.kill(recognizer.pid, signal.SIGKILL)
    wait_until(lambda: recognizer.failure)
    pool.submit("fast", [asked(1)], 1.0, None)
    wait_until(lambda: pool._down_since is not None)
    clock.advance(RESTART_WAIT_S - 1.0)
    clock.wait_for_reads(threads=1, count=2)  # the second one comes after what the first one decided was delivered
    assert inbox.got == []
    clock.advance(2.0)
    assert inbox.wait(1)["fast", 1] == Late(1)


def test_a_pass_that_had_queued_for_long_is_made_after_a_restart(start: Start, tmp_path: Path) -> None:
    """The minute begins with the outage, so a long queue before it costs no pass its words."""
    go_on = tmp_path / "go on"
    recognizer = odd_recognizer("waits for its marker", go_on)
    pool, inbox, clock = start(recognizer)
    recognizer.check()
    pool.submit("a", [asked(1)], 1.0, None)
    begun(pool)
    pool.submit("b", [asked(2)], 1.0, None)
    clock.advance(RESTART_WAIT_S + 1.0)
    os.kill(recognizer.pid, signal.SIGKILL)
    go_on.touch()
    assert {type(result) for result in inbox.wait(2).values()} == {Done}


def test_a_recognizer_that_is_back_before_anybody_looks_still_costs_its_pass_no_words(start: Start) -> None:
    """The pass itself shows whether the process ended, not by what the recognizer says a moment later."""

    class FastRestart(Recognizer):
        def ask(self, request: Transcribe) -> Result:
            if not hasattr(self, "broke"):
                self.broke = True
                raise WorkerExited("it ended, and another one answers already")
            return super().ask(request)

    recognizer = FastRestart(Choice(name="pocketsphinx"), command=odd_worker("recognizer", "fine"))
    pool, inbox, _ = start(recognizer)
    recognizer.check()
    pool.submit("a", [asked(1)], 1.0, None)
    assert isinstance(inbox.wait(1)["a", 1], Done)


def test_a_pass_that_finds_no_process_has_not_broken_one(start: Start, tmp_path: Path) -> None:
    """Recognizers that were killed while idle use up no retry of a pass that comes during their restart."""
    marker = tmp_path / "cannot load"
    one, other = (odd_recognizer("dies loading while marked", marker) for _ in range(2))
    pool, inbox, clock = start(one, other)
    one.check()
    other.check()
    marker.touch()
    for recognizer in (one, other):
        os.kill(recognizer.pid, signal.SIGKILL)
    wait_until(lambda: one.failure and other.failure)
    pool.submit("a", [asked(1), asked(2)], 1.0, None)
    clock.wait_for_reads(threads=2, count=4)  # twice for its pass at most, then once a look whether a process answers
    assert inbox.got == []
    assert pool.queue_length == 2
    marker.unlink()
    assert {type(result) for result in inbox.wait(2).values()} == {Done}


def test_a_recognizer_that_cannot_be_loaded_fails_every_pass_for_good(start: Start) -> None:
    recognizer = odd_recognizer("dies loading")
    pool, inbox, _ = start(recognizer)
    pool.submit("a", [asked(1)], 1.0, None)
    [failed] = inbox.wait(1).values()
    assert isinstance(failed, Failed) and "signal 9" in failed.message
    assert recognizer.gave_up and not pool.offer.covers(None)


def test_a_pass_that_had_no_memory_is_tried_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed one would cost its session all later words; and the recognizer's thread lives on."""
    recognizer = odd_recognizer("fine")
    recognizer.check()
    ask = recognizer.ask

    def no_memory_once(request: Transcribe) -> Result:
        monkeypatch.setattr(recognizer, "ask", ask)
        raise MemoryError

    monkeypatch.setattr(recognizer, "ask", no_memory_once)
    pool, inbox, _ = start(recognizer)
    pool.submit("a", [asked(1)], 1.0, None)
    assert isinstance(inbox.wait(1)["a", 1], Done)


def test_a_pool_without_recognizers_fails_every_pass(start: Start) -> None:
    pool, inbox, _ = start()
    pool.submit("a", [asked(1)], 1.0, None)
    assert inbox.wait(1) == {("a", 1): Failed(1, NO_RECOGNIZER)}
    assert not pool.offer.covers(None)
