"""Transcription on the server, with a recognizer's real process behind a real socket."""

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from odd_worker import odd_recognizer
from raw_client import Raw, eventually, raw

from emoscope.models.store import load_model
from emoscope.streamer import Config, replay
from emoscope.streamer.asr import Recognizer, choose
from emoscope.streamer.protocol.events import EmotionFinal, Status, TranscriptFinal, WarningEvent
from emoscope.streamer.server import serving
from emoscope.streamer.sources.recordings import Recording
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, silence, voice

FAKE = (CONTRACT, FakeEngine())
TALK = np.concatenate([voice(2.0), silence(1.0), voice(1.5, 200.0, seed=3), silence(1.0)])
LASTING = ("speech.started", "speech.ended", "transcript.final", "emotion.final", "mood")


def of_type(events: Sequence, *kinds: str) -> list:
    return [event for event in events if event.type in kinds]


def transcription_warnings(events: Sequence) -> list[WarningEvent]:
    """Warnings that transcription is disabled; the sounds of these tests bring others."""
    return [event for event in events if isinstance(event, WarningEvent) and event.code == "text_disabled"]


async def talk(client: Raw, audio: np.ndarray = TALK, **config: Any) -> list:
    await client.say("session.update", config={"pace": "fast", **config})
    await client.until("session.updated")
    await client.audio(audio, 8_000)
    return await client.finished()


def served_events(how: str, **config: Any) -> list:
    async def converse() -> list:
        recognizer = odd_recognizer(how)
        async with serving(FAKE, recognizers=[recognizer]) as server, raw(server.url) as client:
            return await talk(client, **config)

    return asyncio.run(converse())


def test_websocket_finals_with_words_and_baseline_equal_a_replays(conversation: Path) -> None:
    """The real PocketSphinx and the shipped model: what was said, and what it counted, is the same."""
    loaded = load_model("small")
    with Recording(conversation) as recording:
        audio = np.concatenate(list(recording.blocks(1.0)))[: 9 * recording.sample_rate]
        rate, channels = recording.sample_rate, recording.channels
    chosen = choose("pocketsphinx")
    assert chosen is not None
    options = {"sample_rate": rate, "channels": channels, "baseline": "running", "encoding": "pcm_f32le"}

    async def converse(recognizer: Recognizer) -> list:
        async with serving(loaded, recognizers=[recognizer]) as server, raw(server.url, max_size=None) as client:
            await client.say("session.update", config={"pace": "fast", **options})
            updated = await client.until("session.updated")
            assert updated.config.transcript and updated.config.language == "en"  # type: ignore[union-attr]
            await client.audio(audio, rate // 2, "pcm_f32le")
            events = await client.finished()
            page = await asyncio.to_thread(lambda: urlopen(metrics_of(server.url)).read().decode())
            assert 'emoscope_transcripts_total{outcome="done"}' in page
            return events

    recognizer = Recognizer(chosen)
    recognizer.check()
    received = asyncio.run(converse(recognizer))
    with Recognizer(chosen) as other:
        expected = replay_of(audio, rate, loaded, other)
    assert differences(of_type(received, *LASTING), of_type(expected, *LASTING)) == []
    finals = [e for e in received if isinstance(e, EmotionFinal)]
    assert finals and {f.text for f in finals} == {"used"} and finals[-1].baseline == "running"
    assert any(f.words for f in finals)


def metrics_of(url: str) -> str:
    return url.replace("ws://", "http://").replace("/v1/stream", "/metrics")


def replay_of(audio: np.ndarray, rate: int, model: object, recognizer: Recognizer) -> list:
    """A replay of the same samples, from a file."""
    import tempfile

    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.wav"
        soundfile.write(path, audio, rate, subtype="FLOAT")
        config = Config(pace="fast", baseline="running")
        return list(replay(path, model, config=config, asr=recognizer))  # type: ignore[arg-type]


def test_each_final_of_the_words_comes_before_that_of_the_emotion() -> None:
    events = served_events("answers")
    ends = of_type(events, "speech.ended", "transcript.final", "emotion.final")
    assert [e.type for e in ends] == ["speech.ended", "transcript.final", "emotion.final"] * 2
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    assert [f.text for f in finals] == ["used"] * 2 and all(f.words for f in finals)
    assert [e.text for e in events if isinstance(e, TranscriptFinal)] == ["yes", "yes"]


def test_who_waits_for_no_words_gets_a_timeout_and_never_hangs() -> None:
    events = served_events("answers", pace="realtime", text_wait_s=0)
    assert [e.text for e in events if isinstance(e, EmotionFinal)] == ["timeout"] * 2
    assert transcription_warnings(events) == [] and events[-1].type == "session.closed"


def test_who_wants_no_words_gets_none() -> None:
    events = served_events("answers", transcript=False)
    assert of_type(events, "transcript.final") == transcription_warnings(events) == []
    assert [e.text for e in events if isinstance(e, EmotionFinal)] == ["off"] * 2


def test_a_recognizer_that_hangs_holds_no_live_session_up() -> None:
    """The transcript is late, the emotions are not."""
    events = served_events("hangs", pace="realtime", text_wait_s=0.3)
    assert [e.text for e in events if isinstance(e, EmotionFinal)] == ["timeout"] * 2
    assert events[-1].totals.dropped_s == 0


def test_a_status_reports_the_lag_of_the_transcript_separately() -> None:
    """While a recognizer hangs, the transcript lags behind the audio, and the emotions do not."""

    async def ask() -> Status:
        async with serving(FAKE, recognizers=[odd_recognizer("hangs")]) as server, raw(server.url) as client:
            config = {"pace": "realtime", "text_wait_s": 30.0, "refresh_s": 0.5, "vad": {"backend": "webrtc"}}
            await client.say("session.update", config=config)
            await client.audio(TALK[:24_000], 8_000)
            await client.until("emotion.interim")

            async def emotions_read() -> bool:
                answered = len(client.of("status"))
                await client.say("keepalive")
                await client.until("status", answered + 1)
                return client.of("status")[-1].lag_s.audio == 0.0

            await eventually(emotions_read, poll_s=0.05)
            await client.cut()
            return client.of("status")[-1]

    status = asyncio.run(ask())
    assert status.audio_s == 1.5 and status.lag_s.text > status.lag_s.audio == 0.0


def test_sessions_have_their_words_again_when_a_killed_recognizer_is_back(tmp_path: Path) -> None:
    """Files wait for their words, and a session that begins meanwhile is promised its own."""
    marker = tmp_path / "cannot load"

    async def converse() -> list[list]:
        recognizer = odd_recognizer("dies loading while marked", marker)
        async with (
            serving(FAKE, recognizers=[recognizer]) as server,
            raw(server.url) as first,
            raw(server.url) as second,
        ):
            await first.say("session.update", config={"pace": "fast"})
            await first.audio(TALK[: 3 * 16_000])
            await first.until("emotion.final")
            marker.touch()
            os.kill(recognizer.pid, signal.SIGKILL)
            await eventually(lambda: recognizer.failure)
            await first.audio(np.concatenate([TALK[3 * 16_000 :], TALK]))
            await second.say("session.update", config={"pace": "fast"})
            await second.audio(TALK)
            await second.until("speech.ended", 1)
            marker.unlink()
            return [await first.finished(), await second.finished()]

    first, second = asyncio.run(converse())
    texts = [[e.text for e in events if isinstance(e, EmotionFinal)] for events in (first, second)]
    assert texts == [["used"] * 4, ["used"] * 2]
    for events in (first, second):
        assert transcription_warnings(events) == [] and events[-1].type == "session.closed"


def test_a_session_that_comes_back_asks_again_for_its_words() -> None:
    async def converse() -> list:
        recognizer = odd_recognizer("late")
        async with serving(FAKE, recognizers=[recognizer]) as server:
            async with raw(server.url) as client:
                await client.say("session.update", config={"pace": "fast", "interim": False})
                await client.until("session.updated")
                await client.audio(TALK)
                await client.until("speech.ended")
                created = client.created
                await client.cut()
            async with raw(server.url) as again:
                seen = max((e.seq for e in client.events if hasattr(e, "seq")), default=0)
                await again.say(
                    "session.resume", session_id=created.session_id, resume_token=created.resume_token, last_seq=seen
                )
                resumed = await again.until("session.resumed")
                await again.audio(TALK[round(resumed.audio_s * 16_000) :])  # type: ignore[union-attr]
                await again.finished()
                return [*client.events, *again.events]

    events = asyncio.run(converse())
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    assert [(f.utterance, f.text) for f in finals] == [(1, "used"), (2, "used")]


def test_a_voice_is_enrolled_through_the_socket() -> None:
    """The next speech is its baseline: `enrolled` says when it is known, later readings count it."""

    async def converse() -> list:
        async with serving(FAKE) as server, raw(server.url) as client:
            await client.say("session.update", config={"pace": "fast"})
            await client.until("session.updated")
            await client.say("enroll", seconds=1.0)
            await client.audio(TALK)
            return await client.finished()

    events = asyncio.run(converse())
    [enrolled] = of_type(events, "enrolled")
    assert enrolled.seconds >= 1.0
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    assert finals[-1].baseline == "enrolled"
