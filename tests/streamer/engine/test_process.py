"""An engine in a process of its own: the same answers, and what happens when it breaks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import grid_window, now_window
from emoscope.streamer import Session, UsageError
from emoscope.streamer.engine import EngineProcess, EngineUnavailable, Wanted
from emoscope.streamer.engine.batch import BatchEngine
from emoscope.streamer.engine.opening import open_engine
from emoscope.streamer.session.requests import Done, Encode, Failed, Read, Result, Transcribe
from emoscope.streamer.testing import CONTRACT, FakeEngine, differences, run, silence, voice

ODD = str(Path(__file__).with_name("odd_engine.py"))
WINDOW = grid_window(CONTRACT, 0, 0)


def odd(how: str, **options: float) -> EngineProcess:
    return EngineProcess(Wanted(model="fake"), command=(ODD, how), **options)


def encode(number: int, level: float = 0.1) -> Encode:
    return Encode(number, WINDOW, voice(2.0, level=level)[: CONTRACT.lookback + CONTRACT.window])


def gone(pid: int, within_s: float = 20.0) -> bool:
    """Whether a process that is no child of ours ends by then."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat") as told:
                if told.read().rpartition(")")[2].split()[0] in "ZX":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def pair(tiny_model: Path) -> Iterator[tuple[BatchEngine, EngineProcess]]:
    """The same model here and in a process."""
    here = open_engine(tiny_model, threads=1, many_sessions=True).engine
    with EngineProcess(Wanted(model=str(tiny_model), threads=1)) as there:
        assert there.check().contract == here.model.contract
        yield here, there


def same(one: object, other: object) -> bool:
    """Down to the last bit, and of the same types."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and one.dtype == other.dtype and one.tobytes() == other.tobytes()
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
    assert alike(windows, values(there(asked)))
    states = [summary.state for summary in windows.values()]  # type: ignore[attr-defined]
    profile = SpeakerProfile(random.standard_normal(8).astype(np.float32), 1.5) if known else None
    reads = [
        Read(number, state, 0.5 * number + 0.3, profile, words=words, language="en", certainty=0.8)
        for number, state in enumerate(states)
    ]
    assert alike(values(here(reads)), values(there(reads)))


def test_a_request_for_words_is_refused_as_it_is_here() -> None:
    asked = Transcribe(3, 1, 0, 0, True, None, np.zeros(16_000, np.int16))
    with odd("fine") as engine:
        [refused] = engine([asked])
        assert refused == Failed(3, "no recognizer is here")


def test_whatever_a_library_prints_the_messages_are_whole() -> None:
    with odd("chatters") as engine:
        audio = np.concatenate([silence(0.5), voice(2.4), silence(0.9)])
        ours, theirs = (run(Session(CONTRACT), answers, [audio]) for answers in (engine, FakeEngine()))  # type: ignore[arg-type]
        assert differences(ours, theirs) == []


@pytest.mark.parametrize(
    ("how", "said"), [("dies", "signal 11"), ("hangs", "hangs"), ("raises", "no room"), ("talks", "bytes")]
)
def test_what_breaks_the_engine_fails_and_the_next_request_is_answered(how: str, said: str) -> None:
    told: list[str] = []
    with odd(how, patience_s=20.0) as engine:
        engine.check()
        engine.changed = told.append
        first = engine.pid
        if how == "hangs":
            engine._patience_s = 0.5
        results = by_id(engine([encode(1), encode(2, level=0.99)]))
        engine._patience_s = 20.0
        assert all(isinstance(result, Failed) and said in result.message for result in results.values())
        [answered] = engine([encode(3)])
        assert isinstance(answered, Done) and answered.id == 3
        if how == "raises":  # the process is as well as before
            assert engine.pid == first and told == []
        else:
            assert engine.pid != first and said in told[0] and told[1:] == [""]
            assert gone(first)


def test_a_lone_request_is_asked_again_where_the_process_was_killed() -> None:
    with odd("fine") as engine:
        engine.check()
        os.kill(engine.pid, signal.SIGSTOP)
        answers: list[Result] = []
        asking = Thread(target=lambda: answers.extend(engine([encode(5)])), daemon=True)
        asking.start()
        time.sleep(0.2)
        os.kill(engine.pid, signal.SIGKILL)
        asking.join(30)
        assert [type(answer) for answer in answers] == [Done] and answers[0].id == 5


def test_an_engine_that_was_killed_while_nobody_asked_comes_back_by_itself() -> None:
    with odd("fine") as engine:
        engine.check()
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        until = time.monotonic() + 20
        while (engine.pid == first or engine.trouble) and time.monotonic() < until:
            time.sleep(0.02)
        assert engine.pid != first and engine.trouble == ""
        assert isinstance(engine([encode(1)])[0], Done)


def test_a_model_that_cannot_be_had_is_told() -> None:
    with odd("unknown") as engine, pytest.raises(UsageError, match="no model 'fake'"):
        engine.check()
    with odd("dies loading") as engine, pytest.raises(EngineUnavailable, match="signal 9"):
        engine.check()


def test_a_stuck_engine_is_closed_at_once() -> None:
    """As after Ctrl+C, while it computes what never ends."""
    engine = odd("hangs")
    engine.check()
    asking = Thread(target=engine, args=([encode(1, level=0.99)],), daemon=True)
    asking.start()
    time.sleep(0.2)
    began = time.monotonic()
    engine.close()
    asking.join(5)
    assert not asking.is_alive() and time.monotonic() - began < 5
    [refused] = engine([encode(2)])
    assert refused == Failed(2, "the engine is closed")


@pytest.mark.parametrize("level", [0.1, 0.99], ids=["idle", "computing for ever"])
def test_nothing_is_left_when_the_server_is_killed(level: float) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from threading import Thread\n"
        "from test_engine_process import encode, odd\n"
        "engine = odd('hangs'); engine.check()\n"
        f"Thread(target=engine, args=([encode(1, {level})],)).start()\n"
        "print(engine.pid, flush=True)\n"
        "import time; time.sleep(60)\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    pid = int(server.stdout.readline())
    time.sleep(0.3)
    server.kill()
    server.wait()
    assert gone(pid)


def test_the_serving_process_needs_no_torch() -> None:
    script = (
        "import sys\n"
        "import emoscope.streamer.cli.serve, emoscope.streamer.engine, emoscope.streamer.server\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert "torch" in sys.modules and torch.get_num_threads() >= 1  # as it would show here
