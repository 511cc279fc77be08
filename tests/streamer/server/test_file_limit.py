"""A server that runs out of file descriptors says so to clients and in its log, and goes on."""

import asyncio
import logging
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from raw_client import TALK, raw
from websockets.exceptions import InvalidStatus

from emoscope.streamer.server import serving
from emoscope.streamer.server.file_limit import OUT_OF_FILES, OutOfFiles
from emoscope.streamer.testing import CONTRACT, FakeClock, FakeEngine

FAKE = (CONTRACT, FakeEngine())


@contextmanager
def file_limit(count: int) -> Iterator[None]:
    """In this process, so many file descriptors may be open."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def few_files(left: int) -> Iterator[None]:
    """In this process, so many file descriptors are left."""
    with ExitStack() as stack:
        # The limit is one of numbers, and some below the highest may be free.
        highest = max(map(int, os.listdir("/proc/self/fd")))
        while stack.enter_context(open(os.devnull)).fileno() < highest:
            pass
        stack.enter_context(file_limit(max(map(int, os.listdir("/proc/self/fd"))) + 1 + left))
        yield


def test_without_file_descriptors_a_new_client_is_told_to_come_later_and_others_go_on() -> None:
    async def talk() -> tuple[int, str, int]:
        async with serving(FAKE, max_sessions=10) as server, raw(server.url) as other:
            with few_files(8), pytest.raises(InvalidStatus) as refused:
                async with raw(server.url):
                    pass
            answer = refused.value.response
            await other.audio(TALK)
            await other.finished()
            async with raw(server.url) as later:
                await later.audio(TALK)
                await later.finished()
            return answer.status_code, answer.headers["Retry-After"], len(other.of("emotion.final"))

    assert asyncio.run(talk()) == (503, "5", 2)


def test_a_server_raises_its_own_limit_as_far_as_its_sessions_need_it() -> None:
    async def limit() -> int:
        async with serving(FAKE, max_sessions=300):
            return resource.getrlimit(resource.RLIMIT_NOFILE)[0]

    with file_limit(256):
        assert asyncio.run(limit()) >= 300


def test_the_log_says_once_in_a_while_that_nobody_can_be_accepted(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio reports each attempt, with a traceback."""
    clock, told = FakeClock(), list[str]()
    handler = OutOfFiles(told.append, clock)
    loop = asyncio.new_event_loop()
    try:
        with caplog.at_level(logging.ERROR):
            for _ in range(2_000):
                handler(loop, {"message": OUT_OF_FILES, "exception": OSError(24, "Too many open files")})
            clock.advance(11.0)
            handler(loop, {"message": OUT_OF_FILES, "exception": OSError(24, "Too many open files")})
            assert len(told) == 2 and "raise the limit" in told[0] and not caplog.records
            handler(loop, {"message": "something else"})
            assert "something else" in caplog.text
    finally:
        loop.close()
