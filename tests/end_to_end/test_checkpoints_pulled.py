"""`emoscope models pull` from a hub: a real server on this machine, the real client, and its real cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hub_server import hub_of

from models import checkpoint_files as files

NAME = "someone/tiny-speech-emotion"


@pytest.fixture
def run(tmp_path):
    """Run a command of emoscope with a hub's address and an empty cache."""

    def go(endpoint: str, *arguments: str) -> tuple[int, str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        environment = {
            **clean, "HF_ENDPOINT": endpoint, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_DISABLE_XET": "1",
            "EMOSCOPE_CACHE": str(tmp_path / "own"), "HF_HUB_DISABLE_PROGRESS_BARS": "1", "OMP_NUM_THREADS": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }  # fmt: skip
        environment.pop("HF_HUB_OFFLINE", None)
        command = [sys.executable, "-m", "emoscope.streamer.cli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    return go


def test_a_checkpoint_is_fetched_once_checked_and_found_again_without_the_hub(tmp_path, run):
    """Pickles beside safetensors, and what is no part of the model, stay on the hub."""
    files.superb(tmp_path / "there")
    (tmp_path / "there" / "pytorch_model.bin").write_bytes(b"the same weights again")
    (tmp_path / "there" / "training_args.bin").write_bytes(b"a pickle of anything")
    with hub_of(NAME, tmp_path / "there") as endpoint:
        code, said, errors = run(endpoint, "models", "pull", NAME)
        assert (code, errors) == (0, ""), errors
        assert f"fetching {NAME}" in said and "1 hap -> happy" in said and "none is missing" in said
    fetched = {path.name for path in (tmp_path / "hub").rglob("snapshots/*/*")}
    assert fetched == {"config.json", "preprocessor_config.json", "model.safetensors"}
    code, said, _ = run("http://127.0.0.1:9", "models", "check", NAME)
    assert code == 0 and str(tmp_path / "hub") in said


def test_a_repository_with_pickles_alone_is_fetched_too(tmp_path, run):
    """Read with `weights_only`; a download that was cut off before is completed."""
    import safetensors.torch
    import torch

    folder = tmp_path / "there"
    files.dense(folder, files.RAVDESS, "output")
    torch.save(safetensors.torch.load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    half = files.in_hub_cache(tmp_path / "hub", NAME)
    (half / "config.json").write_bytes((folder / "config.json").read_bytes())
    with hub_of(NAME, folder) as endpoint:
        code, said, errors = run(endpoint, "models", "pull", NAME)
    assert (code, errors) == (0, "") and "1 calm -> calm" in said


def test_a_name_that_the_hub_does_not_have_is_one_line(tmp_path, run):
    """Misspelt, or private."""
    Path(tmp_path / "there").mkdir()
    with hub_of(NAME, tmp_path / "there") as endpoint:
        code, said, errors = run(endpoint, "models", "pull", "someone/nothing")
    assert code == 1 and said == "fetching someone/nothing ...\n"
    assert errors.count("\n") == 1 and "the hub has no repository 'someone/nothing'" in errors


def test_without_a_network_a_pull_is_one_line(run):
    """Nothing listens there."""
    code, _, errors = run("http://127.0.0.1:9", "models", "pull", NAME)
    assert code == 1 and errors.count("\n") == 1 and "could not be fetched" in errors
