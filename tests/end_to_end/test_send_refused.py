"""`emoscope send` to what is no Emoscope, or not this one: one line that says what to do, and an exit code."""

import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from served import served

from emoscope.streamer.cli.main import main


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    soundfile.write(path, np.zeros(16_000, np.int16), 16_000)
    return path


def refused(speech: Path, url: str, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code, and what was said, which is one line."""
    code = main(["send", str(speech), url, "--plain", *arguments])
    said, errors = capsys.readouterr()
    assert said == "" and errors.count("\n") == 1, errors
    return code, errors


@contextmanager
def answering(status: int, protocol: str = "HTTP/1.1", **headers: str) -> Iterator[str]:
    """A web server of somebody else's."""

    class Page(http.server.BaseHTTPRequestHandler):
        protocol_version = protocol

        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": "6"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"hello\n")

        def log_message(self, *_: object) -> None:
            """No lines among those that are looked at."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5.0)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8765",
        "127.0.0.1:8765",
        "ws://",
        "ws://host:port",
        "ws://host:99999",
        "ws://[::1",
        "",
        "ws://h#x",
    ],
)
def test_an_address_that_is_none_is_a_mistake_in_the_command(
    url: str, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, said = refused(speech, url, capsys)
    assert code == 2 and "not the address of a server" in said and "ws://127.0.0.1:8765" in said


def test_the_error_for_another_path_names_the_right_one(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with served() as server:
        code, said = refused(speech, f"ws://127.0.0.1:{server.port}/stream", capsys)
    assert code == 1 and "it is at /v1/stream (HTTP 404)" in said


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "not an emoscope server"),
        (400, "not an emoscope server"),
        (404, "not an emoscope server"),
        (500, "the server failed"),
    ],
)
def test_another_web_server_is_recognised(
    status: int, words: str, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(status) as url:
        code, said = refused(speech, url, capsys)
    assert code == 1 and words in said and f"HTTP {status}" in said


def test_an_older_web_server_is_recognised(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(200, "HTTP/1.0") as url:
        code, said = refused(speech, url, capsys)
    assert code == 1 and "not an emoscope server" in said


def test_a_redirection_to_no_websocket_is_an_error(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with answering(302, Location="https://login.example/") as url:
        code, said = refused(speech, url, capsys)
    assert code in (1, 2) and url in said


def test_a_port_that_speaks_another_protocol_is_an_error(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            peer, _ = listener.accept()
            peer.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
            peer.close()

        threading.Thread(target=greet, daemon=True).start()
        code, said = refused(speech, f"ws://127.0.0.1:{listener.getsockname()[1]}", capsys)
    assert code == 1 and "wss://" in said


def test_an_unknown_host_name_is_an_error(speech: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, said = refused(speech, "ws://no-such-host.invalid", capsys)
    assert code == 1 and "no-such-host.invalid" in said


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    speech: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of its own making, or another's: named by --ca it is taken, and where it is for another name it is not."""
    made = []
    for name in ("one", "two"):
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", str(key), "-out",
             str(cert), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
            check=True, capture_output=True,
        )  # fmt: skip
        made.append((cert, key))
    (cert, key), (other, _) = made
    with served(cert=cert, key=key) as server:
        unknown = refused(speech, server.url, capsys)
        another = refused(speech, server.url, capsys, "--ca", str(other))
        misnamed = refused(speech, server.url, capsys, "--ca", str(cert))
    for code, said in (unknown, another, misnamed):
        assert code == 1 and "not trusted" in said and "--ca" in said
    assert "127.0.0.1" in misnamed[1]
    code, said = refused(speech, "wss://127.0.0.1:8765", capsys, "--ca", str(speech))
    assert code == 2 and "no certificate that can be read" in said
    code, said = refused(speech, "ws://127.0.0.1:8765", capsys, "--ca", str(cert))
    assert code == 2 and "--ca is for wss://" in said
