"""`emoscope bench endure`: each part with a tiny budget, and what it says when a bound is broken.

Figures that depend on how busy the machine is (times, memory of so short a run) are read by people, not asserted.
"""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from needed import program
from real_voice import sentence
from waiting import DEADLINE_S

from emoscope.streamer.bench.endure import conversation as conversation_part
from emoscope.streamer.bench.endure import idle, messages, parts, processes, recordings, resources, sockets
from emoscope.streamer.bench.endure.budget import Budget
from emoscope.streamer.bench.endure.expected_answers import NOTHING, TOO_LARGE, UPDATED, ExpectedAnswers, mismatch
from emoscope.streamer.bench.endure.healthy import Voice
from emoscope.streamer.bench.endure.picture import draw
from emoscope.streamer.bench.endure.reading_process import ReadingProcess
from emoscope.streamer.bench.endure.report import Curve, Held, PartReport, lines
from emoscope.streamer.bench.input_rows import ROWS
from emoscope.streamer.cli.main import main
from emoscope.streamer.engine.messages import ModelRequest
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import AnyEvent
from emoscope.streamer.testing import FakeClock


@pytest.fixture
def endured(conversation: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs one part, and returns what it says as JSON: its figures by name, those that fail, counts and problems."""

    def run(part: str, minutes: float = 20.0, count: int = 1) -> dict[str, Any]:
        options = ["--minutes", str(minutes), "--count", str(count), "--audio", str(conversation), "--json"]
        code = main(["bench", "endure", part, *options])
        told = json.loads(capsys.readouterr().out)["parts"][0]
        assert code == (0 if told["holds"] else 1)
        told["fails"] = [one["what"] for one in told["held"] if not one["holds"]]
        told["held"] = {one["what"]: one["measured"] for one in told["held"]}
        return told

    return run


def test_hours_of_audio_keep_their_times_alone_and_through_a_server(endured: Any) -> None:
    told = endured("session", minutes=0.02)  # one cycle of the programme each
    for where in ("session alone", "server"):
        assert told["held"][f"{where}: times of the last cycle"] == 0.0
        assert told["held"][f"{where}: audio that the session did not count"] == 0.0
    assert "too few to judge memory" in told["problems"][0]


def test_messages_of_every_kind_are_answered_beside_healthy_streams(
    endured: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "STREAMS", 2)
    monkeypatch.setattr(messages, "TALKERS", 3)
    monkeypatch.setattr(conversation_part, "ANSWER_S", DEADLINE_S)
    monkeypatch.setattr(messages, "VOICE_S", 4.0)
    told = endured("messages", count=300)
    assert told["problems"] == ["the run is too short to judge memory; give more --minutes"]
    assert set(told["held"].values()) == {0}
    assert told["counts"]["messages"] >= 300 and told["counts"]["healthy streams"] >= 2


def test_cut_sockets_lose_nothing_and_leave_nothing_open(endured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "STREAMS", 2)
    monkeypatch.setattr(sockets, "VOICE_S", 4.0)
    monkeypatch.setattr(sockets, "SILENT_SHARE", 0.0)
    told = endured("sockets", count=2)
    assert set(told["held"].values()) == {0} and told["counts"]["cuts"] >= 2


def test_a_killed_model_process_costs_no_stream(endured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program("redis-server")
    pytest.importorskip("redis")
    monkeypatch.setattr(processes, "VICTIMS", processes.VICTIMS[:1])
    monkeypatch.setattr(processes, "WAYS", ("kill -9",))
    monkeypatch.setattr(processes, "LASTED_S", 1.0)
    monkeypatch.setattr(processes, "VOICE_S", 4.0)
    monkeypatch.setattr(processes, "STREAMS", 2)
    told = endured("processes")
    assert told["counts"]["model's process: kill -9"] == 1
    timed = "longest time from kill -9 until all answer again"
    assert told["held"][timed] > 0 and not [what for what in told["fails"] if what != timed]


def test_idle_and_live_sockets_are_counted(endured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle, "IDLE", 5)
    monkeypatch.setattr(idle, "LIVE", 2)
    told = endured("idle", minutes=0.12)
    assert (told["counts"]["idle sockets"], told["counts"]["live sockets"]) == (5, 2)
    assert told["counts"]["statuses"] >= 5 and told["held"]["sockets that failed"] == 0


def test_a_missing_resource_gets_a_clear_answer(endured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ("read-only folder", "no file descriptors")
    monkeypatch.setattr(resources, "CASES", {name: resources.CASES[name] for name in chosen})
    monkeypatch.setattr(resources, "NEW_SESSIONS", 6)
    monkeypatch.setattr(resources, "ANSWER_S", DEADLINE_S)
    monkeypatch.setattr(resources, "VOICE_S", 4.0)
    told = endured("resources", minutes=0.01)
    assert told["problems"] == [] and list(told["held"].values()) == [0, 0]
    assert any("503" in answer for answer in told["counts"])


def test_mutated_recordings_are_read_or_refused(endured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    program("ffmpeg")
    monkeypatch.setattr(recordings, "ROWS", [row for row in ROWS if row.codec in ("PCM 16 bit", "FLAC")][:3])
    told = endured("recordings", count=4)
    assert told["problems"] == [] and told["counts"]["files"] >= 4
    assert told["held"]["crashes, and errors that are none of ours"] == 0


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("import time; print('ready', flush=True); input(); time.sleep(3600)", "hung"),
        ("print('ready', flush=True); input(); import os; os.abort()", "crashed"),
    ],
)
def test_a_file_that_hangs_or_crashes_the_reader_is_told_and_the_next_one_is_read(code: str, outcome: str) -> None:
    with ReadingProcess("small", 0.5, ("-c", code)) as reader:
        assert [reader.read(Path("file")).outcome for _ in range(2)] == [outcome, outcome]


def test_a_mutation_is_repeated_by_its_seed() -> None:
    content = sentence(0).tobytes()
    budget = [Budget(1.0, None, seed, ModelRequest(model="small"), Path("x")) for seed in (1, 1, 2)]
    first, again, other = (recordings.mutated(content, one.chance("wav", 3)) for one in budget)
    assert first == again != other and first != content


def test_a_budget_ends_by_time_or_by_count() -> None:
    clock = FakeClock()
    budget = Budget(10.0, 3, 1, ModelRequest(model="small"), Path("x"), clock)
    assert not budget.over(2) and budget.over(3)
    clock.advance(10.0)
    assert budget.over(0) and budget.left_s == 0


def test_answers_are_compared_with_what_the_protocol_says() -> None:
    expected = ExpectedAnswers(Config())
    allowed = [
        expected.text("{"),
        expected.text('{"type":"session.update","config":{"encoding":"opus"}}'),
        expected.text('{"type":"session.update","config":{"encoding":"mulaw"}}'),
        expected.audio(bytes(641)),
        expected.audio(bytes(640)),
        expected.text('{"type":"session.update","config":{}}'),
        expected.text('{"type":"keepalive","last_seq":[1,2]}'),
    ]
    answers = ["error invalid_json", "error config_invalid", UPDATED, "error invalid_audio_frame",
               "error config_locked", "error invalid_json"]  # fmt: skip
    assert mismatch(answers, allowed) == "" and expected.closes == frozenset()
    assert "message 2 was answered by error" in mismatch([*answers[:2], *answers[3:]], allowed)
    assert mismatch([*answers, "error model_failed"], allowed) == "error model_failed answers no message"
    assert expected.text('{"type":"finish"}') == (NOTHING,) and expected.closes == {1000}
    assert mismatch([TOO_LARGE], [allowed[0], (TOO_LARGE,)]) == ""  # it overtakes the others
    assert mismatch([TOO_LARGE], allowed) != ""


def test_a_stream_that_lost_an_event_is_noticed(conversation: Path) -> None:
    voice = Voice(conversation, ModelRequest(model="small"), 8.0)
    events: list[AnyEvent] = list(voice.durable)  # type: ignore[arg-type]
    assert voice.wrong(events) == [] and events
    assert "numbers" in voice.wrong(events[1:])[0]
    assert voice.wrong(events[:-1])


def test_the_table_and_the_picture_tell_what_holds_and_what_fails(tmp_path: Path) -> None:
    report = PartReport("sockets", [Held("lost", 0, 0), Held("took", 2.5, 2, "s"), Held("unknown", math.nan, 1)])
    report.curves = [Curve("memory", "the server", [0, 1], [3.0, 4.0], "minutes", "MB")]
    report.problem("thread 3: late")
    table = "\n".join(lines(report))
    assert table.count("FAILS") == 2 and "2.5 s" in table and "thread 3: late" in table and not report.holds
    assert not PartReport("idle").holds  # nothing was measured
    draw([report], tmp_path / "picture.svg")
    assert "sockets: memory" in (tmp_path / "picture.svg").read_text()


def test_options_that_make_no_sense_are_one_line(capsys: pytest.CaptureFixture[str], conversation: Path) -> None:
    assert {part.name for part in parts.PARTS} == set(parts.NAMES) and sum(p.share for p in parts.PARTS) == 1
    for options in (["--minutes", "0"], ["--count", "0"], ["--audio", "nothing.flac"], ["--picture", "picture.bmp"]):
        sound = [] if "--audio" in options else ["--audio", str(conversation)]
        assert main(["bench", "endure", "idle", *sound, *options]) != 0
        assert options[1] in capsys.readouterr().err
