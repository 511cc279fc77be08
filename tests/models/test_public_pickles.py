"""Checkpoints in torch's own format, and repositories with code: tensors are read, and nothing is run."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from emoscope.models import load_model as load_typed
from emoscope.models.errors import HeadMismatch

from .checkpoint_files import odyssey, vox_profile

torch.set_num_threads(1)

load_model: Any = load_typed  # tests look into what a family alone has


class Payload:
    """A pickle that would write a file where it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_with_code_in_it_is_refused_and_runs_nothing(tmp_path, monkeypatch):
    """Loading it would have made a file."""
    odyssey(tmp_path / "o", monkeypatch)
    torch.save({"weight": Payload(tmp_path / "ran")}, tmp_path / "o" / "pytorch_model.bin")
    with pytest.raises(HeadMismatch, match="could run code; it was refused"):
        load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()
    (tmp_path / "o" / "pytorch_model.bin").write_bytes(pickle.dumps(Payload(tmp_path / "ran")))
    with pytest.raises(HeadMismatch, match=r"could run code; it was refused|not a whole file"):
        load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()


def test_a_file_of_weights_that_is_cut_or_holds_something_else_is_refused(tmp_path, monkeypatch):
    """In torch's format as in safetensors."""
    odyssey(tmp_path / "o", monkeypatch)
    path = tmp_path / "o" / "pytorch_model.bin"
    whole = path.read_bytes()
    path.write_bytes(whole[:-200])
    with pytest.raises(HeadMismatch, match="not a whole file of weights"):
        load_model(tmp_path / "o")
    torch.save([torch.ones(2)], path)
    with pytest.raises(HeadMismatch, match="not tensors by name, but list"):
        load_model(tmp_path / "o")


def test_weights_whose_names_decide_what_the_outputs_are_are_read_once(tmp_path, monkeypatch):
    """A pickle gives its names only with its tensors, and it may be gigabytes."""
    folder = tmp_path / "v"
    vox_profile(folder, monkeypatch, attributes=True)
    torch.save(safetensors.torch.load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    read: list[Path] = []
    load = torch.load

    def counted(path, **options):
        read.append(path)
        return load(path, **options)

    monkeypatch.setattr(torch, "load", counted)
    assert load_model(folder).contract.dimensions == ("arousal", "valence", "dominance")
    assert read == [folder / "pytorch_model.bin"]


def test_code_in_a_repository_is_never_imported(tmp_path, monkeypatch):
    """The baseline's config names a module of its own, and here one lies beside it."""
    odyssey(tmp_path / "o", monkeypatch)
    (tmp_path / "o" / "pipeline_utils.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    load_model(tmp_path / "o")
    assert not (tmp_path / "ran").exists()
