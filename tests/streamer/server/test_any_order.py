"""Messages in any order: each gets its documented answer, and the session stays whole."""

import asyncio
import itertools
from contextlib import AsyncExitStack, suppress
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from raw_client import Raw, eventually, lasting, raw
from websockets.exceptions import ConnectionClosed

from emoscope.streamer.protocol.events import Error
from emoscope.streamer.server import serving
from emoscope.streamer.session.session import ENROLL_S
from emoscope.streamer.testing import CONTRACT, FakeEngine, silence, voice

SOUND = np.concatenate([silence(0.3), voice(1.7, seed=3), silence(0.8), voice(1.2, 200.0, seed=4)])


class Conversation(RuleBasedStateMachine):
    """A client that says anything, and a model of the answers that it must get."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.stack = AsyncExitStack()
        self.marks = itertools.count()
        self.begun = self.spoken = False
        self.at = 0
        self.durable: list[Any] = []

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize()
    def open(self) -> None:
        limits: dict[str, Any] = {"messages_s": 1e6, "batch": 4}
        self.server = self.do(self.stack.enter_async_context(serving((CONTRACT, FakeEngine()), **limits)))
        self.renew()

    async def answers(self, *said: Any) -> list[str]:
        """Types and error codes that saying this brought, as far as they are answers."""
        before = len(self.client.events)
        for kind, fields in said:
            if kind in {"binary", "text"}:
                await self.client.socket.send(fields)
            else:
                await self.client.say(kind, **fields)
        self.spoken = self.spoken or any(kind != "binary" for kind, _ in said)
        return await self.answers_since(before)

    async def answers_since(self, before: int) -> list[str]:
        mark = f"mark-{next(self.marks)}"
        with suppress(ConnectionClosed):
            await self.client.say(mark)
        self.spoken = True

        def there() -> int | None:
            return next(
                (n for n, e in enumerate(self.client.events) if isinstance(e, Error) and mark in e.message), None
            )

        await eventually(lambda: there() is not None or self.client.over)
        new = self.client.events[before : there()]
        kinds = {"session.updated", "session.resumed", "session.closed"}
        return [e.code if isinstance(e, Error) else e.type for e in new if isinstance(e, Error) or e.type in kinds]

    def renew(self) -> None:
        """A new session on a new socket."""
        self.client: Raw = self.do(self.stack.enter_async_context(raw(self.server.url)))
        self.ticket = (self.client.created.session_id, self.client.created.resume_token)
        self.begun = self.spoken = False
        self.at, self.durable = 0, []

    @rule(seconds=st.floats(0.01, 1.5))
    def audio(self, seconds: float) -> None:
        block = SOUND[self.at : self.at + round(seconds * 16_000)]
        self.at = (self.at + len(block)) % len(SOUND)
        pcm = (block * 32_767).astype("<i2").tobytes()
        assert self.do(self.answers(("binary", pcm))) == []
        self.begun = self.begun or bool(pcm)

    @rule(size=st.sampled_from([1, 321, 400_001]))
    def odd_audio(self, size: int) -> None:
        assert self.do(self.answers(("binary", bytes(size)))) == ["invalid_audio_frame"]

    @rule(config=st.sampled_from([{}, {"interim": False}, {"interval_s": 0.3}, {"vad": {"min_silence_s": 0.3}}]))
    def update(self, config: dict[str, Any]) -> None:
        expected = ["config_locked"] if self.begun else ["session.updated"]
        assert self.do(self.answers(("session.update", {"config": config}))) == expected

    @rule(config=st.sampled_from([{"sample_rate": 1}, {"nothing": 1}, {"baseline": "loud"}, {"channels": 0}]))
    def wrong_update(self, config: dict[str, Any]) -> None:
        expected = ["config_locked"] if self.begun else ["config_invalid"]
        assert self.do(self.answers(("session.update", {"config": config}))) == expected

    @rule(command=st.sampled_from(["flush", "reset"]))
    def command(self, command: str) -> None:
        assert self.do(self.answers((command, {}))) == []

    @rule(text=st.sampled_from(["", "{", "[]", "null", '"flush"', '{"type":"flush","x":0}', "\x00", "{" * 5_000]))
    def garbage(self, text: str) -> None:
        assert self.do(self.answers(("text", text))) == ["invalid_json"]

    @rule(text=st.sampled_from(["{}", '{"type":"speech.started"}', '{"type":null}']))
    def unknown(self, text: str) -> None:
        assert self.do(self.answers(("text", text))) == ["unknown_type"]

    @rule(seq=st.integers(0, 40))
    def keepalive(self, seq: int) -> None:
        before = len(self.client.of("status"))
        assert self.do(self.answers(("keepalive", {"last_seq": seq}))) == []
        assert len(self.client.of("status")) > before

    @rule(seconds=st.sampled_from([0.01, 5.0, 600.0]))
    def enroll(self, seconds: float) -> None:
        possible = ENROLL_S[0] <= seconds <= ENROLL_S[1]
        assert self.do(self.answers(("enroll", {"seconds": seconds}))) == ([] if possible else ["config_invalid"])
        self.begun = self.begun or possible

    @precondition(lambda self: self.spoken or self.begun)
    @rule()
    def late_resume(self) -> None:
        ticket = {"session_id": "x", "resume_token": "y"}
        assert self.do(self.answers(("session.resume", ticket))) == ["config_locked"]

    @precondition(lambda self: not self.spoken and not self.begun)
    @rule()
    def resume_of_nothing(self) -> None:
        ticket = {"session_id": "x", "resume_token": "y"}
        assert self.do(self.answers(("session.resume", ticket))) == ["resume_unknown"]
        assert self.do(self.client.closed()) == 4404
        self.renew()

    @rule()
    def cut_and_resume(self) -> None:
        """On another socket: a session that has received audio goes on, one that has not is unknown."""
        before = self.durable + lasting(self.client.events)
        seen = max((event.seq for event in before), default=0)
        self.do(self.client.cut())
        self.do(eventually(lambda: not self.server.registry.connections))
        self.client = self.do(self.stack.enter_async_context(raw(self.server.url)))
        self.spoken = False
        ticket = {"session_id": self.ticket[0], "resume_token": self.ticket[1], "last_seq": seen}
        if self.begun:
            self.durable = before
            assert self.do(self.answers(("session.resume", ticket))) == ["session.resumed"]
        else:
            assert self.do(self.answers(("session.resume", ticket))) == ["resume_unknown"]
            self.renew()

    @rule()
    def finish(self) -> None:
        self.do(self.client.say("finish"))
        assert self.do(self.client.closed()) == 1000
        assert self.client.events[-1].type == "session.closed"
        self.numbers()
        self.renew()

    @invariant()
    def numbers(self) -> None:
        """Durable events are numbered without a gap, and each utterance comes in order."""
        if not hasattr(self, "client"):
            return
        events = self.durable + lasting(self.client.events)
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        order = [e.type for e in events if e.type != "session.closed"]
        cycle = ["speech.started", "speech.ended", "emotion.final", "mood"]
        assert order == [cycle[n % 4] for n in range(len(order))]

    def teardown(self) -> None:
        if hasattr(self, "server"):
            faults = self.server.metrics.registry.get_sample_value("emoscope_errors_total", {"code": "fault"})
            self.do(self.stack.aclose())
            assert not faults
        self.loop.close()


Conversation.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
TestAnyOrder = Conversation.TestCase
