"""Records survive what happens to files."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from emoscope.streamer import InputError, RecordInvalid, RecordWriter, Session, read_record
from emoscope.streamer.sinks.event_file import free_path
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, voice


def write(path):
    events = run(Session(CONTRACT), FakeEngine(), [voice(2.0)])
    with RecordWriter(path) as record:
        for event in events:
            record.write(event)
    return events


def test_a_record_gives_its_events_back(tmp_path):
    """Line by line, equal."""
    events = write(tmp_path / "a" / "b.jsonl")
    assert list(read_record(tmp_path / "a" / "b.jsonl")) == events


def test_a_last_line_cut_short_is_left_out(tmp_path):
    """What a kill in the middle of a write leaves."""
    path = tmp_path / "r.jsonl"
    events = write(path)
    path.write_bytes(path.read_bytes()[:-20])
    assert list(read_record(path)) == events[:-1]


def test_a_line_that_is_no_event_is_named(tmp_path):
    """Its number, and what is wrong with it."""
    path = tmp_path / "r.jsonl"
    write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b'{"type":"nonsense"}\n', *lines[2:]]))
    with pytest.raises(RecordInvalid, match="line 3"):
        list(read_record(path))


def test_a_record_of_another_protocol_is_refused(tmp_path):
    """Named with both versions."""
    path = tmp_path / "r.jsonl"
    from emoscope.streamer.protocol.config import Config
    from emoscope.streamer.protocol.events import encode
    from emoscope.streamer.runtime.drive import created

    line = encode(created(CONTRACT, Config())).replace(b"emoscope.v1", b"emoscope.v9")
    path.write_bytes(line + b"\n")
    with pytest.raises(RecordInvalid, match=r"emoscope\.v9.*emoscope\.v1"):
        list(read_record(path))


def test_a_record_never_overwrites_another(tmp_path):
    """Neither by name nor by the number that a taken name gets."""
    write(tmp_path / "r.jsonl")
    with pytest.raises(InputError, match="never overwritten"):
        RecordWriter(tmp_path / "r.jsonl")
    assert free_path(tmp_path, tmp_path / "r.wav").name == "r.2.jsonl"


def test_a_folder_that_cannot_be_written_is_an_error_with_a_reason(tmp_path):
    """A file stands where the folder should be."""
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        RecordWriter(tmp_path / "file" / "r.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_said_once_with_what_is_safe():
    """The lines before are complete."""
    from emoscope.streamer.protocol.events import Error

    record = RecordWriter.__new__(RecordWriter)
    record.path = Path("full")
    with open("/dev/full", "wb", buffering=0) as file:
        record._file = file
        with pytest.raises(InputError, match=r"No space left.*lines before are complete"):
            record.write(Error(code="x", message="y", fatal=False))


KILLED = """
import sys, time
from pathlib import Path
from emoscope.streamer import RecordWriter, Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, voice
with RecordWriter(Path(sys.argv[1])) as record:
    for event in run(Session(CONTRACT), FakeEngine(), [voice(3.0)]):
        record.write(event)
    print("written", flush=True)
    time.sleep(60)
"""


def test_after_a_kill_every_full_line_is_readable(tmp_path):
    """SIGKILL while the record is open loses nothing that was written."""
    path = tmp_path / "r.jsonl"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"written\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert list(read_record(path)) == run(Session(CONTRACT), FakeEngine(), [voice(3.0)])


LOADING = """
import sys, time
from pathlib import Path
from emoscope.streamer import RecordWriter
with RecordWriter(Path(sys.argv[1])):
    print("opened", flush=True)
    time.sleep(60)
"""


def test_a_kill_before_the_first_event_leaves_no_empty_record(tmp_path):
    """As while a model is loaded."""
    path = tmp_path / "new" / "r.jsonl"
    process = subprocess.Popen([sys.executable, "-c", LOADING, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"opened\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not path.exists()


def test_a_record_that_another_program_made_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / "r.jsonl"
    with RecordWriter(path) as record:
        path.write_text("theirs")
        with pytest.raises(InputError, match="exists already; records are never overwritten"):
            record.write(run(Session(CONTRACT), FakeEngine(), [voice(0.5)])[0])
    assert path.read_text() == "theirs"
