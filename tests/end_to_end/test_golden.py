"""The demo recording through the shipped model, against the events that were read when the weights were committed.

After new weights or a deliberate change: python tests/end_to_end/test_golden.py writes the golden record again, and
the difference belongs in the review.
"""

from pathlib import Path

import msgspec

from emoscope.streamer import read_record, replay
from emoscope.streamer.protocol.events import SessionCreated, Status, encode
from emoscope.streamer.testing import differences

GOLDEN = Path(__file__).with_name("conversation.jsonl")
RECORDING = Path(__file__).parents[2] / "demo" / "recordings" / "conversation.flac"


def plain(events):
    """The events without wall time."""
    kept = [e for e in events if not isinstance(e, SessionCreated | Status)]
    return [msgspec.structs.replace(e, latency=None) if hasattr(e, "latency") else e for e in kept]


def test_the_demo_recording_reads_as_it_did():
    """Same events, same times, same labels; scores within 1e-4, for another processor's arithmetic."""
    assert differences(read_record(GOLDEN), plain(replay(RECORDING)), tolerance=1e-4) == []


if __name__ == "__main__":
    GOLDEN.write_bytes(b"".join(encode(event) + b"\n" for event in plain(replay(RECORDING))))
