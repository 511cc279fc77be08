"""Plain lines and JSON on standard output: what becomes of the session when nobody takes them any more."""

import errno
import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from waiting import wait_until

from emoscope.streamer import Config, RecordWriter, read_record
from emoscope.streamer.cli.listen import stop_and_wait
from emoscope.streamer.cli.main import main
from emoscope.streamer.display import plain_output
from emoscope.streamer.display.screen import exit_now
from emoscope.streamer.protocol.events import EmotionFinal, SessionClosed
from emoscope.streamer.runtime.live import Live
from emoscope.streamer.testing import CONTRACT, FakeEngine, FakeSource, silence, voice

TALK = np.concatenate([silence(0.5), voice(3.0), silence(1.0)])


def live(source: FakeSource, **options: Any) -> Live:
    return Live(source, lambda: (CONTRACT, FakeEngine()), Config(transcript=False), **options)


class Full(io.StringIO):
    """Standard output on a disk that is full, or to a reader that has gone."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def flush(self) -> None:
        raise OSError(self.number, "it takes no more")


@pytest.mark.parametrize(("number", "raised"), [(errno.ENOSPC, True), (errno.EPIPE, False)])
def test_an_output_that_takes_no_more_leaves_a_whole_record(
    number: int, raised: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When standard output fails, the utterance still has its final and the record its end; a full disk is reported."""
    monkeypatch.setattr(plain_output, "_discard_stdout", lambda: None)
    monkeypatch.setattr(sys, "stdout", Full(number))
    player = live(FakeSource(TALK, then="silence"))
    with RecordWriter(tmp_path / "out.jsonl") as record:
        player.record_to(record)
        player.start()
        if raised:
            with pytest.raises(OSError, match="takes no more"):
                plain_output.print_events(player, json=True)
        else:
            assert plain_output.print_events(player, json=True)
    assert isinstance(list(read_record(tmp_path / "out.jsonl"))[-1], SessionClosed)


def test_leaving_waits_for_what_is_pending(tmp_path: Path) -> None:
    """Whatever ends the command, the files are closed after the session has written its last into them."""
    player = live(FakeSource(TALK, then="silence"))
    with RecordWriter(tmp_path / "out.jsonl") as record:
        player.record_to(record)
        player.start()
        wait_until(lambda: any(getattr(item, "type", "") == "speech.started" for item in player.updates()))
        stop_and_wait(player)
        assert player.done
    events = list(read_record(tmp_path / "out.jsonl"))
    assert any(isinstance(event, EmotionFinal) for event in events)
    assert isinstance(events[-1], SessionClosed)


@pytest.mark.parametrize("threads", ["0", "1025", "99999999999999999999"])
def test_a_number_of_threads_that_no_machine_has_is_a_usage_error(
    threads: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """listen and replay take the same bounds, before anything is opened."""
    for command in (["listen"], ["replay", "x.wav"]):
        assert main([*command, "--threads", threads]) == 2
        assert "from 1 to 1024" in capsys.readouterr().err


def test_leaving_while_the_model_loads_leaves_no_empty_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short way out, which closes nothing, takes away what nothing was written to, and keeps the rest."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    empty, full = tmp_path / "out.wav", tmp_path / "out.jsonl"
    empty.touch()
    full.write_text("{}\n")
    exit_now([str(empty), str(full)])
    assert codes == [0]
    assert (empty.exists(), full.exists()) == (False, True)
