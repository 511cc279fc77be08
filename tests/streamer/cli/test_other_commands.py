"""Commands that other packages offer to the command line."""

import sys
import tomllib
from dataclasses import dataclass, field
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated

import pytest
from cyclopts import Parameter

from emoscope.streamer.cli.command import Command
from emoscope.streamer.cli.extras import EXTRAS, advice
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.errors import UsageError

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True, kw_only=True)
class Count:
    """A command of another package."""

    path: Annotated[Path, Parameter(help="a file")] = field(kw_only=False)
    most: int = 5

    def __post_init__(self) -> None:
        if self.most < 0:
            raise UsageError(f"--most {self.most}: must be at least 0")

    def run(self) -> int:
        return self.most


count = Command("count", "count something", Count)


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that offers a command, and one that cannot be imported."""
    entries = [
        EntryPoint("count", f"{__name__}:count", "emoscope.commands"),
        EntryPoint("broken", "no_such_package:command", "emoscope.commands"),
    ]
    monkeypatch.setattr(EntryPoint, "load", _load)
    monkeypatch.setattr(metadata, "entry_points", lambda group: entries)


def _load(entry: EntryPoint) -> Command:
    if entry.name == "broken":
        raise ImportError("No module named 'no_such_package'")
    return count


@pytest.mark.usefixtures("offered")
def test_a_command_of_another_package_runs_and_returns_its_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["count", "a.txt", "--most", "7"]) == 7
    assert main(["count", "a.txt", "--most", "-1"]) == 2
    assert "--most -1: must be at least 0" in capsys.readouterr().err


@pytest.mark.usefixtures("offered")
def test_a_command_that_cannot_be_loaded_is_reported_and_the_others_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed, errors = capsys.readouterr()
    assert "count something" in printed and "listen" in printed
    assert "the command 'broken' of no_such_package:command cannot be loaded" in errors
    assert main(["models", "show"]) == 2
    assert "broken" not in capsys.readouterr().err, "our own commands do not look at those of other packages"


@pytest.mark.parametrize("arguments", [["train", "small"], ["train", "head", "--data", "x", "--out", "y"]])
def test_a_package_that_only_an_extra_brings_is_named_with_the_command_that_installs_it(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("emoscope.train") and ".cli" not in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "accelerate", None)
    assert main(arguments) == 1
    assert capsys.readouterr().err == "emoscope: this needs accelerate: pip install 'emoscope[train]'\n"


def test_a_module_that_no_extra_brings_is_a_fault_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    assert advice(ModuleNotFoundError(name="emoscope.nothing")) is None
    assert advice(ModuleNotFoundError(name="pipecat.frames")) == "this needs pipecat: pip install 'emoscope[pipecat]'"
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(EXTRAS.values()) == extras.keys() - {"test"}
