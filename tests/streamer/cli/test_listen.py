"""`emoscope listen` with microphones of the test's own."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from full_disk import room_for

from emoscope.streamer import read_record
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.errors import DeviceLost
from emoscope.streamer.protocol.events import SessionClosed
from emoscope.streamer.sources import devices, microphone
from emoscope.streamer.testing import FakeSource, silence

DEVICE = devices.Device(number=0, index=0, name="fake", host="none", channels=1, sample_rate=16_000)


def test_a_file_of_an_earlier_session_that_stopped_short_is_in_the_exit_code(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --reopen, the disk is full until the microphone is unplugged; the session after that writes all of its own.

    The command then ends with code 1.
    """
    unplugged = DeviceLost("fake stopped delivering audio; there is no other input device")
    sources = iter([FakeSource(silence(60.0), then=unplugged), FakeSource(silence(1.0))])
    full = ExitStack()

    def wait_for(name: str) -> bool:
        full.close()
        return True

    monkeypatch.setattr(devices, "choose", lambda wanted: DEVICE)
    monkeypatch.setattr(devices, "wait_for", wait_for)
    monkeypatch.setattr(microphone, "Microphone", lambda device: next(sources))
    command = ["listen", "--reopen", "--plain", "--model", str(tiny_model), "--asr", "none", "--record"]
    with full:
        full.enter_context(room_for(4_000))
        assert main([*command, str(tmp_path / "out.jsonl")]) == 1
    errors = capsys.readouterr().err
    assert "File too large" in errors and "waiting until it is back" in errors
    assert not isinstance(list(read_record(tmp_path / "out.jsonl"))[-1], SessionClosed)
    assert isinstance(list(read_record(tmp_path / "out-2.jsonl"))[-1], SessionClosed)
