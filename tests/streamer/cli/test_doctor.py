"""`emoscope doctor`: what it finds on a machine that works, and on one where something does not."""

import json
import socket
import sys
from pathlib import Path

import pytest

from emoscope.streamer.cli.doctor import machine
from emoscope.streamer.cli.doctor.children import OWED, Asked, in_child
from emoscope.streamer.cli.doctor.finding import Finding, show
from emoscope.streamer.cli.main import main

LONG_S = 250.0


def test_a_machine_that_works_has_no_fault_and_a_line_for_each_check(
    tiny_model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "emoscope.toml"
    file.write_text("[serve]\nport = 0")
    code = main(
        ["doctor", "--json", "--config", str(file), "--model", str(tiny_model), "--device", "cpu", "--deadline", "250"]
    )
    findings = {finding["name"]: finding for finding in map(json.loads, capfd.readouterr().out.splitlines())}
    assert list(findings) == ["python", "config", "torch", "self-test", "words", "microphone", "cache", "port"]
    assert code == 0, findings
    assert findings["self-test"]["state"] == "green" and "readings" in findings["self-test"]["found"]
    assert findings["torch"]["state"] == "green" and findings["words"]["state"] == "yellow"
    assert "--asr faster-whisper:base" in findings["words"]["todo"]
    assert str(file) in findings["config"]["found"]


def test_the_engine_that_was_asked_for_is_tried(tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The model has no graph, so onnxruntime has nothing to run."""
    code = main(["doctor", "--json", "--model", str(tiny_model), "--engine", "onnx", "--deadline", "250"])
    findings = {finding["name"]: finding for finding in map(json.loads, capfd.readouterr().out.splitlines())}
    assert code == 1 and findings["self-test"]["state"] == "red"
    assert "has no graph" in findings["self-test"]["found"]


def test_what_was_asked_for_and_cannot_work_is_a_fault() -> None:
    [finding] = in_child("microphone", Asked(input="no such microphone", explicit=("input",)), LONG_S)
    assert (finding.name, finding.state) == ("microphone", "red")
    [finding] = in_child("words", Asked(asr="faster-whisper:./nothing", explicit=("asr",)), LONG_S)
    assert (finding.name, finding.state) == ("words", "red") and "there is no folder" in finding.found


def test_the_recognizer_that_was_asked_for_is_tried(tmp_path: Path) -> None:
    tiny = Path(__file__).parents[2] / "fixtures" / "tiny-whisper"
    [finding] = in_child("words", Asked(asr=f"faster-whisper:{tiny}", explicit=("asr",)), LONG_S)
    assert finding.state == "green" and "ctranslate2" in finding.found
    (tmp_path / "model.bin").write_bytes(b"broken")
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny / name).read_bytes())
    [finding] = in_child("words", Asked(asr=f"faster-whisper:{tmp_path}", explicit=("asr",)), LONG_S)
    assert finding.state == "red" and str(tmp_path) in finding.found


def _library(folder: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that children import instead of CTranslate2."""
    (folder / "ctranslate2.py").write_text(text)
    monkeypatch.setenv("PYTHONPATH", str(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_a_library_that_aborts_is_a_fault_and_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _library(tmp_path, "import os, sys; print('no cuDNN here', file=sys.stderr, flush=True); os.abort()", monkeypatch)
    [finding] = in_child("words", Asked(), LONG_S)
    assert finding.state == "red" and "signal 6: no cuDNN here" in finding.found and finding.todo


def test_a_library_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _library(tmp_path, "import threading; threading.Event().wait()", monkeypatch)
    [finding] = in_child("words", Asked(), 2.0)
    assert finding.state == "yellow" and finding.found == "no answer within 2 s" and finding.todo


def test_every_check_owes_findings() -> None:
    assert [name for names in OWED.values() for name in names] == ["torch", "self-test", "words", "microphone"]


def test_a_port_that_is_taken_is_a_fault_only_where_it_was_asked_for() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert machine.port("127.0.0.1", port, asked=True).state == "red"
        assert machine.port("127.0.0.1", port, asked=False).state == "yellow"
    assert machine.port("127.0.0.1", 0, asked=True).state == "green"
    assert machine.port("no.such.host.invalid", 1, asked=True).state == "red"


def test_a_cache_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "new"))
    assert machine.cache().state == "green" and not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "file" / "cache"))
    assert machine.cache().state == "yellow" and "EMOSCOPE_CACHE" in machine.cache().todo


def test_the_store_that_was_asked_for_must_answer(redis_url: str) -> None:
    assert machine.store(redis_url, LONG_S).state == "green"


def test_a_store_that_does_not_answer_is_a_fault_whose_password_is_not_shown() -> None:
    finding = machine.store("redis://user:the-password@127.0.0.1:1/0", LONG_S)
    assert finding.state == "red" and "the-password" not in finding.found + finding.todo


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_a_token_that_others_can_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "emoscope.toml"
    file.write_text("[serve]\ntoken = 't'")
    file.chmod(0o644)
    assert machine.config(file, tokens=True).state == "yellow"
    assert machine.config(file, tokens=False).state == "green"
    file.chmod(0o600)
    assert machine.config(file, tokens=True).state == "green"


def test_away_from_a_terminal_a_finding_is_one_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    show([Finding("port", "red", "8765 is taken", "take another"), Finding("cache", "green", "there")])
    assert capsys.readouterr().out == "FAULT  port: 8765 is taken -> take another\nok     cache: there\n"
