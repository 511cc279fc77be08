"""An engine in a process of its own: the same answers, and what happens when it breaks."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from odd_worker import odd_engine
from waiting import wait_until

from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import grid_window, now_window
from emoscope.streamer import Session, UsageError
from emoscope.streamer.engine import EngineProcess, EngineUnavailable, ModelRequest
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.messages import MESSAGES, Batch
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.engine.service import EngineService
from emoscope.streamer.session.requests import DetectVoice, Done, Encode, Failed, Read, Result, Transcribe
from emoscope.streamer.session.voice_activity import CHUNK, CONTEXT, fresh_network
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice
from emoscope.streamer.worker.failures import MAX_FAILURES

LOUDER = 0.99  # than what an odd engine bears
WINDOW = grid_window(CONTRACT, 0, 0)


def encode(number: int, level: float = 0.1) -> Encode:
    return Encode(number, WINDOW, voice(2.0, level=level)[: CONTRACT.lookback + CONTRACT.window])


@pytest.fixture(scope="module")
def pair(tiny_model: Path) -> Iterator[tuple[BatchEngine, EngineProcess]]:
    """The same model here and in a process."""
    here = open_engine(tiny_model, threads=1, many_sessions=True).engine
    with EngineProcess(ModelRequest(model=str(tiny_model), threads=1)) as there:
        assert there.check().contract == here.model.contract
        yield here, there


def same(one: object, other: object) -> bool:
    """Down to the last bit, and of the same types."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and one.tobytes() == other.tobytes()
    if isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            return False
        return all(same(a, b) for a, b in zip(one, other, strict=True))
    if hasattr(one, "__dict__"):
        return type(one) is type(other) and all(same(a, vars(other)[name]) for name, a in vars(one).items())
    return one == other


def alike(ours: dict[int, object], theirs: dict[int, object]) -> bool:
    return ours.keys() == theirs.keys() and all(same(ours[number], theirs[number]) for number in ours)


def by_id(results: list[Result]) -> dict[int, Result]:
    return {result.id: result for result in results}


def values(results: list[Result]) -> dict[int, object]:
    assert all(isinstance(result, Done) for result in results), results
    return {result.id: result.value for result in results if isinstance(result, Done)}


@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=20),
    words=st.sampled_from([(), ("I", "am", "so", "happy"), ("зонтик",)]),
    known=st.booleans(),
    seed=st.integers(0, 99),
)
def test_answers_are_the_same_to_the_last_bit(
    pair: tuple[BatchEngine, EngineProcess], lengths: list[int], words: tuple[str, ...], known: bool, seed: int
) -> None:
    here, there = pair
    contract, random = here.model.contract, np.random.default_rng(seed)
    asked = []
    for number, frames in enumerate(lengths):
        window = grid_window(contract, 0, number % 3) if frames == 40 else now_window(contract, 0, 640 * frames, 0)
        assert window is not None
        audio = 0.1 * random.standard_normal(contract.lookback + window.end - window.start)
        asked.append(Encode(number, window, audio.astype(np.float32)))
    windows = values(here(asked))
    assert windows.keys() == {request.id for request in asked}
    assert alike(windows, values(there(asked)))
    states = [summary.state for summary in windows.values()]  # type: ignore[attr-defined]
    profile = SpeakerProfile(random.standard_normal(8).astype(np.float32), 1.5) if known else None
    reads = [
        Read(number, state, 0.5 * number + 0.3, profile, words=words, language="en", certainty=0.8)
        for number, state in enumerate(states)
    ]
    readings = values(here(reads))
    assert readings.keys() == {request.id for request in reads}
    assert alike(readings, values(there(reads)))


def test_a_request_for_words_is_refused_as_it_is_here() -> None:
    asked = Transcribe(3, 1, 0, 0, True, None, np.zeros(16_000, np.int16))
    with odd_engine("fine") as engine:
        [refused] = engine([asked])
        assert refused == Failed(3, "no recognizer is here")


def test_whatever_a_library_prints_the_events_are_the_same() -> None:
    with odd_engine("chatters") as engine:
        audio = np.concatenate([silence(0.5), voice(2.4), silence(0.9)])
        ours, theirs = (run(Session(CONTRACT), answers, [audio]) for answers in (engine, FakeEngine()))  # type: ignore[arg-type]
        assert differences(ours, theirs) == []


@pytest.mark.parametrize(
    ("how", "message"), [("dies", "signal 11"), ("hangs", "timed out"), ("raises", "no room"), ("garbage", "bytes")]
)
def test_what_breaks_the_engine_fails_and_the_next_request_is_answered(how: str, message: str) -> None:
    changes: list[str] = []
    with odd_engine(how, on_change=changes.append) as engine:
        engine.check()
        first = engine.pid
        engine.timeout_s = 0.5 if how == "hangs" else 100.0
        results = engine([encode(1), encode(2, level=LOUDER)])
        engine.timeout_s = 100.0
        assert sorted(result.id for result in results) == [1, 2]
        assert all(isinstance(result, Failed) and message in result.message for result in results), results
        [answered] = engine([encode(3)])
        assert isinstance(answered, Done) and answered.id == 3
        if how == "raises":  # the process is as well as before
            assert engine.pid == first and changes == []
        else:
            assert engine.pid != first and message in changes[0] and changes[1:] == [""]


def test_a_process_in_which_everything_fails_is_replaced(tmp_path: Path) -> None:
    """One window may be at fault itself; a GPU that has failed fails for as long as the process lives."""
    marker = tmp_path / "the device is broken"
    with odd_engine("raises while marked", marker) as engine:
        engine.check()
        first = engine.pid
        marker.touch()
        for number in (1, 2):
            [result] = engine([encode(number, level=LOUDER)])
            assert isinstance(result, Failed) and "no room" in result.message
        assert isinstance(engine([encode(3)])[0], Done)
        for number in (4, 5):
            assert isinstance(engine([encode(number, level=LOUDER)])[0], Failed)
        assert engine.pid == first, "the failures were not in a row"
        engine([encode(6, level=LOUDER)])
        marker.unlink()
        assert isinstance(engine([encode(7, level=LOUDER)])[0], Done)
        assert engine.pid != first


def test_a_voice_detector_that_is_missing_ends_no_process() -> None:
    """Every session goes on without it."""
    heard = DetectVoice(1, np.zeros(CONTEXT + CHUNK, np.float32), fresh_network())
    service = EngineService()
    service._engine = lambda requests: [Failed(one.id, "no Silero") for one in requests]
    for _ in range(2 * MAX_FAILURES):
        answer = service.answer(Batch(windows=[], reads=[], detections=[heard]))
        assert [one.message for one in answer.failed] == ["no Silero"]


def test_a_single_request_is_tried_again_where_the_process_was_killed(tmp_path: Path) -> None:
    marker = tmp_path / "it hangs"
    with odd_engine("hangs once", marker) as engine:
        engine.check()
        answers: list[Result] = []
        asking = Thread(target=lambda: answers.extend(engine([encode(5, level=LOUDER)])), daemon=True)
        asking.start()
        wait_until(marker.exists)
        os.kill(engine.pid, signal.SIGKILL)
        asking.join()
        assert [type(answer) for answer in answers] == [Done] and answers[0].id == 5


def test_a_batch_is_not_tried_again_and_says_that_it_may_be_memory(tmp_path: Path) -> None:
    marker = tmp_path / "it hangs"
    with odd_engine("hangs once", marker) as engine:
        engine.check()
        answers: list[Result] = []
        batch = [encode(5, level=LOUDER), encode(6)]
        asking = Thread(target=lambda: answers.extend(engine(batch)), daemon=True)
        asking.start()
        wait_until(marker.exists)
        os.kill(engine.pid, signal.SIGKILL)
        asking.join()
        message = "the engine's process was killed (signal 9), by hand or for lack of memory"
        assert answers == [Failed(5, message), Failed(6, message)]


def test_a_batch_that_is_too_large_for_a_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MESSAGES.to_worker, "max_bytes", 2**16)
    with odd_engine("fine") as engine:
        results = engine([encode(1), encode(2)])
        assert [result.id for result in results] == [1, 2]
        assert all(isinstance(one, Failed) and one.message.endswith("use a smaller --batch") for one in results)


def test_an_engine_that_was_killed_while_nobody_asked_comes_back_by_itself() -> None:
    with odd_engine("fine") as engine:
        engine.check()
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: engine.pid != first and not engine.failure)
        assert isinstance(engine([encode(1)])[0], Done)


def test_a_model_that_cannot_be_loaded_is_reported() -> None:
    with odd_engine("unknown") as engine, pytest.raises(UsageError, match="no model 'fake'"):
        engine.check()
    with odd_engine("dies loading") as engine, pytest.raises(EngineUnavailable, match="signal 9"):
        engine.check()


def test_an_engine_that_is_closed_fails_what_it_is_computing_and_all_that_comes_later(tmp_path: Path) -> None:
    """As after Ctrl+C, while it computes what never ends."""
    marker = tmp_path / "it hangs"
    engine, answers = odd_engine("hangs", marker), []
    asking = Thread(target=lambda: answers.extend(engine([encode(1, level=LOUDER)])), daemon=True)
    asking.start()
    wait_until(marker.exists)
    engine.close()
    asking.join()
    message = "the engine's process was closed"
    assert [*answers, *engine([encode(2)])] == [Failed(1, message), Failed(2, message)]


def test_the_serving_process_needs_no_torch() -> None:
    script = (
        "import sys\n"
        "import emoscope.streamer.cli.serve, emoscope.streamer.engine, emoscope.streamer.server\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert "torch" in sys.modules and torch.get_num_threads() >= 1  # as it would show here
