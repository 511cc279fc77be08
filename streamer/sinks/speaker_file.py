"""A speaker's baseline in a safetensors file: numbers that one model computed from one voice, without audio."""

import json
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy

from emoscope.models.cards import replace_file
from emoscope.models.contract import ModelContract
from emoscope.models.speaker import MOST_WEIGHT, SpeakerProfile

from ..protocol.errors import EmoscopeError, RecordInvalid

FORMAT = "emoscope.voice.1"


def save_voice(path: Path, voice: SpeakerProfile, contract: ModelContract) -> None:
    """Write a speaker profile of `contract`'s model, atomically. EmoscopeError when the file cannot be written."""
    about = {"format": FORMAT, "model": contract.id, "weights": contract.weights}
    tensors = {"mean": voice.mean.astype(np.float32), "weight": np.array([voice.weight], np.float32)}
    try:
        replace_file(path, safetensors.numpy.save(tensors, {"about": json.dumps(about)}))
    except OSError as error:
        raise EmoscopeError(f"cannot write {path}: {error.strerror}; choose another path with --voice FILE") from None


def load_voice(path: Path, contract: ModelContract) -> SpeakerProfile:
    """Read a speaker profile. RecordInvalid for another kind of file, and for a profile of another model or weights."""
    try:
        with safetensors.safe_open(path, framework="np") as file:
            about = json.loads((file.metadata() or {}).get("about", "{}"))
            if about.get("format") != FORMAT:
                raise RecordInvalid(f"{path}: not a voice file of Emoscope; give another path, or remove the file")
            mean, weight = file.get_tensor("mean"), float(file.get_tensor("weight")[0])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, safetensors.SafetensorError) as error:
        raise RecordInvalid(f"{path}: not a readable voice file: {error}") from None
    if (about.get("model"), about.get("weights")) != (contract.id, contract.weights):
        raise RecordInvalid(
            f"{path}: this voice was learnt by model {about.get('model')!r} with other weights, and cannot be used "
            f"by {contract.id!r}; learn it again into another file"
        )
    if mean.ndim != 1 or mean.dtype != np.float32 or not np.isfinite(mean).all() or not 0 < weight <= MOST_WEIGHT:
        raise RecordInvalid(f"{path}: its values are not a speaker profile; learn the voice again into another file")
    return SpeakerProfile(mean, weight)
