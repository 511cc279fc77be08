"""Engines that cannot say whether a sound is a voice: a session says so once, and goes on with webrtcvad alone."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from odd_worker import odd_engine

from emoscope.streamer import Config, Drive, Session, VadConfig
from emoscope.streamer.protocol.events import AnyEvent, Durable, WarningEvent
from emoscope.streamer.runtime.live_session import LiveSession
from emoscope.streamer.session.requests import DetectVoice, Encode, Engine, Read, Request, Result, answered
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, silence, voice

TALK = np.concatenate([silence(0.6), voice(2.0), silence(1.2, seed=1), voice(1.2, 210.0, seed=2), silence(0.8, seed=3)])
ALONE = Config(transcript=False, vad=VadConfig(backend="webrtc"))
EXPECTED = [event for event in Drive(Session(CONTRACT, ALONE), FakeEngine()).run([TALK]) if isinstance(event, Durable)]


class LeavesOut(FakeEngine):
    """Gives no result for what it does not know."""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        return super().__call__([one for one in requests if not isinstance(one, DetectVoice)])


class Raises(FakeEngine):
    """Takes what is no window for a reading, as an engine may that was made when there were only these two."""

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        return [self._encode(one) if isinstance(one, Encode) else self._read(one) for one in requests]  # type: ignore[arg-type]


def told_once(events: Sequence[AnyEvent], reason: str) -> bool:
    """One warning that names the reason, and the events of webrtcvad alone."""
    warnings = [event for event in events if isinstance(event, WarningEvent)]
    assert [warning.code for warning in warnings] == ["vad_failed"]
    assert reason in warnings[0].message and "webrtcvad decides alone" in warnings[0].message
    return differences(EXPECTED, [event for event in events if isinstance(event, Durable)]) == []


def live(engine: Engine) -> list[AnyEvent]:
    """The events of a live session that gives nothing up and so has no deadline."""
    events: list[AnyEvent] = []
    session = Session(CONTRACT, Config(transcript=False))
    at = LiveSession(session, engine, events.append, lambda: 0.0, lossless=True)
    try:
        at.step(session.feed(TALK))
        at.finish(lambda: False)
    finally:
        at.close()
    return events


@pytest.mark.parametrize(("engine", "reason"), [(LeavesOut(), "no result for DetectVoice"), (Raises(), "DetectVoice")])
def test_a_custom_engine_without_a_detector_is_reported_and_every_utterance_is_read(engine: Engine, reason: str):
    """A recording, and a live session that waits for every result: neither waits for ever, nor ends with an error."""
    assert told_once(list(Drive(Session(CONTRACT, Config(transcript=False)), engine).run([TALK])), reason)
    assert told_once(live(engine), reason)


def test_an_older_worker_that_leaves_voices_out_is_reported():
    with odd_engine("has no detector") as engine:
        assert told_once(list(Drive(Session(CONTRACT, Config(transcript=False)), engine).run([TALK])), "DetectVoice")
        assert told_once(live(engine), "DetectVoice")


def test_a_session_that_is_saved_after_the_report_does_not_repeat_it():
    session, engine = Session(CONTRACT, Config(transcript=False)), LeavesOut()
    half = []
    events, requests = session.feed(TALK[:30_000])
    while requests:
        half += events
        events, requests = session.apply(answered(engine, requests))
    half += events
    restored = Session.restore(session.save(), CONTRACT)
    rest = [
        event for event in Drive(restored, engine).run([TALK[30_000:]]) if isinstance(event, WarningEvent | Durable)
    ]
    assert told_once([*half, *rest], "no result for DetectVoice")


def test_a_reading_that_an_engine_leaves_out_is_a_failure_and_not_a_wait():
    """The same holds for what a session cannot do without."""

    class NoReadings(FakeEngine):
        def __call__(self, requests: Sequence[Request]) -> list[Result]:
            return super().__call__([one for one in requests if not isinstance(one, Read)])

    events = live(NoReadings())
    [error] = [event for event in events if event.type == "error"]
    assert "no result for Read" in error.message and events[-1].type == "session.closed"  # type: ignore[attr-defined]


WITHOUT_ONNXRUNTIME = """
import sys
sys.modules["onnxruntime"] = None
from emoscope.streamer.cli.main import main
sys.exit(main(["replay", *sys.argv[1:]]))
"""


def test_without_onnxruntime_a_recording_is_read_and_the_line_says_what_is_missing(conversation: Path):
    """The same with `--vad webrtc` says nothing, as nothing is missing."""
    for option, said in (("both", True), ("webrtc", False)):
        command = [
            sys.executable,
            "-c",
            WITHOUT_ONNXRUNTIME,
            str(conversation),
            "--vad",
            option,
            "--asr",
            "none",
            "--model",
            "small",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert "16 utterances" in done.stdout + done.stderr and "Traceback" not in done.stderr
        assert ("install faster-whisper and onnxruntime, or use --vad webrtc" in done.stderr) == said
