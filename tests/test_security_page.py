"""The threat model and the locks of versions agree with the tests and with what pyproject.toml claims."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "streamer" / "SECURITY.md").read_text(encoding="utf-8")
THREATS = [line for line in PAGE.split("## Access", 1)[1].splitlines() if line.startswith("| ") and " | " in line]
ROWS = [line for line in THREATS if not line.startswith("| threat |")]


def tests() -> set[str]:
    """The names of all tests."""
    found = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {name for text in found for name in re.findall(r"^(?:async )?def (test_\w+)\(", text, re.MULTILINE)}


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 80
    assert sorted(named - tests()) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_threat_has_a_test_or_somebody_to_whom_it_is_left(row: str) -> None:
    _, threat, answer, shown, _ = row.split("|")
    assert threat.strip() and answer.strip()
    assert "`test_" in shown or shown.strip().startswith("left to the ")


def claimed() -> list[Requirement]:
    """The dependencies of the package, those of its tests included; those of other environments have no lock."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = project["optional-dependencies"]
    extras = Requirement(next(line for line in groups["test"] if line.startswith("emoscope["))).extras
    lines = [*project["dependencies"], *groups["test"], *(line for name in extras for line in groups[name])]
    return [one for one in map(Requirement, lines) if one.name not in ("emoscope", "torch")]


@pytest.mark.parametrize("end", ["oldest", "newest"])
def test_a_lock_names_each_dependency_at_an_end_of_what_is_claimed(end: str) -> None:
    """`.ci/versions lock` writes them anew. The oldest are the claimed lower bounds themselves."""
    lines = (ROOT / ".ci" / f"{end}.txt").read_text(encoding="utf-8").splitlines()
    locked = {one.name: one for one in (Requirement(line) for line in lines if not line.startswith("#"))}
    for wanted in claimed():
        version = next(iter(locked[wanted.name].specifier)).version
        assert wanted.specifier.contains(version, prereleases=True), wanted
        if end == "oldest":
            bound = next(each.version for each in wanted.specifier if each.operator == ">=")
            assert Version(version).release[:2] == Version(bound).release[:2], f"{wanted}: {version}"


def test_the_audit_says_so_where_the_database_cannot_be_reached(tmp_path: Path) -> None:
    """No network is no hole, and no proof that there is none. A pip-audit that fails so stands for it."""
    program = tmp_path / "pip-audit"
    program.write_text("#!/bin/sh\necho 'ConnectionError: pypi.org: Name or service not known' >&2\nexit 1\n")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / ".ci" / "audit"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "NOT CHECKED" in done.stdout and "Name or service not known" in done.stdout


def test_the_audit_fails_where_a_hole_is_known(tmp_path: Path) -> None:
    answer = '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X-1", "fix_versions": ["2"]}]}]}'
    program = tmp_path / "pip-audit"
    program.write_text(f"#!/bin/sh\necho '{answer}'\nexit 1\n")
    program.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / ".ci" / "audit"], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "a 1: X-1, mended in 2" in done.stdout
