"""`whisper` with the real encoder: pulled from a folder, taken by `auto`, and read through the live path."""

import json
import shutil
from pathlib import Path

import pytest
import safetensors.torch

from emoscope.models.external import kept_file
from emoscope.streamer.cli.main import main


@pytest.fixture
def pulled(tmp_path: Path, whisper_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Path:
    """The encoder where a pull leaves it."""
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "cache"))
    assert main(["models", "pull", "whisper", "--from", str(whisper_base)]) == 0
    assert "all 50 tensors checked" in capsys.readouterr().out
    return kept_file()


def test_auto_takes_whisper_where_its_encoder_is_and_small_elsewhere(
    pulled: Path, conversation: Path, capsys: pytest.CaptureFixture
) -> None:
    """The last line names the model; without the encoder nothing fails, and nothing is fetched."""
    assert main(["replay", str(conversation), "--plain", "--no-interim", "--asr", "none"]) == 0
    assert "(model whisper, " in capsys.readouterr().out.splitlines()[-1]
    pulled.unlink()
    assert main(["replay", str(conversation), "--plain", "--no-interim", "--asr", "none"]) == 0
    assert "(model small, " in capsys.readouterr().out.splitlines()[-1]
    assert main(["replay", str(conversation), "--model", "whisper"]) == 1
    assert "`emoscope models pull whisper` fetches it once" in capsys.readouterr().err


def test_the_readings_refine_and_the_last_one_is_the_offline_answer(
    pulled: Path, conversation: Path, capsys: pytest.CaptureFixture
) -> None:
    """Interims come while the person speaks; finals without interims are the same finals."""

    def events(*options: str) -> list[dict]:
        assert main(["replay", str(conversation), "--model", "whisper", "--json", "--asr", "none", *options]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    live = events()
    finals = [event for event in live if event["type"] == "emotion.final"]
    interims = [event for event in live if event["type"] == "emotion.interim"]
    alone = [event for event in events("--no-interim") if event["type"] == "emotion.final"]
    assert len(finals) == len(alone) >= 10 and len(interims) > len(finals)
    for one, other in zip(finals, alone, strict=True):
        assert (one["start"], one["end"]) == (other["start"], other["end"])
        assert one["scores"] == pytest.approx(other["scores"], abs=1e-4)


def test_it_reads_acted_speech_of_speakers_whom_it_was_not_trained_on(
    pulled: Path, shared: Path, capsys: pytest.CaptureFixture
) -> None:
    """RAVDESS's actors 21 and 22, eight classes: far above the .125 of chance."""
    arguments = ["--corpus", "ravdess", "--speakers", "21,22", "--data", str(shared / "corpora"), "--json"]
    assert main(["evaluate", "--model", "whisper", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["uar"] > 0.65


def test_an_altered_encoder_is_never_used(pulled: Path, conversation: Path, capsys: pytest.CaptureFixture) -> None:
    """One value of one tensor differs: one line that says so, exit code 1."""
    weights = safetensors.torch.load_file(pulled)
    weights["layers.0.fc1.bias"][0] += 1
    safetensors.torch.save_file(weights, pulled)
    assert main(["replay", str(conversation), "--model", "whisper"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "1 of 50 tensors differ (layers.0.fc1.bias is the first)" in error


def test_a_pull_from_a_folder_with_half_a_file_keeps_nothing(
    tmp_path: Path, whisper_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """A download that was broken off."""
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "half"
    folder.mkdir()
    shutil.copy(whisper_base / "config.json", folder)
    (folder / "model.bin").write_bytes((whisper_base / "model.bin").read_bytes()[:10_000_000])
    assert main(["models", "pull", "whisper", "--from", str(folder)]) == 1
    assert "not a whole model.bin" in capsys.readouterr().err
    assert not kept_file().exists()


def test_a_pull_mends_a_broken_copy_from_another_one(
    pulled: Path, tmp_path: Path, whisper_base: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """What the message advises works: the kept file is written anew from what faster-whisper has cached."""
    pulled.write_bytes(pulled.read_bytes()[:1_000_000])
    snapshot = tmp_path / "hub" / "models--Systran--faster-whisper-base" / "snapshots" / "0"
    snapshot.mkdir(parents=True)
    (snapshot / "model.bin").symlink_to(whisper_base / "model.bin")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    assert main(["models", "pull", "whisper"]) == 0
    assert "all 50 tensors checked" in capsys.readouterr().out
    assert len(safetensors.torch.load_file(pulled)) == 50
