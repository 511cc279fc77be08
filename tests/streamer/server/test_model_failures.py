"""Which sessions are given up because the model fails on them: those that may be the cause, and no others."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import numpy as np
from raw_client import TALK, Raw, alone, eventually, lasting, raw
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.server import Server, ServerOptions
from emoscope.streamer.server.registry import MAX_FAILURES
from emoscope.streamer.session.requests import Encode, Request, Result
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

LOUD = np.clip(TALK * 30.0, -1.0, 1.0).astype(np.float32)


class Away(FakeEngine):
    """Answers nothing while `failure` says why, as when the process of the model has ended."""

    failure = ""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        if self.failure:
            raise RuntimeError(self.failure)
        return super().__call__(requests)


class DiesOfLoudWindows(Away):
    """Dies of a window that is loud; other requests find another process."""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        loud = any(isinstance(asked, Encode) and np.abs(asked.audio).max() > 0.9 for asked in requests)
        self.failure = "the engine's process ended" if loud else ""
        return super().__call__(requests)


@asynccontextmanager
async def serving_apart(engine: Away) -> AsyncIterator[Server]:
    server = Server(CONTRACT, engine, ServerOptions(port=0, drain_s=2.0), engine_failure=lambda: engine.failure)
    await server.start()
    try:
        yield server
    finally:
        await server.drain()


async def send_until_closed(client: Raw, samples: np.ndarray) -> int:
    """The close code."""
    with suppress(ConnectionClosed):
        await client.audio(samples)
    return await client.closed()


async def resume_in_vain(server: Server, first: Raw) -> None:
    """Resume the session; the model fails on it at once."""
    await eventually(lambda: server.registry.holder(first.created.session_id) is None)
    async with raw(server.url) as again:
        await again.go_on(first)
        assert await again.closed() == 1011


def test_a_session_outlives_every_failure_while_no_model_answers() -> None:
    """Its client comes back within a moment each time, and the model may be away for minutes."""
    engine = Away()

    async def talk() -> tuple[Raw, Raw]:
        async with serving_apart(engine) as server:
            async with raw(server.url) as first:
                await first.say("session.update", config={"pace": "fast"})
                await first.audio(TALK[:16_000])
                await first.until("speech.started")
                engine.failure = "the engine's process ended"
                assert await send_until_closed(first, TALK[16_000:48_000]) == 1011
            for _ in range(MAX_FAILURES + 2):
                await resume_in_vain(server, first)
            engine.failure = ""
            async with raw(server.url) as last:
                resumed = await last.go_on(first)
                await last.audio(TALK[round(resumed.audio_s * 16_000) :])
                await last.finished()
            return first, last

    first, last = asyncio.run(talk())
    assert differences(lasting(first.events) + lasting(last.events), lasting(alone(TALK))) == []


def test_a_session_of_which_the_model_dies_each_time_is_given_up() -> None:
    """Other sessions are answered in between, by another process."""
    engine = DiesOfLoudWindows()
    live = {"pace": "fast", "vad": {"backend": "webrtc"}}

    async def talk() -> tuple[int, list[str]]:
        async with serving_apart(engine) as server, raw(server.url) as other:
            await other.say("session.update", config=live)
            async with raw(server.url) as first:
                await first.say("session.update", config=live)
                assert await send_until_closed(first, LOUD) == 1011
            for time in range(1, MAX_FAILURES):
                await other.audio(TALK)
                await other.until("emotion.final", 2 * time)
                await resume_in_vain(server, first)
            await eventually(lambda: len(server.registry.connections) == 1)
            async with raw(server.url) as last:
                created = first.created
                await last.say("session.resume", session_id=created.session_id, resume_token=created.resume_token)
                return await last.closed(), last.errors

    assert asyncio.run(talk()) == (4404, ["resume_unknown"])
