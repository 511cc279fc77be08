"""A voice's baseline in a file: numbers of one model about one voice, no audio. Safetensors, written whole or not."""

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
    """Write what `contract`'s model knows of a voice; EmoscopeError when the file cannot be written."""
    told = {"format": FORMAT, "model": contract.id, "weights": contract.weights}
    tensors = {"mean": voice.mean.astype(np.float32), "weight": np.array([voice.weight], np.float32)}
    try:
        replace_file(path, safetensors.numpy.save(tensors, {"about": json.dumps(told)}))
    except OSError as error:
        raise EmoscopeError(f"cannot write {path}: {error.strerror}; --voice FILE names another place") from None


def load_voice(path: Path, contract: ModelContract) -> SpeakerProfile:
    """What `save_voice` wrote; RecordInvalid when it is none, or was learnt by other weights."""
    try:
        with safetensors.safe_open(path, framework="np") as file:
            told = json.loads((file.metadata() or {}).get("about", "{}"))
            if told.get("format") != FORMAT:
                raise RecordInvalid(f"{path}: not a voice that Emoscope wrote; name another file, or take it away")
            mean, weight = file.get_tensor("mean"), float(file.get_tensor("weight")[0])
    except (OSError, ValueError, TypeError, LookupError, AttributeError, safetensors.SafetensorError) as error:
        raise RecordInvalid(f"{path}: cannot be read as a voice: {error}") from None
    if (told.get("model"), told.get("weights")) != (contract.id, contract.weights):
        raise RecordInvalid(
            f"{path}: this voice was learnt by model {told.get('model')!r} with other weights, and means nothing to "
            f"{contract.id!r}; learn it again into another file"
        )
    if mean.ndim != 1 or mean.dtype != np.float32 or not np.isfinite(mean).all() or not 0 < weight <= MOST_WEIGHT:
        raise RecordInvalid(f"{path}: numbers that are no voice; learn it again into another file")
    return SpeakerProfile(mean, weight)
