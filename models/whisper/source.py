"""Where the encoder's weights come from: the user's own copy of Whisper, checked tensor by tensor.

Looked for in this order: what `emoscope models pull whisper` kept, what faster-whisper has cached, what transformers
has cached. Nothing is fetched unless `pull` is asked to. Each tensor is compared with the digest in the model's card,
in half precision, in which the published files of both kinds are the same.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch

from ..cards import replace_file
from ..errors import HeadMismatch, ModelError, NotCached
from .ctranslate2 import read_tensors, whisper_encoder
from .encoder import EncoderShape, WhisperStates

KEPT_FILE = "encoder.safetensors"
FASTER_WHISPER = {"openai/whisper-base": "Systran/faster-whisper-base"}
PREFIXES = ("model.encoder.", "encoder.", "")

Arrays = dict[str, Any]


def cache_folder() -> Path:
    """Where `pull` keeps encoders: `EMOSCOPE_CACHE`, or the system's place for a user's caches."""
    chosen = os.environ.get("EMOSCOPE_CACHE")
    if chosen:
        return Path(chosen)
    base = os.environ.get("LOCALAPPDATA") or os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "emoscope"


def kept_path(shape: EncoderShape) -> Path:
    """Where `pull` keeps this encoder."""
    return cache_folder() / "encoders" / shape.name.replace("/", "--") / KEPT_FILE


def digest(array: Any) -> str:
    """SHA-256 of a tensor's numbers in half precision."""
    return hashlib.sha256(np.ascontiguousarray(array, np.float16).tobytes()).hexdigest()


def digests(encoder: WhisperStates) -> dict[str, str]:
    """Of every tensor that a copy must bring; for the card of a model that was trained on it."""
    return {name: digest(tensor.float().cpu().numpy()) for name, tensor in sorted(encoder.tensors().items())}


def load_encoder(encoder: WhisperStates) -> None:
    """Fill the encoder from the first copy on this machine; NotCached without one, HeadMismatch for another one."""
    shape = encoder.shape
    for path in copies(shape):
        fill(encoder, read_copy(path, shape), path)
        return
    raise NotCached(not_here(shape))


def not_here(shape: EncoderShape) -> str:
    """What to do without a copy, in one line."""
    return (
        f"the encoder {shape.name} is not on this machine; `emoscope models pull whisper` fetches it once, or takes a "
        "folder of yours with --from; `--model small` works without"
    )


def is_here(shape: EncoderShape) -> bool:
    """Whether there is a copy, without reading it."""
    return next(copies(shape), None) is not None


def copies(shape: EncoderShape) -> Iterator[Path]:
    """Files that may hold the encoder, in the order in which they are tried."""
    kept = kept_path(shape)
    if kept.is_file():
        yield kept
    for repository in (FASTER_WHISPER.get(shape.name), shape.name):
        folder = None if repository is None else _cached(repository)
        path = None if folder is None else find_file(folder)
        if path is not None:
            yield path


def _cached(repository: str) -> Path | None:
    """The newest snapshot of a repository in the hub's cache; None when there is none."""
    from huggingface_hub import constants

    snapshots = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}" / "snapshots"
    found = [path for path in snapshots.glob("*") if path.is_dir()] if snapshots.is_dir() else []
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def find_file(folder: Path) -> Path | None:
    """The weights in a folder of transformers' or CTranslate2's layout."""
    return next((folder / n for n in ("model.safetensors", "model.bin", KEPT_FILE) if (folder / n).is_file()), None)


def read_copy(path: Path, shape: EncoderShape) -> Arrays:
    """The tensors of a copy by transformers' names; ModelError or HeadMismatch when it cannot be read."""
    if path.suffix == ".bin":
        return whisper_encoder(read_tensors(path), shape.layers, path)
    try:
        with safetensors.safe_open(str(path), "np") as file:
            names = set(file.keys())
            prefix = next((p for p in PREFIXES if f"{p}conv1.weight" in names), "")
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names if name.startswith(prefix)}
    except (safetensors.SafetensorError, OSError) as error:
        raise HeadMismatch(f"{path}: not a whole safetensors file: {error}") from None


def fill(encoder: WhisperStates, arrays: Mapping[str, Any], path: Path) -> None:
    """Put a copy's tensors into the encoder; HeadMismatch names the first that is missing, reshaped or altered."""
    shape = encoder.shape
    state = {}
    for name, tensor in encoder.tensors().items():
        array = arrays.get(name)
        if array is None:
            raise HeadMismatch(f"{path}: no tensor {name}; this is no copy of {shape.name}")
        if tuple(array.shape) != tuple(tensor.shape):
            raise HeadMismatch(
                f"{path}: {name} has shape {tuple(array.shape)} instead of {tuple(tensor.shape)}; this is a Whisper of "
                f"another size than {shape.name}"
            )
        expected = shape.digests.get(name)
        if expected is not None and digest(array) != expected:
            raise HeadMismatch(f"{path}: {name} is not that of {shape.name}; the file is damaged, or was altered")
        state[name] = torch.from_numpy(np.array(array, np.float16).astype(np.float32))
    encoder.model.load_state_dict(state)


def pull(shape: EncoderShape, source: Path | None = None) -> Path:
    """Keep a checked copy of the encoder: from `source`, from what is cached, or fetched from the hub.

    Returns where it lies. NotCached when it cannot be fetched; HeadMismatch when a copy is not the right one.
    """
    if source is not None:
        path = find_file(source) if source.is_dir() else source if source.is_file() else None
        if path is None:
            raise ModelError(f"{source}: neither model.safetensors nor model.bin is in this folder")
    else:
        path = next(copies(shape), None) or _fetched(shape)
    encoder = WhisperStates(shape)
    fill(encoder, read_copy(path, shape), path)
    kept = kept_path(shape)
    kept.parent.mkdir(parents=True, exist_ok=True)
    arrays = {name: tensor.numpy().astype(np.float16) for name, tensor in encoder.tensors().items()}
    replace_file(kept, safetensors.numpy.save(arrays, metadata={"encoder": shape.name}))
    return kept


def _fetched(shape: EncoderShape) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(huggingface_hub.hf_hub_download(shape.name, "model.safetensors"))
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise NotCached(
            f"the encoder {shape.name} could not be fetched ({type(error).__name__}); on a machine with a network "
            f"`hf download {shape.name} model.safetensors` gets it, then `emoscope models pull whisper --from FOLDER`"
        ) from None
