"""The virtual clocks that other tests rest on."""

import asyncio
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.testing import FakeClock, run_in_virtual_time


def test_callbacks_run_in_order_each_at_its_own_time() -> None:
    """Also one that a callback adds, and two that are due at the same time."""
    clock, seen = FakeClock(100.0), []

    def first() -> None:
        seen.append(("first", clock.now()))
        clock.call_at(103.0, lambda: seen.append(("added", clock.now())))

    clock.call_at(104.0, lambda: seen.append(("late", clock.now())))
    clock.call_at(101.0, first)
    clock.call_at(104.0, lambda: seen.append(("later", clock.now())))
    clock.advance(0.5)
    assert seen == []
    clock.sleep(4.0)
    assert seen == [("first", 101.0), ("added", 103.0), ("late", 104.0), ("later", 104.0)]
    assert clock() == clock.now() == 104.5


def test_a_clock_never_goes_back() -> None:
    """A sleep until a deadline that has passed does nothing; a negative step is a mistake of the test."""
    clock = FakeClock(5.0)
    clock.sleep(-1.0)
    assert clock.now() == 5.0
    with pytest.raises(ValueError, match="negative"):
        clock.advance(-0.1)


def test_ten_virtual_minutes_of_an_event_loop_take_no_real_time() -> None:
    """Sleeps, timeouts and the loop's own time all follow the clock, exactly."""
    clock = FakeClock()
    seen: list[object] = []

    async def ticking() -> None:
        loop = asyncio.get_running_loop()
        for _ in range(3):
            await asyncio.sleep(200)
            seen.append(loop.time())

    async def waiting() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(450):
                await asyncio.Event().wait()
        seen.append(("timeout", clock.now()))

    async def both() -> str:
        await asyncio.gather(ticking(), waiting())
        return "done"

    assert run_in_virtual_time(both(), clock) == "done"
    assert seen == [200.0, 400.0, ("timeout", 450.0), 600.0]


def test_tasks_that_can_run_do_so_before_the_clock_jumps() -> None:
    """A message that is on its way between two sockets of the loop arrives before the timeout that waits for it."""
    clock = FakeClock()

    async def talk() -> bytes:
        left, right = socket.socketpair()
        reader, silent = await asyncio.open_connection(sock=left)
        _, writer = await asyncio.open_connection(sock=right)
        async with asyncio.timeout(0.001):
            writer.write(b"hello")
            received = await reader.readexactly(5)
        for end in (silent, writer):
            end.close()
        return received

    assert run_in_virtual_time(talk(), clock) == b"hello"
    assert clock.now() == 0.0


def test_the_clock_stands_still_while_a_thread_is_busy() -> None:
    """Work outside the loop takes no virtual time, however long it takes in real time."""
    clock, working = FakeClock(), threading.Event()

    def work() -> str:
        time.sleep(0.05)
        return "result"

    async def wait() -> str:
        working.set()
        future = asyncio.get_running_loop().run_in_executor(None, work)
        future.add_done_callback(lambda _: working.clear())
        async with asyncio.timeout(0.001):
            return await future

    assert run_in_virtual_time(wait(), clock, busy=working.is_set) == "result"
    assert clock.now() == 0.0


@given(st.lists(st.floats(0.001, 100.0), min_size=1, max_size=20))
def test_a_task_that_waits_for_the_rest_of_a_wait_comes_to_its_end(waits: list[float]) -> None:
    """A timer never fires before its time, however the sums are rounded: the rest of a wait is nothing or passes."""
    clock = FakeClock(0.1)

    async def waiter() -> int:
        rounds = 0
        for wait in waits:
            until = clock.now() + wait
            while clock.now() < until:
                await asyncio.sleep(until - clock.now())
                rounds += 1
                assert rounds <= 10 * len(waits)
        return rounds

    assert run_in_virtual_time(waiter(), clock) >= len(waits)
