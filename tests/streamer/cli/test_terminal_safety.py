"""What names of files and servers say reaches a terminal without the characters that would steer it."""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import soundfile
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import Error, WarningEvent, encode
from emoscope.streamer.protocol.messages import SUBPROTOCOL
from emoscope.streamer.runtime.drive import created
from emoscope.streamer.testing import CONTRACT

STEERING = "x\x1b[2J\x1b]0;owned\x07y"


def said(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Everything that a failing command prints."""
    assert main(arguments) in (1, 2)
    printed, errors = capsys.readouterr()
    assert errors
    return printed + errors


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", f"{STEERING}.wav"],
        ["replay", f"{STEERING}.jsonl"],
        ["replay", "--device", STEERING, "there.wav"],
        ["replay", "--model", STEERING, "there.wav"],
        ["summary", f"{STEERING}.jsonl"],
        ["explain", f"{STEERING}.jsonl", "-o", "x.svg"],
        ["send", "there.wav", STEERING],
        ["serve", "--store", STEERING, "--asr", "none", "--host", STEERING],
        ["config", "--config", STEERING],
        [STEERING],
    ],
    ids=lambda words: " ".join(word for word in words if STEERING not in word),
)
def test_no_error_repeats_a_control_character(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names are missing files at first; then each is there, and holds nothing that can be read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.wav").write_bytes(b"no sound")
    assert not any(sign in said(arguments, capsys) for sign in "\x1b\x07")
    for suffix in (".wav", ".jsonl"):
        (tmp_path / f"{STEERING}{suffix}").write_bytes(b"{}\n")
    assert not any(sign in said(arguments, capsys) for sign in "\x1b\x07")


def test_a_server_cannot_steer_the_terminal_of_its_client(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server of somebody else's speaks the protocol, and puts escape sequences into each text that it sends."""
    welcome = msgspec.structs.replace(created(CONTRACT, Config()), notice=STEERING, source=STEERING, resume_token="t")
    warning = WarningEvent(code="lagging", message=STEERING, start=0.0, end=1.0)
    farewell = Error(code="slow_consumer", message=STEERING, fatal=True)

    def answer(socket: ServerConnection) -> None:
        for event in (welcome, warning, farewell):
            socket.send(encode(event).decode())
        socket.close(4430, STEERING)

    soundfile.write(tmp_path / "speech.wav", np.zeros(1_600), 16_000)
    with serve(answer, "127.0.0.1", 0, subprotocols=[Subprotocol(SUBPROTOCOL)]) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            shown = said(["send", str(tmp_path / "speech.wav"), f"ws://127.0.0.1:{port}", "--plain"], capsys)
        finally:
            server.shutdown()
            thread.join()
    assert "owned" in shown
    assert not any(sign in shown for sign in "\x1b\x07")
