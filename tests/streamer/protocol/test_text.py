"""Names that are no text, or more than a line, stand on the screen and in events all the same."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from waiting import DEADLINE_S

from emoscope.streamer.display import ScreenState, draw
from emoscope.streamer.display.screenshot import text_of
from emoscope.streamer.display.summary import summary
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import SessionCreated, encode
from emoscope.streamer.protocol.text import clean, clean_lines, printable, without_secrets
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.sources.paced_recording import PacedRecording
from emoscope.streamer.testing import CONTRACT, FakeEngine


def test_a_file_name_that_is_no_text_is_replayed(tmp_path: Path) -> None:
    """A recording whose name is not UTF-8 is read live, and its events can be written."""
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    soundfile.write(os.fsencode(path), np.zeros(1_600), 16_000, format="WAV")
    player = Live(PacedRecording(path, 100.0), lambda: (CONTRACT, FakeEngine()), Config(), lossless=True)
    player.start()
    assert player.join(DEADLINE_S)
    assert player.error is None
    created = next(item for item in player.updates() if isinstance(item, SessionCreated))
    assert "caf�.wav" in encode(created).decode()


def test_a_name_never_tears_the_screen() -> None:
    """Line breaks and control characters in names become one visible sign each, in the header and in the summary."""
    name = "a\nb\x1b[2J.jsonl"
    assert clean("Yeti\r\n\x1b[2J\u2028x") == "Yeti���[2J�x"
    assert clean("Mikrofon (für Ü)") == "Mikrofon (für Ü)"
    assert clean("می\u200cخواهم क्\u200dष") == "می\u200cخواهم क्\u200dष" and clean("a\u202eb") == "a�b"
    state = ScreenState(source=clean("Yeti\nPro"), files=[name, os.fsdecode(b"caf\xe9.jsonl")])
    text = text_of(draw(state, 120, 24))
    assert len(text.splitlines()) == 24
    assert "\x1b" not in text
    text.encode()
    lines = summary(state, state.files)
    assert len(lines) == 5 and all("\n" not in line and line.encode() for line in lines)


def test_a_printable_path_is_itself() -> None:
    """A name that is text stays as it is."""
    assert printable(Path("x/é.wav")) == "x/é.wav"


def test_a_message_keeps_its_lines_and_nothing_that_steers_a_terminal() -> None:
    assert clean_lines("no such file: a\x1b[2Jb\n  try another\r") == "no such file: a�[2Jb\n  try another�"


def test_a_message_of_a_server_cannot_steer_the_screen() -> None:
    state = ScreenState(source="Yeti")
    state.show_message("full\x1b]0;owned\x07 \x1b[2J", serious=True)
    assert not any(sign in text_of(draw(state, 120, 24)) for sign in "\x1b\x07")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("redis://user:p@ss/word@host:6379/0", "redis://user:...@host:6379/0"),
        ("rediss://:password@host/0?password=b&db=1", "rediss://:...@host/0?password=...&db=..."),
        ("https://host:8443/finals", "https://host:8443/finals"),
        ("redis://[::1]:6379/0", "redis://[::1]:6379/0"),
        ("memory", "memory"),
        ("what: is a@b?c=d", "what: is a@b?c=d"),
    ],
)
def test_an_address_is_shown_without_its_password_and_its_query(address: str, shown: str) -> None:
    assert without_secrets(address) == shown
