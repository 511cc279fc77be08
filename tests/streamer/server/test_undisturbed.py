"""Rare meetings of events: none costs a session, and none costs anybody else's."""

import asyncio
import time

import numpy as np
import pytest
from msgspec.structs import replace
from raw_client import TALK, Raw, alone, lasting, raw

from emoscope.streamer.events import Limits
from emoscope.streamer.requests import Done, Encode
from emoscope.streamer.server import serving
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

FAKE = (CONTRACT, FakeEngine())


class Slow(FakeEngine):
    def __call__(self, requests):  # type: ignore[no-untyped-def]
        time.sleep(0.4)
        return super().__call__(requests)


class Nonsense(Slow):
    """Answers loud windows with what no session can use."""

    def __call__(self, requests):  # type: ignore[no-untyped-def]
        results = super().__call__(requests)
        loud = [isinstance(asked, Encode) and np.abs(asked.audio).max() > 0.9 for asked in requests]
        return [Done(result.id, "?") if wrong else result for result, wrong in zip(results, loud, strict=True)]


def test_a_client_that_has_finished_may_be_silent_while_it_is_read_out() -> None:
    async def talk() -> Raw:
        limits = replace(Limits(), idle_timeout_s=1.0)
        async with serving((CONTRACT, Slow()), limits=limits, batch=1) as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.audio(TALK)
            await client.finished()
            return client

    assert differences(lasting(asyncio.run(talk()).events), lasting(alone(TALK))) == []


def test_a_fault_in_one_session_leaves_the_results_of_the_others_in_its_batch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The faulty session comes first in line."""
    loud = np.clip(TALK * 30.0, -1.0, 1.0).astype(np.float32)

    async def talk() -> tuple[int, Raw]:
        async with serving((CONTRACT, Nonsense())) as server, raw(server.url) as bad, raw(server.url) as good:
            for client, audio in ((bad, loud), (good, TALK)):
                await client.say("session.update", config={"pace": "fast", "interim": False})
                await client.audio(audio[:56_000], 56_000)
            await good.audio(TALK[56_000:])
            await good.finished()
            return await bad.closed(), good

    code, good = asyncio.run(talk())
    assert code == 1011
    assert [record.message for record in caplog.records].count("fault") == 1
    assert differences(lasting(good.events), lasting(alone(TALK, interim=False))) == []


def test_a_drain_in_the_middle_of_a_long_frame_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    async def talk() -> Raw:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.audio(TALK[:1_600])
            await client.say("keepalive")
            await client.until("status")
            (link,) = server.hub.links
            feed = link._feed

            def feed_once(samples: np.ndarray) -> None:
                feed(samples)
                link._feed = feed
                asyncio.get_running_loop().call_soon(link.finish, 1.0)

            link._feed = feed_once  # type: ignore[method-assign]
            await client.audio(TALK, len(TALK))
            assert await client.closed() == 1000
            return client

    client = asyncio.run(talk())
    assert client.of("session.closed")
    assert "fault" not in [record.message for record in caplog.records]
