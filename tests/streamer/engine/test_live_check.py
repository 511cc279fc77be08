"""A machine that is too slow for a model: measured when the model is opened for live use, and said with what helps."""

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from waiting import wait_until

from emoscope.models import load_model
from emoscope.models.model import StreamModel
from emoscope.models.windows import usual_window
from emoscope.streamer import Config, Session
from emoscope.streamer.engine import EngineProcess, LiveCheck, ModelRequest
from emoscope.streamer.engine import live_check as live_checks
from emoscope.streamer.engine.live_check import LIVE_SHARE, LiveModel, open_live, windows_a_second
from emoscope.streamer.engine.opening import KEEP_THREADS
from emoscope.streamer.session.requests import Encode
from emoscope.streamer.testing import CONTRACT, REACHING, FakeClock, FakeEngine, voice

LIVE = LiveCheck.of(Config())
FINALS_ONLY = LiveCheck.of(Config(interim=False))
IMPOSSIBLE = LiveCheck(share=0.0, interval_s=0.5, otherwise="small")


class SlowModel:
    """A real model whose windows take time on a clock that stands still otherwise.

    window_s  for each window in turn; the last one for all that follow. Opening encodes the first.
    """

    def __init__(self, folder: Path, *window_s: float) -> None:
        self.clock, self._window_s, self.count = FakeClock(), window_s, 0
        self.model: StreamModel = load_model(folder)
        encode = self.model.encode

        def slow(*arguments, **options):
            self.clock.sleep(self._window_s[min(self.count, len(self._window_s) - 1)])
            self.count += 1
            return encode(*arguments, **options)

        self.model.encode = slow  # type: ignore[method-assign]

    def opened(self, check: LiveCheck, **options) -> LiveModel:
        return open_live(self.model, check, threads=KEEP_THREADS, device="cpu", clock=self.clock.now, **options)


@pytest.mark.parametrize("interim", [True, False])
@pytest.mark.parametrize("interval_s", [0.3, 0.5, 2.0])
def test_the_load_of_a_voice_is_what_a_session_requests(interim: bool, interval_s: float) -> None:
    """Windows in 15 s of speech without a pause, where the first window is waited for and the last reading may be."""
    config = Config(interim=interim, interval_s=interval_s)
    session, engine, windows = Session(CONTRACT, config), FakeEngine(), 0
    for piece in np.split(voice(15.0), 30):
        _, requests = session.feed(piece)
        while requests:
            windows += sum(isinstance(request, Encode) for request in requests)
            _, requests = session.apply(engine(requests))
    check = LiveCheck.of(config)
    expected = windows_a_second(CONTRACT, check.interval_s) * 15.0
    assert expected - CONTRACT.window / CONTRACT.hop - 2 <= windows <= expected


@pytest.mark.parametrize("interim", [True, False])
@pytest.mark.parametrize("interval_s", [0.3, 0.5, 2.0])
def test_the_load_of_a_voice_whose_frames_are_encoded_once_is_no_less_than_what_a_session_requests(
    interim: bool, interval_s: float
) -> None:
    """Counted in windows of the usual length, since those of a model with a reach are not equally long."""
    config = Config(interim=interim, interval_s=interval_s)
    session, engine, samples = Session(REACHING, config), FakeEngine(REACHING), 0
    for piece in np.split(voice(15.0), 30):
        _, requests = session.feed(piece)
        while requests:
            samples += sum(r.window.end - r.window.start for r in requests if isinstance(r, Encode))
            _, requests = session.apply(engine(requests))
    usual = usual_window(REACHING)
    asked = samples / (usual.end - usual.start)
    expected = windows_a_second(REACHING, LiveCheck.of(config).interval_s) * 15.0
    assert 0.6 * expected <= asked <= 1.1 * expected


@pytest.mark.parametrize(
    ("window_s", "check", "too_slow"),
    [
        (0.15, LIVE, False),  # 3.25 windows a second take .4875 s
        (0.16, LIVE, True),
        (0.16, FINALS_ONLY, False),  # 1.25 windows a second take .2 s
        (0.39, FINALS_ONLY, False),
        (0.41, FINALS_ONLY, True),
        (0.16, LiveCheck(share=0.6, interval_s=0.5), False),
    ],
)
def test_a_model_is_too_slow_where_one_voice_takes_more_than_its_share(
    window_s: float, check: LiveCheck, too_slow: bool, tiny_model: Path
) -> None:
    slow = SlowModel(tiny_model, window_s)
    live = slow.opened(check)
    assert live.opened.model is slow.model and live.name == "tiny"
    assert bool(live.too_slow) == too_slow


def test_the_fastest_window_counts_and_no_more_are_measured_than_decide(tiny_model: Path) -> None:
    """What other programs take for a moment is not the model's; neither is what is initialised with the first one."""
    for window_s, count in (((9.0, 0.1), 2), ((9.0, 9.0, 0.1), 3), ((9.0, 9.0, 9.0, 0.1), 4)):
        slow = SlowModel(tiny_model, *window_s)
        assert slow.opened(LIVE).too_slow == ""
        assert slow.count == count
    slow = SlowModel(tiny_model, 9.0, 3.0, 2.0, 4.0, 0.1)
    assert "a window takes 2000 ms" in slow.opened(LIVE).too_slow
    assert slow.count == 4


@pytest.mark.parametrize(
    ("window_s", "check", "cores", "line"),
    [
        (
            0.2, LIVE, 1,
            "model tiny is too slow for a live voice here: a window takes 200 ms, so a second of speech takes 0.65 s, "
            "0.25 s without interims, and at most 0.50 s is safe: interims will be skipped whenever the machine has "
            "other work. What may help: a GPU (--device cuda), --no-interim or --model small",
        ),
        (
            0.5, LIVE, 1,
            "model tiny is too slow for a live voice here: a window takes 500 ms, so a second of speech takes 1.62 s, "
            "0.62 s without interims, and at most 0.50 s is safe: interims will be skipped. What may help: a GPU "
            "(--device cuda) or --model small",
        ),
        (
            1.0, FINALS_ONLY, 4096,
            "model tiny is too slow for a live voice here: a window takes 1000 ms, so a second of speech takes 1.25 s, "
            "and at most 0.50 s is safe: interims will be skipped, and speech will be left out. What may help: a "
            "GPU (--device cuda), --threads 4096 or --model small",
        ),
        (
            0.2, LiveCheck(share=LIVE_SHARE, interval_s=0.5, otherwise="small"), 1,
            "model small, because tiny is too slow for a live voice here: a window takes 200 ms, so a second of speech "
            "takes 0.65 s, 0.25 s without interims, and at most 0.50 s is safe. What may help: a GPU (--device cuda) "
            "or --no-interim. --model tiny uses it all the same",
        ),
    ],
    ids=["works while nothing else runs", "interims are skipped", "speech is left out", "another model is opened"],
)  # fmt: skip
def test_the_line_says_what_was_measured_what_follows_and_what_would_help(
    window_s: float, check: LiveCheck, cores: int, line: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_checks.os, "cpu_count", lambda: cores)
    live = SlowModel(tiny_model, window_s).opened(check)
    assert live.too_slow == line
    assert (live.name, live.opened.contract.id) == (("small", "small") if check.otherwise else ("tiny", "tiny"))


def test_a_server_advises_its_clients_to_do_without_interims(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_checks.os, "cpu_count", lambda: 1)
    live = SlowModel(tiny_model, 0.2).opened(LIVE, many_sessions=True)
    assert (
        "What may help: a GPU (--device cuda), clients without interims or --model small" in live.too_slow
        and "--no-interim" not in live.too_slow
    )


def test_the_engines_process_opens_the_other_model_and_after_a_restart_the_same_again(
    tiny_model: Path, tmp_path: Path
) -> None:
    """The first model is taken away in between: had the new process to choose again, it could not load."""
    folder = tmp_path / "slow"
    shutil.copytree(tiny_model, folder)
    with EngineProcess(ModelRequest(model=str(folder), threads=1, live=IMPOSSIBLE)) as engine:
        loaded = engine.check()
        assert (loaded.model, loaded.contract.id) == ("small", "small")
        assert f"model small, because {folder} is too slow for a live voice here" in loaded.too_slow
        shutil.rmtree(folder)
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: engine.pid != first and not engine.failure)
        again = engine.check()
        assert (again.model, again.contract, again.too_slow) == ("small", loaded.contract, "")


def test_a_model_that_was_kept_is_kept_after_a_restart(tiny_model: Path) -> None:
    check = LiveCheck(share=0.0, interval_s=0.5)
    with EngineProcess(ModelRequest(model=str(tiny_model), threads=1, live=check)) as engine:
        loaded = engine.check()
        assert (loaded.model, loaded.contract.id) == (str(tiny_model), "tiny")
        assert loaded.too_slow.startswith(f"model {tiny_model} is too slow for a live voice here: ")
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: engine.pid != first and not engine.failure)
        assert (engine.check().model, engine.check().contract) == (loaded.model, loaded.contract)


def test_nothing_is_asked_of_a_model_that_is_not_used_live(tiny_model: Path) -> None:
    with EngineProcess(ModelRequest(model=str(tiny_model), threads=1)) as engine:
        assert (engine.check().model, engine.check().too_slow) == (str(tiny_model), "")
