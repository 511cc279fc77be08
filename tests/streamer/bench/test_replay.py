"""`emoscope bench replay`: what recordings cost by stage, by a clock that only the model moves."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from emoscope.models import load_model
from emoscope.models.model import StreamModel
from emoscope.streamer import Config, replay
from emoscope.streamer.bench.replay import STAGES, Measured, ReplayCost, replay_cost, table
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine import opening
from emoscope.streamer.engine.opening import KEEP_THREADS, OpenedModel, open_engine
from emoscope.streamer.testing import FakeClock

WINDOW_S, READING_S = 0.1, 0.01
FAST = Config(pace="fast", transcript=False)


@pytest.fixture(autouse=True)
def threads_restored() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def timed_model(folder: Path, clock: FakeClock) -> OpenedModel:
    """A real model whose windows and readings take time on a clock that stands still otherwise."""
    model: StreamModel = load_model(folder)
    encode, read = model.encode, model.read

    def slow_encode(audio, *arguments):
        clock.sleep(WINDOW_S * len(audio))
        return encode(audio, *arguments)

    def slow_read(state, seconds, *arguments):
        clock.sleep(READING_S * len(seconds))
        return read(state, seconds, *arguments)

    model.encode, model.read = slow_encode, slow_read  # type: ignore[method-assign]
    return open_engine(model, device="cpu", threads=KEEP_THREADS)


def test_each_stage_has_the_time_that_was_spent_in_it(tiny_model: Path, conversation: Path) -> None:
    clock = FakeClock()
    opened = timed_model(tiny_model, clock)
    cost = replay_cost([conversation, conversation], opened, FAST, clock.now)
    assert cost.windows > cost.utterances > 0 and cost.readings > cost.windows / 2
    assert list(cost.stages) == list(STAGES)
    assert cost.stages["windows"] == pytest.approx(WINDOW_S * cost.windows)
    assert cost.stages["readings"] == pytest.approx(READING_S * cost.readings)
    assert [cost.stages[stage] for stage in STAGES if stage not in ("windows", "readings")] == pytest.approx([0.0] * 5)
    assert cost.window_ms == pytest.approx(1e3 * WINDOW_S) and cost.windows_per_s == pytest.approx(1 / WINDOW_S)
    assert cost.audio_s == pytest.approx(140.0, abs=0.2)
    assert cost.rtf == pytest.approx((WINDOW_S * cost.windows + READING_S * cost.readings) / cost.audio_s)


def test_what_is_measured_is_what_replay_does(tiny_model: Path, conversation: Path) -> None:
    """As many readings as events, and utterances as long; without interims less work for the same finals."""
    opened = open_engine(tiny_model, threads=KEEP_THREADS)
    costs = []
    for interim in (True, False):
        config = Config(pace="fast", transcript=False, interim=interim)
        events = list(replay(conversation, opened, config=config))
        readings = [event for event in events if event.type in ("emotion.interim", "emotion.final", "mood")]
        cost = replay_cost([conversation], opened, config)
        assert cost.readings == len(readings)
        [closed] = [event for event in events if event.type == "session.closed"]
        totals = closed.totals
        assert (cost.audio_s, cost.speech_s, cost.utterances) == (totals.audio_s, totals.speech_s, totals.utterances)
        costs.append(cost)
    assert costs[1].windows < costs[0].windows and costs[1].readings < costs[0].readings


def test_the_table_has_a_row_for_each_figure(tiny_model: Path) -> None:
    stages = {"decode": 0.0, "resample": 0.0, "detector": 0.05, "windows": 0.4, "assembly": 0.02, "readings": 0.02}
    stages["rest"] = 0.01
    cost = ReplayCost(audio_s=10.0, speech_s=5.0, utterances=2, windows=16, readings=20, stages=stages)
    lines = table([Measured(open_engine(tiny_model, device="cpu", threads=1), cost, cost)], FAST)
    assert lines[0].startswith("10.0 s of sound, 5.0 s of speech in 2 utterances; model tiny (torch), cpu, 1 thread, ")
    figures = {line[:58].strip(): line.split()[-2:] for line in lines[3:] if line[-1].isdigit()}
    assert figures["seconds of processor time"] == ["0.500"] * 2
    assert figures["RTF: for a second of sound"] == ["0.0500"] * 2
    assert figures["ms a window"] == ["25.00"] * 2 and figures["windows a second"] == ["40.0"] * 2
    assert figures["detector: finding utterances and windows"] == ["5.00"] * 2


def test_the_command_measures_on_one_thread_unless_told_otherwise(
    tiny_model: Path, conversation: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a model that is large enough for every core."""
    monkeypatch.setattr(opening, "SMALL_MODEL", 0)
    monkeypatch.setattr(opening.os, "cpu_count", lambda: 2)
    arguments = ["bench", "replay", str(conversation), "--model", str(tiny_model), "--device", "cpu", "--rounds", "1"]
    assert main([*arguments, "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert (measured["model"], measured["device"], measured["threads"], measured["utterances"]) == (
        "tiny",
        "cpu",
        1,
        16,
    )
    assert set(measured["interims"]["stages_s"]) == set(measured["finals_only"]["stages_s"]) == set(STAGES)
    assert measured["finals_only"]["windows"] < measured["interims"]["windows"]
    assert main([*arguments, "--threads", "2"]) == 0
    printed = capsys.readouterr().out
    assert "model tiny (torch), cpu, 2 threads, --vad " in printed and "ms a window" in printed


def test_several_models_are_measured_beside_each_other(
    tiny_model: Path, conversation: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each has its two columns, or its own object of JSON."""
    arguments = ["bench", "replay", str(conversation), "--model", str(tiny_model), "--model", "small", "--rounds", "1"]
    assert main([*arguments, "--device", "cpu", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["models"]
    assert [one["model"] for one in told] == ["tiny", "small"]
    assert all(one["interims"]["windows"] > one["finals_only"]["windows"] > 0 for one in told)
    assert main([*arguments, "--device", "cpu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines if line.startswith(" " * 60)] == [
        ["tiny", "(torch)", "small", "(onnx)"], ["interims", "finals", "only"] * 2,
    ]  # fmt: skip
    assert all(len(line.split()) >= 5 for line in lines if line.startswith(("RTF", "windows", "ms a window")))


def test_bad_input_is_one_line(tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("no sound")
    for arguments, code in ((["nothing.flac"], 1), ([str(tmp_path / "notes.txt")], 1), (["--rounds", "0"], 2)):
        assert main(["bench", "replay", *arguments, "--model", str(tiny_model)]) == code
        assert capsys.readouterr().err.count("\n") == 1
