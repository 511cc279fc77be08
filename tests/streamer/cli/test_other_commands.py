"""Commands that other packages offer to the command line."""

from dataclasses import dataclass, field
from importlib import metadata
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated

import pytest
from cyclopts import Parameter

from emoscope.streamer.cli.command import Command
from emoscope.streamer.cli.main import main
from emoscope.streamer.protocol.errors import UsageError


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
