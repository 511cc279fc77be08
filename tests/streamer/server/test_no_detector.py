"""A server whose engine cannot say whether a sound is a voice: each session says so once, and webrtcvad decides."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from raw_client import TALK, Raw, alone, lasting, raw

from emoscope.streamer import VadConfig
from emoscope.streamer.engine import batch
from emoscope.streamer.engine.voice_activity import DetectorMissing
from emoscope.streamer.server import serving
from emoscope.streamer.session.requests import DetectVoice, Request, Result
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences

EXPECTED = lasting(alone(TALK, vad=VadConfig(backend="webrtc")))


class LeavesOut(FakeEngine):
    """Gives no result for what it does not know."""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        return super().__call__([one for one in requests if not isinstance(one, DetectVoice)])


class DetectsAsModelsDo(LeavesOut):
    """Its voice detector is that of the real engine."""

    def __init__(self) -> None:
        super().__init__()
        no_model: Any = SimpleNamespace(words=None, own_words=None, keeps_frames=False)
        self._real = batch.BatchEngine(no_model)

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        asked = [one for one in requests if isinstance(one, DetectVoice)]
        return [*self._real(asked), *super().__call__(requests)]


def said_by(engine: FakeEngine) -> Raw:
    """A client of a server with that engine, after its session."""

    async def talk() -> Raw:
        async with serving((CONTRACT, engine)) as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.audio(TALK)
            await client.finished()
            return client

    return asyncio.run(talk())


def told_once(client: Raw, reason: str) -> bool:
    """One warning that names the reason, and the events of webrtcvad alone."""
    [told] = [warning for warning in client.of("warning") if warning.code == "vad_failed"]
    assert reason in told.message and "webrtcvad decides alone" in told.message
    return differences(lasting(client.events), EXPECTED) == []


def test_an_engine_that_leaves_voices_out_ends_no_session() -> None:
    assert told_once(said_by(LeavesOut()), "no result for DetectVoice")


@pytest.mark.parametrize(
    "error", [DetectorMissing("onnxruntime is not installed"), RuntimeError("the network is broken")]
)
def test_a_detector_that_is_missing_or_broken_ends_no_session(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(requests: Sequence[DetectVoice]) -> None:
        raise error

    monkeypatch.setattr(batch, "detect_voices", broken)
    assert told_once(said_by(DetectsAsModelsDo()), str(error))
