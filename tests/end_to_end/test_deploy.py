"""The container and the service, as far as they can be checked without their daemons."""

import configparser
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from served import served

from emoscope.streamer.cli.main import app_of, main
from emoscope.streamer.cli.parser import parse
from emoscope.streamer.cli.serve import Serve

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "demo" / "deploy"
DOCKER_STOP_S = 10.0  # after which `docker stop` kills


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile: name and the rest, lines that go on joined."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest.strip()) for name, _, rest in (line.partition(" ") for line in lines)]


def of(name: str) -> list[str]:
    return [rest for instruction, rest in instructions() if instruction == name]


def let_through() -> set[str]:
    """What .dockerignore leaves in: it ignores all else."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "*"
    return {line[1:] for line in lines if line.startswith("!")}


def test_what_the_image_copies_is_there_and_let_through() -> None:
    copied = {source for rest in of("COPY") if "--from" not in rest for source in rest.split()[:-1]}
    assert copied == let_through()
    for source in copied:
        assert (ROOT / source).exists(), source
    packages = json.dumps((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for folder in ("streamer", "models", "train"):
        assert f'emoscope.{folder}\\" = \\"{folder}' in packages and folder in copied


def test_the_image_runs_as_nobody_in_particular_and_its_command_is_one_of_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of("USER") == ["10001"]
    [entry] = of("ENTRYPOINT")
    program, *arguments = json.loads(entry)
    assert program == "emoscope"
    command = parse(app_of(arguments), arguments)
    assert isinstance(command, Serve)
    assert command.host == "0.0.0.0" and command.drain < DOCKER_STOP_S
    assert of("EXPOSE") == [str(command.port)]
    monkeypatch.delenv("EMOSCOPE_TOKEN", raising=False)
    assert main(arguments) == 2  # open to strangers without a token
    assert "--token" in capsys.readouterr().err


def test_the_image_is_healthy_when_the_server_is_ready() -> None:
    [check] = of("HEALTHCHECK")
    program, *arguments = json.loads(check.partition("CMD ")[2])
    assert program == "python"
    with served() as server:
        command = [argument.replace(":8765/", f":{server.port}/") for argument in arguments]
        assert subprocess.run([sys.executable, *command], timeout=60, check=False).returncode == 0
        port = server.port
    gone = subprocess.run([sys.executable, *command], timeout=60, check=False, capture_output=True)
    assert str(port) in command[-1] and gone.returncode != 0


def test_the_service_starts_what_there_is_and_is_given_time_to_drain() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(DEPLOY / "emoscope.service", encoding="utf-8")
    program, *arguments = shlex.split(unit["Service"]["ExecStart"])
    assert Path(program).name == "emoscope"
    command = parse(app_of(arguments), arguments)
    assert isinstance(command, Serve)
    assert command.drain < float(unit["Service"]["TimeoutStopSec"])
    assert command.host == "127.0.0.1"
