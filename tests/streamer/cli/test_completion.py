"""`emoscope completion`: the scripts in real shells."""

import subprocess
from pathlib import Path

import pytest
from needed import program

from emoscope.streamer.cli.main import main

# What bash does at TAB: it sets these variables, calls the function, and offers COMPREPLY.
AT_TAB = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
_emoscope
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(params=["bash", "zsh", "fish"])
def script(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[str, Path]:
    assert main(["completion", request.param]) == 0
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out)
    return request.param, path


def offered(script: Path, *words: str) -> set[str]:
    """What bash offers for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", AT_TAB, "bash", str(script), *words], capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return {line.strip() for line in done.stdout.splitlines() if line.strip()}


@pytest.fixture
def bash_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    program("bash")
    assert main(["completion", "bash"]) == 0
    path = tmp_path / "script"
    path.write_text(capsys.readouterr().out)
    return path


def test_bash_completes_commands_options_and_choices(bash_script: Path) -> None:
    assert {"listen", "replay", "doctor", "config", "train"} <= offered(bash_script, "emoscope", "")
    assert offered(bash_script, "emoscope", "li") == {"listen"}
    assert {"list", "show", "pull"} <= offered(bash_script, "emoscope", "models", "")
    assert offered(bash_script, "emoscope", "listen", "--min-s") == {"--min-speech-s", "--min-silence-s"}
    assert offered(bash_script, "emoscope", "listen", "--vad", "") == {"both", "webrtc", "silero"}
    assert offered(bash_script, "emoscope", "listen", "--vad", "we") == {"webrtc"}
    assert offered(bash_script, "emoscope", "completion", "") >= {"bash", "zsh", "fish"}


def test_bash_completes_files(bash_script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.wav").touch()
    assert "talk.wav" in offered(bash_script, "emoscope", "replay", "ta")
    assert "talk.wav" in offered(bash_script, "emoscope", "listen", "--record", "ta")


def test_each_shell_accepts_its_script(script: tuple[str, Path]) -> None:
    shell, path = script
    assert "min-silence-s" in path.read_text()
    program(shell)
    check = ["-n", str(path)] if shell != "fish" else ["--no-execute", str(path)]
    done = subprocess.run([shell, *check], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
