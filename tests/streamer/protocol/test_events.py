"""One schema for wire, record and screen."""

import json

import jsonschema
import numpy as np

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import AnyEvent, Error, Lag, Status, WarningEvent, decode, encode
from emoscope.streamer.protocol.schema import SCHEMA_FILE, schema, schema_text
from emoscope.streamer.runtime.drive import Drive
from emoscope.streamer.session.session import Session
from emoscope.streamer.testing import CONTRACT, FakeEngine, silence, voice

VALIDATOR = jsonschema.Draft202012Validator(schema())


def all_events() -> list[AnyEvent]:
    drive = Drive(Session(CONTRACT, Config(transcript=False)), FakeEngine(), "somewhere.flac")
    return list(drive.run(np.array_split(np.concatenate([silence(1), voice(3), silence(1)]), 50)))


def test_every_event_is_valid_against_the_schema():
    """Also those that only an edge makes."""
    extra = [
        WarningEvent(code="clipping", message="too loud"),
        Error(code="model_failed", message="broken", fatal=True),
        Status(audio_s=1, processed_s=1, lag_s=Lag(), dropped_s=0, rtf=0.1, level_dbfs=-20),
    ]
    events = all_events() + extra
    for event in events:
        VALIDATOR.validate(json.loads(encode(event)))
    assert {e.type for e in events} >= {
        "session.created", "status", "speech.started", "emotion.interim", "speech.ended", "emotion.final", "mood",
        "session.closed",
    }  # fmt: skip


def test_the_schema_refuses_what_is_no_event():
    """A type that does not exist, a score that is a word, a final without number."""
    final = next(json.loads(encode(e)) for e in all_events() if e.type == "emotion.final")
    for wrong in ({"type": "emotion"}, final | {"confidence": "high"}, {k: v for k, v in final.items() if k != "seq"}):
        assert not VALIDATOR.is_valid(wrong)


def test_the_shipped_schema_is_the_generated_one():
    """`python -m emoscope.streamer.protocol.schema` writes it again."""
    assert SCHEMA_FILE.read_text() == schema_text()


def test_events_come_back_as_they_went():
    """Encode and decode are inverse; unknown fields of a later version are ignored."""
    events = all_events()
    assert len(events) > 10
    for event in events:
        assert decode(encode(event)) == event
    line = json.loads(encode(Error(code="x", message="y", fatal=False))) | {"colour": "red"}
    assert decode(json.dumps(line)) == Error(code="x", message="y", fatal=False)


def test_a_session_opens_with_a_notice_and_reports_each_second():
    """People must be told; the status comes in silence too."""
    events = all_events()
    assert events[0].type == "session.created" and "guess" in events[0].notice
    assert events[0].source == "somewhere.flac"
    status = [e for e in events if e.type == "status"]
    assert [int(s.audio_s) for s in status] == [1, 2, 3, 4, 5]
    assert all(0 <= s.processed_s <= s.audio_s for s in status)
