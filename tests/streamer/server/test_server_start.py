"""What a server refuses to start with, and the connections of one that starts with a certificate."""

import asyncio
import ssl
import subprocess
from pathlib import Path

import pytest
from raw_client import TALK, Raw, eventually, raw

from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.errors import UsageError
from emoscope.streamer.server import Server, ServerOptions, serving
from emoscope.streamer.server.checkpoints import open_store
from emoscope.streamer.server.sockets import tls_settings
from emoscope.streamer.testing import CONTRACT, FakeEngine

FAKE = (CONTRACT, FakeEngine())


def test_a_server_that_strangers_could_reach_needs_a_token() -> None:
    for host in ("0.0.0.0", "192.168.1.5", "::", "example.org"):
        with pytest.raises(UsageError, match="--token"):
            ServerOptions(host=host)
        assert ServerOptions(host=host, token="t").host == host
        assert ServerOptions(host=host, insecure=True).host == host
    for host in ("127.0.0.1", "127.8.8.8", "localhost", "::1"):
        assert ServerOptions(host=host).token is None


@pytest.mark.parametrize(
    "arguments",
    [
        ["--host", "0.0.0.0"], ["--cert", "x.pem"], ["--origin", "app.example"], ["--origin", "https://a.example/page"],
        ["--port", "70000"], ["--token", "a b"], ["--max-sessions", "0"],
        ["--threads", "0"], ["--drain", "-1"],
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_one_line_before_a_model_is_loaded(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_store_that_does_not_exist_is_named() -> None:
    with pytest.raises(UsageError, match="redis://"):
        open_store("mysql://x", 1)


def test_a_port_in_use_and_a_broken_certificate_are_named(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")

    async def twice() -> None:
        async with serving(FAKE) as server:
            with pytest.raises(UsageError, match="cannot listen"):
                await Server(*FAKE, ServerOptions(port=server.port)).start()
            files = {"cert": tmp_path / "cert.pem", "key": tmp_path / "cert.pem"}
            with pytest.raises(UsageError, match=r"cert\.pem"):
                await Server(*FAKE, ServerOptions(port=0, cert=files.get("cert"), key=files.get("key"))).start()

    asyncio.run(twice())


@pytest.fixture
def own_tls(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, and its key."""
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        capture_output=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return cert, key


def test_a_drain_does_not_stumble_over_those_who_never_shook_hands(own_tls: tuple[Path, Path]) -> None:
    """A scanner on the TLS port that says nothing, and one that speaks plain HTTP."""
    cert, key = own_tls

    async def talk() -> tuple[list[str], int]:
        context = ssl.create_default_context(cafile=str(cert))
        async with serving(FAKE, cert=cert, key=key) as server, raw(server.url, ssl=context) as client:
            _, silent = await asyncio.open_connection("127.0.0.1", server.port)
            _, plain = await asyncio.open_connection("127.0.0.1", server.port)
            plain.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            await eventually(lambda: len(server._sockets) >= 2)
            await server.drain(2.0)
            code = await client.closed()
            silent.close()
            plain.close()
            return client.errors, code

    assert asyncio.run(talk()) == (["shutting_down"], 1001)


def test_tls_is_spoken(own_tls: tuple[Path, Path]) -> None:
    cert, key = own_tls

    async def talk() -> Raw:
        context = ssl.create_default_context(cafile=str(cert))
        async with serving(FAKE, cert=cert, key=key) as server, raw(server.url, ssl=context) as client:
            assert server.url.startswith("wss://")
            await client.audio(TALK)
            await client.finished()
            return client

    assert len(asyncio.run(talk()).of("emotion.final")) == 2


def test_a_certificate_is_used_with_tls_1_2_and_newer_alone(own_tls: tuple[Path, Path]) -> None:
    cert, key = own_tls
    context = tls_settings(ServerOptions(cert=cert, key=key))["ssl"]
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(own_tls: tuple[Path, Path]) -> None:
    """TLS 1.1 and older are not spoken (RFC 8996)."""
    cert, key = own_tls
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1

    async def shake_hands() -> None:
        async with serving(FAKE, cert=cert, key=key) as server:
            await asyncio.open_connection("127.0.0.1", server.port, ssl=context)

    with pytest.raises((ssl.SSLError, ConnectionError)):
        asyncio.run(shake_hands())
