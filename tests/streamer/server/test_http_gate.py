"""Who may come in, and what HTTP says."""

import asyncio
import json
import logging

import pytest
from raw_client import TALK, eventually, raw
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus
from websockets.http11 import Request

from emoscope.streamer.server import Server, ServerOptions, serving
from emoscope.streamer.server.http_gate import HttpGate
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())


async def status_of(url: str, **options: object) -> int:
    try:
        async with connect(url, compression=None, **options) as socket:  # type: ignore[arg-type]
            await socket.recv()
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def http(server: Server, path: str, *headers: str) -> tuple[int, bytes, str]:
    """Status, body and head of a plain request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", *headers, "", ""]
    writer.write("\r\n".join(lines).encode())
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body, head.decode()


def test_a_token_is_needed_by_header_or_query() -> None:
    async def knock() -> list[int]:
        async with serving(FAKE, token="sesame") as server:
            bearer = {"additional_headers": {"Authorization": "Bearer sesame"}}
            wrong = {"additional_headers": {"Authorization": "Bearer sesam"}}
            return [
                await status_of(server.url),
                await status_of(server.url, **wrong),
                await status_of(server.url + "?token=nope"),
                await status_of(server.url + "?token=%ff%fe"),
                await status_of(server.url, **bearer),
                await status_of(server.url + "?token=sesame"),
                (await http(server, "/metrics"))[0],
                (await http(server, "/metrics", "Authorization: Bearer sesame"))[0],
                (await http(server, "/healthz"))[0],
            ]

    assert asyncio.run(knock()) == [401, 401, 401, 401, 101, 101, 401, 200, 200]


def test_foreign_pages_are_turned_away_and_named_ones_are_not() -> None:
    async def knock() -> list[int]:
        async with serving(FAKE, origins=("https://app.example",)) as server:
            port = server.port
            return [
                await status_of(server.url, origin="https://evil.example"),
                await status_of(server.url, origin=f"http://evil.example:{port}"),
                await status_of(server.url, origin="null"),
                await status_of(server.url, origin="https://app.example"),
                await status_of(server.url, origin=f"http://127.0.0.1:{port}"),
            ]

    assert asyncio.run(knock()) == [403, 403, 403, 101, 101]


@pytest.mark.parametrize(
    ("path", "origin", "status"), [("//[", "http://localhost", b"400"), ("/v1/stream", "http://[", b"403")]
)
def test_an_address_that_is_none_is_answered_and_fills_no_log(
    path: str, origin: str, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def ask() -> bytes:
        async with serving(FAKE) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
            request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n{key}{'A' * 22}==\r\n\r\n"
            writer.write(request.encode())
            answer = await asyncio.wait_for(reader.readline(), 10.0)
            writer.close()
            return answer.split()[1]

    assert asyncio.run(ask()) == status
    assert not [record for record in caplog.records if record.exc_info]


@pytest.mark.parametrize(("error", "status"), [(ValueError(), 400), (KeyError(), 400), (MemoryError(), 503)])
def test_a_fault_is_answered_and_a_client_comes_again_unless_its_request_is_at_fault(
    error: Exception, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise error

    async def knock() -> list[int]:
        async with serving(FAKE) as server:
            with monkeypatch.context() as patch:
                patch.setattr(HttpGate, "answer", broken)
                failed = await status_of(server.url)
            return [failed, await status_of(server.url)]

    assert asyncio.run(knock()) == [status, 101]


def test_a_name_that_was_made_to_point_here_is_a_foreign_page() -> None:
    """DNS rebinding: Origin and Host agree, and neither is ours."""

    async def knock() -> int:
        async with serving(FAKE) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            lines = [
                "GET /v1/stream HTTP/1.1", "Host: evil.example", "Origin: http://evil.example", "Upgrade: websocket",
                "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
                "", "",
            ]  # fmt: skip
            writer.write("\r\n".join(lines).encode())
            answer = await reader.readline()
            writer.close()
            return int(answer.split()[1])

    assert asyncio.run(knock()) == 403


@pytest.mark.parametrize(
    ("origin", "advice"),
    [
        ("http://192.168.1.5:8765", "start the server with --origin http://192.168.1.5:8765"),
        ("https://app.example", "start the server with --origin https://app.example"),
        ("null", "scheme, host and port by --origin"),
        ("javascript://x y", "scheme, host and port by --origin"),
        ("http://" + "a" * 5_000, "scheme, host and port by --origin"),
    ],
)
def test_who_runs_the_server_learns_which_page_was_turned_away_and_what_lets_it_in(
    origin: str, advice: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the answer, which browsers hide, and in the log, once an origin."""

    async def knock() -> str:
        async with serving(FAKE) as server:
            for _ in range(3):
                with pytest.raises(InvalidStatus) as refused:
                    await connect(server.url, origin=origin)  # type: ignore[arg-type]
            assert refused.value.response.status_code == 403
            return (refused.value.response.body or b"").decode()

    with caplog.at_level(logging.INFO, "emoscope.server"):
        body = asyncio.run(knock())
    [fields] = [getattr(r, "emoscope_fields", {}) for r in caplog.records if r.message == "page turned away"]
    assert advice in fields["message"] and fields["origin"] == origin[:200]
    assert advice in body and origin[:100] in body and len(body) < 400


def test_pages_of_many_places_fill_no_log() -> None:
    reported: list[str] = []
    gate = HttpGate(
        ServerOptions(),
        page={},
        metrics=bytes,
        ready=dict,
        has_room=lambda: True,
        report_refused_origin=lambda o, _: reported.append(o),
    )
    for number in range(1_000):
        answer = gate.answer(Request("/v1/stream", Headers({"Origin": f"http://{number}.example"})))
        assert answer is not None and answer.status_code == 403
    assert len(reported) == 100


def test_the_own_page_of_an_ipv6_address_is_welcome() -> None:
    options = ServerOptions(host="fd00::1", token="secret")
    gate = HttpGate(options, page={}, metrics=bytes, ready=dict, has_room=lambda: True)
    for name, status in (("[fd00::1]:8765", None), ("[fd00::2]:8765", 403)):
        headers = Headers({"Host": name, "Origin": f"http://{name}", "Authorization": "Bearer secret"})
        answer = gate.answer(Request("/v1/stream", headers))
        assert (answer and answer.status_code) == status


def test_a_full_server_says_when_to_come_back() -> None:
    async def knock() -> tuple[int, str, float | None]:
        async with serving(FAKE, max_sessions=1) as server, raw(server.url):
            try:
                async with connect(server.url):
                    return 101, "", None
            except InvalidStatus as refused:
                count = server.metrics.registry.get_sample_value("emoscope_refused_total", {"status": "503"})
                return refused.response.status_code, refused.response.headers["Retry-After"], count

    assert asyncio.run(knock()) == (503, "5", 1.0)


def test_health_readiness_metrics_and_the_page() -> None:
    async def look() -> dict[str, tuple[int, bytes, str]]:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.audio(TALK)
            await client.until("emotion.final", 2)
            await client.say("session.update", config={})
            await client.until("error")

            async def windows_counted() -> bool:  # once a second
                return b"emoscope_batch_windows_count 0.0" not in (await http(server, "/metrics"))[1]

            await eventually(windows_counted)
            return {path: await http(server, path) for path in ("/healthz", "/readyz", "/metrics", "/", "/nothing")}

    got = asyncio.run(look())
    assert json.loads(got["/healthz"][1]) == {"status": "ok"}
    assert json.loads(got["/readyz"][1]) == {"status": "ready", "model": "fake", "sessions": 1}
    assert got["/nothing"][0] == 404
    assert b"<title>Emoscope</title>" in got["/"][1]
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    text = got["/metrics"][1].decode()
    values = {s.name: s.value for f in text_string_to_metric_families(text) for s in f.samples if not s.labels}
    assert values["emoscope_sessions"] == 1.0
    assert values["emoscope_audio_seconds_total"] == pytest.approx(len(TALK) / 16_000)
    assert values["emoscope_batch_windows_count"] > 0 and values["emoscope_loop_delay_seconds_count"] > 0
    assert 'emoscope_errors_total{code="config_locked"} 1.0' in text
