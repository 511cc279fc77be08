"""Sessions over a real socket: which events come, in which order, and that no session disturbs another."""

import asyncio
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_client import TALK, Raw, alone, as_sent, lasting, raw
from virtual_server import HeldEngine, serve_virtually

from emoscope.streamer import Config, Session, replay
from emoscope.streamer.protocol.events import EmotionInterim, Error, SessionClosed, SessionUpdated, Status
from emoscope.streamer.server import Server, serving
from emoscope.streamer.sources.recordings import Recording
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

FAKE = (CONTRACT, FakeEngine())


def test_a_session_greets_first_sends_its_events_and_closes() -> None:
    async def talk() -> list:
        async with serving(FAKE) as server, raw(server.url) as client:
            assert client.socket.subprotocol == "emoscope.v1"
            assert client.created.resume_token and client.created.notice and client.created.model.id == "fake"
            await client.say("session.update", config={"interval_s": 0.4, "vad": {"min_silence_s": 0.4}})
            updated = await client.until("session.updated")
            assert isinstance(updated, SessionUpdated)
            assert (updated.config.interval_s, updated.config.vad.min_silence_s) == (0.4, 0.4)
            assert updated.config.transcript is False  # there is no recognizer: the effective config says so
            await client.audio(TALK, pause_s=0.01)
            return await client.finished()

    events = asyncio.run(talk())
    expected = alone(TALK, interval_s=0.4, vad=Config().vad.__class__(min_silence_s=0.4))
    received = [event for event in events if not isinstance(event, SessionUpdated | Status)]
    assert differences(received, expected) == []
    assert isinstance(events[-1], SessionClosed)
    assert [event.seq for event in lasting(events)] == list(range(1, len(lasting(events)) + 1))


@settings(max_examples=5)
@given(st.lists(st.integers(150, 9_000), min_size=1, max_size=12), st.sampled_from(["pcm_s16le", "pcm_f32le"]))
def test_any_framing_gives_the_same_events(sizes: list[int], encoding: str) -> None:
    async def talk() -> list:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"encoding": encoding, "pace": "fast"})
            rest, turn = TALK, 0
            while len(rest):
                size = sizes[turn % len(sizes)]
                await client.audio(rest[:size], size, encoding)
                rest, turn = rest[size:], turn + 1
            return await client.finished()

    received = [e for e in asyncio.run(talk()) if not isinstance(e, SessionUpdated | Status)]
    whole = as_sent(TALK) if encoding == "pcm_s16le" else TALK
    assert differences(received, run(Session(CONTRACT), FakeEngine(), [whole])) == []


@pytest.mark.parametrize("rate", [8_000, 48_000])
def test_other_rates_and_stereo_give_the_same_number_of_finals(rate: int) -> None:
    async def talk() -> list:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"sample_rate": rate, "channels": 2, "pace": "fast"})
            mono = np.interp(np.arange(0, len(TALK), 16_000 / rate), np.arange(len(TALK)), TALK)
            await client.audio(np.stack([mono, mono], 1).astype(np.float32), rate // 10)
            return await client.finished()

    events = asyncio.run(talk())
    assert len([e for e in events if e.type == "emotion.final"]) == 2
    assert abs(events[-1].totals.audio_s - len(TALK) / 16_000) < 0.01  # type: ignore[union-attr]


def test_split_gives_each_channel_a_session_of_its_own() -> None:
    quiet = silence(len(TALK) / 16_000)
    other = np.concatenate([silence(1.0), voice(2.0, 220.0, seed=5), silence(len(TALK) / 16_000 - 3.0)])[: len(TALK)]

    async def talk() -> Raw:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"channels": 3, "channel_mode": "split", "pace": "fast"})
            await client.audio(np.stack([TALK, other, quiet], 1))
            await client.say("keepalive", last_seq=[1, 0, 0])
            await client.finished()
            return client

    client = asyncio.run(talk())
    parts = [event for event in client.of("session.created") if event.channel in (0, 1, 2)]
    assert [event.session_id for event in parts] == [f"{client.created.session_id}-{n}" for n in range(3)]
    for channel, samples in enumerate([TALK, other, quiet]):
        received = [e for e in client.events if e.channel == channel and e.type != "session.created"]
        expected = alone(samples)
        assert [e.type for e in received] == [e.type for e in expected]
        assert [e.seq for e in lasting(received)] == [e.seq for e in lasting(expected)]
        assert [e.scores for e in received if e.type == "emotion.final"] == [
            e.scores for e in expected if e.type == "emotion.final"
        ]
    assert client.errors == []


def test_a_status_comes_each_second_and_answers_a_keepalive() -> None:
    async def wait(server: Server) -> tuple[list, float, float]:
        async with raw(server.url) as client:
            clock = asyncio.get_running_loop().time
            began = clock()
            await client.until("status", 3)
            waited = clock() - began
            await client.say("keepalive", last_seq=0)
            await client.until("status", 4)
            return client.events, waited, clock() - began - waited

    events, waited, answered = serve_virtually(wait)
    assert waited == pytest.approx(3.0, abs=0.2)
    assert answered < 0.1
    assert {e.type for e in events} == {"session.created", "status"}


def test_flush_ends_the_utterance_and_reset_forgets_the_mood() -> None:
    speech = np.concatenate([silence(0.4), voice(2.0)])

    async def talk() -> list:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            for command in ("flush", "reset", "flush"):
                await client.audio(speech)
                await client.say(command)
            return await client.finished()

    events = asyncio.run(talk())
    assert [e.reason for e in events if e.type == "speech.ended"] == ["flush"] * 3
    moods = [e for e in events if e.type == "mood"]
    assert moods[1].start == moods[0].start and moods[2].start > 4.0
    assert [e.utterance for e in events if e.type == "speech.started"] == [1, 2, 3]


def test_a_config_is_fixed_once_audio_came_and_a_wrong_one_is_named() -> None:
    async def talk() -> Raw:
        async with serving(FAKE) as server, raw(server.url) as client:
            for config in (
                {"sample_rate": 96_000}, {"sample_rate": 100}, {"vad": {"threshold": 2}}, {"colour": "red"},
                {"pace": "slow"}, {"interval_s": None}, {"vad": 3},
            ):  # fmt: skip
                await client.say("session.update", config=config)
            await client.audio(silence(0.1))
            await client.say("session.update", config={"interim": False})
            await client.finished()
            return client

    client = asyncio.run(talk())
    assert client.errors == ["config_invalid"] * 7 + ["config_locked"]
    params = [e.param for e in client.events if isinstance(e, Error)]
    assert params[:5] == ["sample_rate", "sample_rate", "vad.threshold", "colour", "pace"]
    assert not client.of("session.updated")


def test_fifty_sessions_interleaved_are_as_if_each_were_alone() -> None:
    talks = [
        np.concatenate([silence(0.1 * (n % 7)), voice(0.8 + 0.1 * (n % 9), 110.0 + 3 * n, seed=n), silence(0.7)])
        for n in range(50)
    ]

    async def talk(url: str, samples: np.ndarray) -> list:
        async with raw(url, open_timeout=60) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.audio(samples, 1_600, pause_s=0.001)
            await client.say("finish")
            assert await client.closed(60) == 1000
            return client.events

    async def together() -> list[list]:
        async with serving(FAKE) as server:
            return await asyncio.gather(*(talk(server.url, samples) for samples in talks))

    for samples, events in zip(talks, asyncio.run(together()), strict=True):
        received = [e for e in events if not isinstance(e, SessionUpdated | Status)]
        assert differences(received, alone(samples), 1e-5) == []


def test_a_socket_gives_the_finals_that_a_replay_gives(conversation: Path, tmp_path: Path) -> None:
    """The shipped model on the demo recording's beginning; its readings do not depend on what else is in a batch."""
    import soundfile

    lasting_types = ("emotion.final", "mood", "speech.started", "speech.ended")
    with Recording(conversation) as recording:
        rate = recording.sample_rate
        samples = np.concatenate(list(recording.blocks(1.0)))[: 15 * rate]
    soundfile.write(tmp_path / "beginning.wav", samples, rate, subtype="FLOAT")
    expected = [e for e in replay(tmp_path / "beginning.wav") if e.type in lasting_types]

    async def talk() -> list:
        async with serving("small") as server, raw(server.url) as client:
            options = {"encoding": "pcm_f32le", "pace": "fast", "interim": False, "sample_rate": rate}
            await client.say("session.update", config=options)
            await client.audio(samples, rate, "pcm_f32le")
            await client.say("finish")
            assert await client.closed(120) == 1000
            return client.events

    received = [e for e in asyncio.run(talk()) if e.type in lasting_types]
    assert len([e for e in received if e.type == "emotion.final"]) >= 3
    assert differences(received, expected) == []


class SlowEngine(FakeEngine):
    """Takes a while for each batch, holding no lock, as a model does."""

    def __init__(self, pause_s: float) -> None:
        super().__init__()
        self.pause_s = pause_s

    def __call__(self, requests):  # type: ignore[no-untyped-def]
        time.sleep(self.pause_s)
        return super().__call__(requests)


def test_a_ping_is_answered_while_the_model_computes() -> None:
    engine = HeldEngine()

    async def ping() -> int:
        async with serving((CONTRACT, engine)) as server, raw(server.url) as client:
            await client.say("session.update", config={"vad": {"backend": "webrtc"}})  # a made voice
            await client.audio(np.concatenate([silence(0.2), voice(1.2)]))
            await client.until("speech.started")
            for _ in range(10):
                await asyncio.wait_for(await client.socket.ping(), 60.0)
            answered_before = len(client.of("emotion.interim"))
            engine.release()
            await client.until("emotion.interim")
            return answered_before

    assert asyncio.run(ping()) == 0


def test_a_slow_model_skips_interims_then_drops_the_oldest_speech_and_says_both() -> None:
    async def talk() -> Raw:
        async with serving((CONTRACT, SlowEngine(0.6)), batch=1, finish_s=1.5) as server, raw(server.url) as client:
            await client.audio(voice(19.0), 16_000)
            await client.until("warning", 2)
            await client.finished()
            return client

    client = asyncio.run(talk())
    codes = [e.code for e in client.of("warning")]
    assert "lagging" in codes and "audio_dropped" in codes
    gone = next(e for e in client.of("warning") if e.code == "audio_dropped")
    assert gone.start is not None and gone.end is not None and 0 <= gone.start < gone.end <= 19.0
    closed = client.events[-1]
    assert isinstance(closed, SessionClosed) and closed.totals.dropped_s > 0
    assert len(client.of("emotion.final")) == 1
    assert len([e for e in client.events if isinstance(e, EmotionInterim)]) < 30


def test_a_file_sent_fast_loses_nothing_to_a_slow_model() -> None:
    async def talk() -> list:
        async with serving((CONTRACT, SlowEngine(0.05))) as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.audio(np.concatenate([TALK] * 6), 16_000)
            return await client.finished()

    received = [e for e in asyncio.run(talk()) if not isinstance(e, SessionUpdated | Status)]
    assert differences(received, alone(np.concatenate([TALK] * 6))) == []


def test_a_voice_is_enrolled_over_a_socket_as_it_is_without_one() -> None:
    """The shipped model learns a voice; the socket gives the events that the session alone gives."""
    from emoscope.streamer import open_engine

    opened = open_engine("small")
    if not opened.contract.baseline:
        pytest.skip("this version's model learns no voice")
    calm = np.concatenate([silence(0.3), voice(4.0, 120.0, level=0.05, seed=6), silence(0.8)])

    async def talk() -> list:
        async with serving("small") as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast", "interim": False})
            await client.say("enroll", seconds=2.0)
            await client.audio(calm)
            await client.audio(TALK)
            await client.say("finish")
            assert await client.closed(60) == 1000
            return client.events

    session = Session(opened.contract, Config(interim=False))
    expected: list = []
    for output in (session.enroll(2.0), session.feed(as_sent(calm)), session.feed(as_sent(TALK)), session.finish()):
        expected += output.events
        requests = output.requests
        while requests:
            more, requests = session.apply(opened.engine(requests))
            expected += more
    received = [e for e in asyncio.run(talk()) if not isinstance(e, SessionUpdated | Status)]
    assert any(e.type == "enrolled" for e in received)
    assert differences(received, expected) == []
