"""What a server does by the clock: it goes on after a fault, and gives back the memory that it does not need."""

import asyncio

import pytest

from emoscope.streamer.server import endless
from emoscope.streamer.server.logs import Log
from emoscope.streamer.server.timers import GIVE_BACK_ANYWAY_S, GiveBackRule


def test_a_timer_that_failed_goes_on(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """After a moment without memory; the log says where it failed."""
    monkeypatch.setattr(endless, "AGAIN_S", 0.0)
    begun = 0

    async def scene() -> None:
        goes_on = asyncio.Event()

        async def timer() -> None:
            nonlocal begun
            begun += 1
            if begun <= 2:
                raise MemoryError
            goes_on.set()
            await asyncio.Event().wait()

        task = asyncio.ensure_future(endless.endless(timer, Log()))
        await goes_on.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert begun == 3 and [record.getMessage() for record in caplog.records] == ["timer", "timer"]


def test_free_memory_is_given_back_once_after_connections_were_closed() -> None:
    rule = GiveBackRule(closed=2, at=100.0)
    assert not rule.due(closed=2, now=110.0)
    assert rule.due(closed=5, now=120.0)
    assert not rule.due(closed=5, now=130.0)


def test_free_memory_is_given_back_once_a_minute_where_nobody_leaves() -> None:
    """The heap of live sessions grows by what they free between what they keep."""
    rule = GiveBackRule(closed=0, at=100.0)
    dues = [now for now in range(100, 300, 10) if rule.due(closed=0, now=float(now))]
    assert dues == [160, 220, 280] and GIVE_BACK_ANYWAY_S == 60.0
