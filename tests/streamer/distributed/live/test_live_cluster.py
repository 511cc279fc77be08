"""Live streams on a cluster of two nodes, with a real Redis, real sockets, and replicas that are lost."""

import asyncio
import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from frameworks import need
from waiting import DEADLINE_S
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

need("ray")

from ray_cluster import TOKEN, ServedCluster, connected, served_on

from emoscope.streamer.client import Client, Config
from emoscope.streamer.client import connect as connect_module
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal
from emoscope.streamer.protocol.messages import SUBPROTOCOL
from emoscope.streamer.runtime.replay import replay
from emoscope.streamer.testing import differences

RECORDING = Path(__file__).parents[4] / "demo" / "recordings" / "conversation.flac"
SECONDS = 12.0
STREAMS = 50
BLOCK_S = 0.1
OPENING_S = 0.05  # between two clients


@pytest.fixture(scope="module")
def served(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCluster]:
    log = tmp_path_factory.mktemp("served") / "serve.log"
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(connect_module, "OPEN_TIMEOUT_S", DEADLINE_S)  # of a machine that is busy with other tests
    options = ("--gateways", "2", "--scorers", "2", "--asr", "pocketsphinx", "--drain", "6")
    with connected() as (cluster, nodes), served_on(cluster, nodes, redis_url, log, *options) as served:
        served.wait_for("gateways", 2)
        served.wait_for("scorers", 2)
        yield served
    monkeypatch.undo()


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """The beginning of the demo's recording, 16 kHz."""
    samples, rate = soundfile.read(RECORDING, dtype="int16", frames=round(SECONDS * 16_000))
    assert rate == 16_000 and samples.ndim == 1
    return samples


@pytest.fixture(scope="module")
def expected(samples: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> list[EmotionFinal]:
    """The finals of a replay of it."""
    path = tmp_path_factory.mktemp("heard") / "heard.wav"
    soundfile.write(path, samples, 16_000)
    return finals(list(replay(path)))


def finals(events: list[AnyEvent]) -> list[EmotionFinal]:
    return [event for event in events if isinstance(event, EmotionFinal)]


async def live(
    url: str, samples: np.ndarray, *, transcript: bool = False, has_final: asyncio.Event | None = None
) -> list[AnyEvent]:
    """All events of the samples, sent as a microphone sends them; `has_final` is set with the first final.

    With `pace: fast` a machine that is busy with other tests leaves nothing out, however far it falls behind.
    """
    config = Config(sample_rate=16_000, transcript=transcript, pace="fast")
    events: list[AnyEvent] = []
    async with Client(url, config, token=TOKEN) as client:
        sending = asyncio.ensure_future(speak(client, samples))
        async for event in client:
            events.append(event)
            if has_final is not None and isinstance(event, EmotionFinal):
                has_final.set()
        await sending
    return events


async def speak(client: Client, samples: np.ndarray) -> None:
    clock, size = asyncio.get_running_loop().time, round(BLOCK_S * 16_000)
    began = clock()
    for begin in range(0, len(samples), size):
        await asyncio.sleep(began + begin / 16_000 - clock())
        await client.send(samples[begin : begin + size])
    await client.finish()


async def live_while(url: str, samples: np.ndarray, count: int, happens: Callable[[], object]) -> list[list[AnyEvent]]:
    """The events of so many live streams, while something happens in another thread once each has had a final."""
    streams, finals_came = [], [asyncio.Event() for _ in range(count)]
    for has_final in finals_came:
        streams.append(asyncio.ensure_future(live(url, samples, has_final=has_final)))
        await asyncio.sleep(OPENING_S)
    for has_final, stream in zip(finals_came, streams, strict=True):
        waiting = asyncio.ensure_future(has_final.wait())
        await asyncio.wait({waiting, stream}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    assert not any(stream.done() for stream in streams), "a stream ended before each had a final"
    await asyncio.to_thread(happens)
    return await asyncio.gather(*streams)


def check_each_final_came_once(streams: list[list[AnyEvent]], expected: list[EmotionFinal]) -> None:
    for events in streams:
        assert differences(finals(events), expected) == []
        assert [event.seq for event in finals(events)] == sorted({event.seq for event in finals(events)})


def resumed(streams: list[list[AnyEvent]]) -> int:
    return sum(any(event.type == "session.resumed" for event in events) for events in streams)


def test_the_finals_of_a_stream_through_gateway_and_scorer_are_those_of_a_replay(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal]
) -> None:
    events = asyncio.run(live(served.url, samples[: round(4.5 * 16_000)]))
    assert differences(finals(events)[:1], expected[:1]) == []


def test_words_come_from_the_transcribers(served: ServedCluster, samples: np.ndarray) -> None:
    events = asyncio.run(live(served.url, samples[: round(4.5 * 16_000)], transcript=True))
    assert any(event.type == "transcript.final" for event in events)


def test_fifty_live_streams_lose_nothing_when_a_gateway_is_killed(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal]
) -> None:
    streams = asyncio.run(live_while(served.url, samples, STREAMS, lambda: served.kill("gateways")))
    check_each_final_came_once(streams, expected)
    assert resumed(streams) > 0
    served.wait_for("gateways", 2)


def test_streams_go_on_when_a_scorer_needs_too_much_memory_and_is_killed(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal]
) -> None:
    streams = asyncio.run(live_while(served.url, samples, 6, lambda: served.kill("scorers")))
    check_each_final_came_once(streams, expected)
    assert resumed(streams) == 0
    served.wait_for("scorers", 2)


def test_streams_go_on_while_redis_is_away_for_ten_seconds(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal], redis_url: str
) -> None:
    from redis import Redis

    pid = Redis.from_url(redis_url).info("server")["process_id"]

    def away() -> None:
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(10.0)
        finally:
            os.kill(pid, signal.SIGCONT)

    streams = asyncio.run(live_while(served.url, samples, 4, away))
    check_each_final_came_once(streams, expected)
    assert resumed(streams) == 0


def test_a_wrong_token_and_a_strange_page_are_refused_before_the_upgrade(served: ServedCluster) -> None:
    async def status(**headers: str) -> int:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(served.url, additional_headers=headers, subprotocols=[Subprotocol(SUBPROTOCOL)]):
                pass
        return refused.value.response.status_code

    async def both() -> tuple[int, int]:
        right = f"Bearer {TOKEN}"
        return await status(Authorization="Bearer wrong"), await status(
            Authorization=right, Origin="http://evil.example"
        )

    assert asyncio.run(both()) == (401, 403)


def test_a_message_that_is_too_long_is_told_and_ends_the_connection(served: ServedCluster) -> None:
    async def send() -> tuple[list[str], int | None]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with connect(served.url, additional_headers=headers, subprotocols=[Subprotocol(SUBPROTOCOL)]) as socket:
            created = json.loads(await socket.recv())
            await socket.send(b"\0" * (created["limits"]["max_frame_bytes"] + 2))
            kinds = []
            try:
                while True:
                    kinds.append(json.loads(await socket.recv()).get("code", ""))
            except ConnectionClosed:
                return kinds, socket.close_code

    codes, close_code = asyncio.run(send())
    assert "message_too_large" in codes and close_code == 1009


def test_clients_of_a_gateway_that_is_ended_go_on_at_another(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal]
) -> None:
    streams = asyncio.run(live_while(served.url, samples, 8, lambda: served.scale("gateways", 1)))
    check_each_final_came_once(streams, expected)
    assert resumed(streams) > 0
    served.scale("gateways", 2)
    served.wait_for("gateways", 2)


def test_no_token_is_in_the_logs_of_ray(served: ServedCluster) -> None:
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(f"{served.http}/metrics?token=no-secret-either")
    assert served.logged("the-token-of-the-tests") == []
    assert served.logged("no-secret-either") == []


def test_streams_lose_nothing_when_a_node_is_lost(
    served: ServedCluster, samples: np.ndarray, expected: list[EmotionFinal]
) -> None:
    streams = asyncio.run(live_while(served.url, samples, 8, served.lose_a_node))
    check_each_final_came_once(streams, expected)
