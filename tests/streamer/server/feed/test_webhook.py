"""Finals are posted to a URL, signed, in order and again where that helps, and no stream waits for it."""

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from raw_client import TALK, eventually, raw
from webhook_receiver import receiving

from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.protocol.events import SessionClosed, Totals, encode
from emoscope.streamer.server import ServerOptions, endless, serving
from emoscope.streamer.server.feed import webhook as webhooks
from emoscope.streamer.server.feed.webhook import Webhook
from emoscope.streamer.server.feed.webhook_target import WebhookTarget, sign
from emoscope.streamer.server.logs import Log
from emoscope.streamer.server.metrics import Metrics
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())
SECRET = "a secret that is long enough"


def final(seq: int) -> SessionClosed:
    return SessionClosed(
        seq=seq, reason="finish", totals=Totals(audio_s=1.0, speech_s=0.0, utterances=0, dropped_s=0.0)
    )


class Posting:
    """A webhook without a server around it."""

    def __init__(self, webhook: Webhook, metrics: Metrics) -> None:
        self.webhook, self.metrics = webhook, metrics

    def offer(self, *seqs: int) -> None:
        for seq in seqs:
            event = final(seq)
            self.webhook.offer("session", "", event, encode(event))

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("emoscope_webhook_posts_total", {"outcome": outcome}) or 0.0


@asynccontextmanager
async def posting(url: str, **options: Any) -> AsyncIterator[Posting]:
    metrics = Metrics("fake")
    settings = {"pauses_s": (0.01, 0.01), **options}
    webhook = Webhook(WebhookTarget.parse(url), metrics, Log(), **settings)
    yield Posting(webhook, metrics)
    await webhook.close(0.0)


def seqs(received: list[Any]) -> list[int]:
    return [json.loads(one.body)["event"]["seq"] for one in received]


def test_each_final_of_a_session_is_posted_once_signed_and_in_order(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")

    async def speak(url: str) -> list[Any]:
        async with serving(FAKE, webhook=url, webhook_secret=secret) as server, raw(server.url) as owner:
            await owner.audio(TALK)
            await owner.finished()
            await eventually(lambda: len(receiver.received) == 3)
            return [owner.created.session_id, *owner.of("emotion.final"), *owner.of("session.closed")]

    with receiving() as receiver:
        session, *events = asyncio.run(speak(receiver.url))
    bodies = [json.loads(one.body) for one in receiver.received]
    assert [body["session_id"] for body in bodies] == [session] * 3
    assert [body["event"] for body in bodies] == [json.loads(encode(event)) for event in events]
    for one in receiver.received:
        assert one.path == "/finals?from=emoscope"
        assert one.headers["content-type"] == "application/json"
        post_id, stamp = one.headers["webhook-id"], int(one.headers["webhook-timestamp"])
        assert one.headers["webhook-signature"] == sign(SECRET.encode(), post_id, stamp, one.body)
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 3


def test_a_signature_is_that_of_the_standard() -> None:
    """The vector with which the Standard Webhooks libraries test themselves."""
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    unsigned = WebhookTarget.parse("http://localhost/").request(b"{}", "1", 1)
    assert b"webhook-signature" not in unsigned


def test_a_receiver_that_fails_first_gets_the_same_post_again() -> None:
    async def post(url: str) -> None:
        async with posting(url) as posts:
            posts.offer(1, 2)
            await eventually(lambda: posts.counted("delivered") == 2)
            assert (posts.counted("retried"), posts.counted("dropped")) == (2, 0)

    with receiving(500, 503) as receiver:
        asyncio.run(post(receiver.url))
    assert seqs(receiver.received) == [1, 1, 1, 2]
    assert len({one.headers["webhook-id"] for one in receiver.received}) == 2


@pytest.mark.parametrize(
    ("answer", "attempts"), [(500, 3), (429, 3), ("garbage", 3), (400, 1), (404, 1), (301, 1), (302, 1), (307, 1)]
)
def test_a_post_that_cannot_be_delivered_is_given_up_and_the_next_one_comes(answer: int | str, attempts: int) -> None:
    """A redirect is not followed, and a refusal not repeated."""

    async def post(url: str) -> None:
        async with posting(url) as posts:
            posts.offer(1, 2)
            await eventually(lambda: posts.counted("delivered") == 1)
            assert posts.counted("dropped") == 1

    with receiving(*[answer] * attempts) as receiver:
        asyncio.run(post(receiver.url))
    assert seqs(receiver.received) == [1] * attempts + [2]
    assert {one.path for one in receiver.received} == {"/finals?from=emoscope"}


def test_a_receiver_that_hangs_is_left_after_the_timeout() -> None:
    async def post(url: str) -> None:
        async with posting(url, timeout_s=0.2) as posts:
            posts.offer(1)
            await eventually(lambda: posts.counted("delivered") == 1)
            assert posts.counted("retried") == 1

    with receiving("hang") as receiver:
        asyncio.run(post(receiver.url))
    assert seqs(receiver.received) == [1, 1]


def test_a_receiver_that_hangs_or_is_not_there_holds_no_stream_up() -> None:
    async def speak(url: str) -> list[Any]:
        async with serving(FAKE, webhook=url) as server, raw(server.url) as owner:
            await owner.audio(TALK)
            await owner.finished()
            return owner.of("emotion.final")

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # nobody listens
        assert len(asyncio.run(speak(f"http://127.0.0.1:{closed.getsockname()[1]}/"))) == 2
    with receiving(*["hang"] * 3) as receiver:
        assert len(asyncio.run(speak(receiver.url))) == 2


def test_posts_go_on_after_a_fault_that_could_not_be_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endless, "AGAIN_S", 0.0)
    send, broke, faults = Webhook._send, Log.broke, [MemoryError(), MemoryError()]

    def fails_first(work: Any) -> Any:
        def failing(*arguments: Any) -> Any:
            if faults:
                raise faults.pop()
            return work(*arguments)

        return failing

    async def post(url: str) -> None:
        async with posting(url) as posts:
            monkeypatch.setattr(Webhook, "_send", fails_first(send))
            monkeypatch.setattr(Log, "broke", fails_first(broke))
            posts.offer(1, 2)
            await eventually(lambda: posts.counted("delivered") == 2)

    with receiving() as receiver:
        asyncio.run(post(receiver.url))
    assert not faults and seqs(receiver.received) == [1, 2]


def test_the_queue_is_bounded_and_a_reason_for_drops_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(webhooks, "QUEUE", 2)

    async def post(url: str) -> None:
        async with posting(url, timeout_s=30.0) as posts:
            posts.offer(*range(1, 6))
            assert posts.counted("dropped") == 3
            await eventually(lambda: len(receiver.received) == 1)
            assert posts.metrics.registry.get_sample_value("emoscope_webhook_queue") == 2.0
        assert posts.counted("dropped") == 5

    with receiving("hang") as receiver, caplog.at_level(logging.WARNING, "emoscope.server"):
        asyncio.run(post(receiver.url))
    told = [record.emoscope_fields["message"] for record in caplog.records]  # type: ignore[attr-defined]
    assert [text.split(": ")[1].split(";")[0] for text in told] == ["the queue is full", "the server went down first"]


def test_finals_of_a_server_that_goes_down_are_still_posted() -> None:
    async def go_down(url: str) -> None:
        async with serving(FAKE, webhook=url, drain_s=20.0) as server, raw(server.url) as owner:
            await owner.audio(TALK[:40_000])
            await owner.until("emotion.interim")
            await server.drain()
            assert await owner.closed() == 1001

    with receiving() as receiver:
        asyncio.run(go_down(receiver.url))
    assert [json.loads(one.body)["event"]["type"] for one in receiver.received] == ["emotion.final", "session.closed"]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://localhost/", "an address such as"),
        ("http:///finals", "an address such as"),
        ("http://localhost:99999/", "Port out of range"),
        ("http://localhost/a b", "an address such as"),
        ("http://localhost/a\r\nX-Header: 1", "an address such as"),
        ("https://user:word@app.example/", "without a name and a password"),
        ("http://app.example/finals", "unencrypted"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        WebhookTarget.parse(url)


def test_a_secret_is_read_as_the_standard_writes_it_or_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    for text, key in (("whsec_MDAwMDAwMDAwMDAwMDAwMA==", b"0" * 16), (SECRET, SECRET.encode())):
        file.write_text(text + "\n", encoding="utf-8")
        assert WebhookTarget.parse("https://app.example/", file).secret == key
    for text, message in (("short", "at least 16"), ("whsec_", "at least 16"), ("whsec_?", "not base64")):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(UsageError, match=message):
            WebhookTarget.parse("https://app.example/", file)
    with pytest.raises(UsageError, match="No such file"):
        WebhookTarget.parse("https://app.example/", tmp_path / "missing")
    with pytest.raises(UsageError, match="there is none"):
        ServerOptions(webhook_secret=file)
