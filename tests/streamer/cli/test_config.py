"""emoscope.toml and `emoscope config`: what holds, from where, and what is said of a file that cannot be used."""

import json
from pathlib import Path
from typing import Any

import pytest

from emoscope.streamer.cli import config_file
from emoscope.streamer.cli.bench import BenchReplay
from emoscope.streamer.cli.listen import Listen
from emoscope.streamer.cli.main import app_of, main
from emoscope.streamer.cli.parser import parse
from emoscope.streamer.cli.serve import Serve
from emoscope.streamer.cli.session_options import session_config
from emoscope.streamer.protocol.config import Config, VadConfig

FILE = """\
threads = 2
vad = "webrtc"
min_silence_s = 1      # an integer, where a number with a fraction may stand

[listen]
input = 3
threads = 4
record = "~/out.jsonl"

[serve]
token = "the-secret"
observe_token = "the-observers"
webhook = "https://host/finals?key=the-key"
origin = ["http://a", "http://b"]
store = "redis://user:the-password@host/0"

[bench.replay]
rounds = 2
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder without a file, in which no file of the user's own is found either."""
    for name in ("EMOSCOPE_CONFIG", "EMOSCOPE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HOME", "XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def parsed(line: str) -> Any:
    return parse(app_of(line.split()), line.split())


def in_force(line: str, capsys: pytest.CaptureFixture[str]) -> dict[tuple[str | None, str], dict[str, Any]]:
    assert main(["config", *line.split(), "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    return {(value["command"], value["key"]): value for value in values}


def test_a_flag_holds_before_the_commands_section_the_section_before_the_shared_keys_and_those_before_defaults(
    folder: Path,
) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    listen = parsed("listen --vad silero")
    assert isinstance(listen, Listen)
    assert listen.detector.vad == "silero" and listen.model.threads == 4
    assert listen.detector.min_silence_s == 1.0 and listen.model.model == "auto"
    assert listen.input == "3" and listen.output.record == folder / "home" / "out.jsonl"
    serve = parsed("serve")
    assert isinstance(serve, Serve)
    assert serve.model.threads == 2 and serve.token == "the-secret" and serve.origin == ("http://a", "http://b")


def test_a_variable_holds_before_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    monkeypatch.setenv("EMOSCOPE_TOKEN", "of the environment")
    assert parsed("serve").token == "of the environment"


def test_what_measures_takes_its_own_section_and_not_the_shared_keys(folder: Path) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    bench = parsed("bench replay")
    assert isinstance(bench, BenchReplay)
    assert bench.rounds == 2 and bench.threads == 1 and bench.model == ("small",) and bench.detector.vad == "both"


def test_what_a_file_turns_on_a_flag_turns_off(folder: Path) -> None:
    (folder / "emoscope.toml").write_text("no_interim = true\n[listen]\nplain = true")
    listen = parsed("listen --json --plain=false --no-interim=false")
    assert not listen.output.plain and not listen.session.no_interim


def test_the_session_of_a_command_has_the_files_values_and_the_protocols_defaults(folder: Path) -> None:
    (folder / "emoscope.toml").write_text('interval_s = 2\nlanguage = "de"\nno_attention = true\nvad_threshold = 0.25')
    listen = parsed("listen --half-life-s 60")
    config = session_config(
        "realtime",
        session=listen.session,
        recognizer=listen.recognizer,
        speaker=listen.speaker,
        detector=listen.detector,
    )
    assert config == Config(
        interval_s=2.0, language="de", attention=False, half_life_s=60.0, vad=VadConfig(threshold=0.25)
    )


def test_one_file_is_read_the_one_that_is_named_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = config_file.user_file()
    own.parent.mkdir(parents=True)
    own.write_text("threads = 1")
    assert parsed("listen").model.threads == 1
    (folder / "emoscope.toml").write_text("threads = 2")
    assert parsed("listen").model.threads == 2
    (folder / "named.toml").write_text("threads = 3")
    monkeypatch.setenv("EMOSCOPE_CONFIG", "named.toml")
    assert parsed("listen").model.threads == 3
    (folder / "given.toml").write_text("device = 'cpu'")
    given = parsed("listen --config given.toml")
    assert given.model.device == "cpu" and given.model.threads is None
    monkeypatch.setenv("EMOSCOPE_CONFIG", "")
    assert parsed("listen").model.threads is None


def test_config_says_where_each_value_comes_from(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    values = in_force("listen --vad silero", capsys)
    assert values["listen", "vad"] == {
        "command": "listen", "key": "vad", "value": "silero", "origin": "flag", "place": "--vad"
    }  # fmt: skip
    assert (values["listen", "threads"]["value"], values["listen", "threads"]["place"]) == (4, "emoscope.toml:7")
    assert (values["listen", "min_silence_s"]["value"], values["listen", "min_silence_s"]["origin"]) == (1.0, "file")
    assert values["listen", "interval_s"] == {
        "command": "listen", "key": "interval_s", "value": 0.5, "origin": "default", "place": None
    }  # fmt: skip


def test_config_without_a_command_shows_the_shared_keys_once_and_what_each_command_has_of_its_own(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    values = in_force("", capsys)
    assert values[None, "threads"]["value"] == 2 and values["listen", "threads"]["value"] == 4
    assert ("serve", "threads") not in values and values["serve", "port"]["origin"] == "default"


def test_config_reads_the_file_that_it_is_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "other.toml").write_text("threads = 7")
    values = in_force("--config other.toml", capsys)
    assert (values[None, "threads"]["value"], values[None, "threads"]["place"]) == (7, "other.toml:1")


def test_what_config_prints_is_a_file_with_the_same_values(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "emoscope.toml").write_text(
        FILE.replace('token = "the-secret"\nobserve_token = "the-observers"', "port = 1")
    )
    before = in_force("", capsys)
    assert main(["config"]) == 0
    (folder / "printed.toml").write_text(capsys.readouterr().out)
    after = in_force("--config printed.toml", capsys)
    masked = {("serve", "store"), ("serve", "webhook")}
    assert {key: value["value"] for key, value in after.items() if key not in masked} == {
        key: value["value"] for key, value in before.items() if key not in masked
    }


def test_a_secret_is_never_printed(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "emoscope.toml").write_text(FILE)
    monkeypatch.setenv("EMOSCOPE_TOKEN", "the-variable")
    for line in (["config"], ["config", "serve"], ["config", "send", "--json"], ["config", "serve", "--token", "flag"]):
        assert main(line) == 0
        printed = capsys.readouterr().out
        assert "(not shown)" in printed or "config" not in line
        assert not any(
            secret in printed
            for secret in ("the-secret", "the-observers", "the-variable", "the-password", "the-key", '"flag"')
        )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('modle = "small"', ":1: there is no key 'modle'; did you mean 'model'?"),
        ("[listen]\n\nimput = 3", ":3: there is no key 'imput' in [listen]; did you mean 'input'?"),
        ("[lisen]\ninput = 3", ":1: there is no section [lisen]; did you mean 'listen'?"),
        ("[bench.repaly]\n", ":1: there is no section [bench.repaly]; did you mean 'replay'?"),
        ("port = 1", ":1: there is no key 'port' outside a section; it is an option of one command: write it"),
        ("threads = 'two'", ":1: threads: must be a whole number"),
        ("threads = true", ":1: threads: must be a whole number"),
        ("\nthreads = 0", ":2: threads 0: must be from 1 to 1024"),
        ("min_silence_s = 'long'", ":1: min_silence_s: must be a number"),
        ("min_silence_s = 9", ":1: min_silence_s 9: must be from 0.1 to 5"),
        ("vad = 'x'", ':1: vad: must be one of "both", "webrtc", "silero"'),
        ("no_interim = 'yes'", ":1: no_interim: must be true or false"),
        ("model = ['small']", ':1: model: must be a text in quotes, as "this"'),
        ("[listen]\nplain = true\njson = true", "--plain and --json: one of them"),
        ("threads", "emoscope.toml: this is not TOML: Expected '=' after a key"),
    ],
    ids=lambda value: value.split("\n")[-1] if "=" in value else "",
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_one_line_with_its_place(
    text: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "emoscope.toml").write_text(text)
    assert main(["listen", "--input", "no such microphone"]) == 2
    printed, errors = capsys.readouterr()
    assert printed == "" and errors.count("\n") == 1
    assert errors.startswith("emoscope: ") and message in errors


def test_a_section_of_another_packages_command_is_no_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "emoscope.toml").write_text("[train.small]\nepochs = 3\n[evaluate]\ncorpus = 'ravdess'")
    assert main(["config"]) == 0
    (folder / "emoscope.toml").write_text("[train.small]\nepoch = 3")
    assert main(["train", "small"]) == 2
    assert "there is no key 'epoch' in [train.small]; did you mean 'epochs'?" in capsys.readouterr().err


def test_a_file_that_is_no_text_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "emoscope.toml").write_bytes(b"\xff\xfe\x00")
    assert main(["config"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
