"""Frameworks in environments of their own: `.ci/frameworks` makes them and runs their tests."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest
import soundfile

DEMO = Path(__file__).parents[1] / "demo"


def need(package: str) -> str:
    """The installed version of a framework. Without it a module of tests fails on CI and is skipped elsewhere.

    `.ci/run` says with EMOSCOPE_FRAMEWORKS=apart that a later step runs these tests, where a missing one is an error.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        message = f"needs {package}: `.ci/frameworks` runs these tests in environments that have it"
        if os.environ.get("CI") == "true" and os.environ.get("EMOSCOPE_FRAMEWORKS") != "apart":
            pytest.fail(message, pytrace=False)
        pytest.skip(message, allow_module_level=True)


def run_demo(name: str, recording: Path, folder: Path) -> list[str]:
    """What a demo of under forty lines says of the first 8 s of a recording: its lines that begin with a time."""
    assert len((DEMO / name).read_text(encoding="utf-8").splitlines()) < 40
    samples, rate = soundfile.read(recording, frames=8 * 16_000)
    soundfile.write(folder / "short.wav", samples, rate)
    command = [sys.executable, str(DEMO / name), "short.wav"]
    done = subprocess.run(command, capture_output=True, timeout=240, text=True, check=True, cwd=folder)
    return [line for line in done.stdout.splitlines() if line.startswith("  ") and " s  " in line]
