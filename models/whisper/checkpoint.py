"""The user's own copy of Whisper-base: found on this machine, read from either layout, checked tensor by tensor.

The project ships a head alone. The encoder is openai/whisper-base (MIT), as transformers or as faster-whisper keep it.
Every tensor is compared with the digest in the card, as float16, so that both layouts give the same encoder.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from torch import Tensor

from ..cards import digest, replace_file
from ..cards.arrays import whole_file
from ..errors import HeadMismatch, ModelError, NotCached
from ..external import BEST, EMBEDDED, PULL, REPOSITORY, encoders, kept_file
from .ctranslate2 import read_variables
from .encoder import DIM, LAYERS, LowerWhisper

Weights = dict[str, Tensor]
HELP = f"{PULL}; `--model {EMBEDDED}` works without"


def read_encoder(place: Path) -> Weights:
    """The lower encoder's tensors, float16, from the kept file, or from a folder of transformers or of CTranslate2.

    HeadMismatch where the files are not whole or hold another encoder; NotCached for a folder with neither.
    """
    if place.is_file():
        weights = _from_kept(place)
    elif (place / "model.safetensors").is_file():
        weights = _from_transformers(place / "model.safetensors")
    elif (place / "model.bin").is_file():
        weights = _from_ctranslate2(place / "model.bin")
    else:
        raise NotCached(
            f"{place}: neither model.safetensors (transformers) nor model.bin (CTranslate2) of Whisper-base"
        )
    with torch.device("meta"):
        expected = LowerWhisper().model.state_dict()
    wrong = [name for name, tensor in expected.items() if name not in weights or weights[name].shape != tensor.shape]
    if wrong or len(weights) != len(expected):
        raise HeadMismatch(f"{place}: an encoder of another size, or none: {wrong[:1] or ['a tensor']} does not fit")
    return weights


def digests_of(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """SHA-256 of each tensor's float16 values, by name."""
    return {name: digest(tensor.half().contiguous().numpy().tobytes()) for name, tensor in sorted(weights.items())}


def check(weights: Mapping[str, Tensor], expected: Mapping[str, str], where: str | Path) -> None:
    """HeadMismatch names the tensors that are not those of the encoder that the head was trained on."""
    found = digests_of(weights)
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        raise HeadMismatch(
            f"{where}: not the encoder of {REPOSITORY} that this head was trained on: {len(wrong)} of {len(expected)} "
            f"tensors differ ({wrong[0]} is the first); the copy is altered or quantised; {HELP}"
        )


def load_encoder(expected: Mapping[str, str] | None = None) -> Weights:
    """The tensors of the first encoder on this machine that is whole and, if digests are `expected`, has them.

    NotCached says how to get one where there is none; HeadMismatch what is wrong with the first where none is right.
    """
    failure: ModelError | None = None
    for place in encoders():
        try:
            weights = read_encoder(place)
            if expected is not None:
                check(weights, expected, place)
        except (HeadMismatch, NotCached) as error:
            failure = failure or error
        else:
            return weights
    if failure is None:
        raise NotCached(f"the model '{BEST}' needs the encoder of {REPOSITORY}, which is not on this machine; {HELP}")
    raise failure if HELP in str(failure) else type(failure)(f"{failure}; {HELP}")


def keep(weights: Weights) -> Path:
    """Write the encoder where `find_encoder` looks first; NotCached where that cannot be written."""
    path = kept_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, safetensors.torch.save(weights))
    except OSError as error:
        raise NotCached(f"{path}: {error.strerror}; EMOSCOPE_CACHE names another folder") from None
    return path


def fetch() -> Path:
    """The folder of the encoder's repository, fetched from the hub; NotCached where that fails."""
    import huggingface_hub

    try:
        return Path(huggingface_hub.snapshot_download(REPOSITORY, allow_patterns=["config.json", "model.safetensors"]))
    except Exception as error:  # the hub's client raises many kinds: no network, no such file, a refused login
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise NotCached(f"{REPOSITORY} could not be fetched: {reason}; --from FOLDER takes a copy of it") from None


def _from_kept(path: Path) -> Weights:
    with whole_file(path):
        return safetensors.torch.load_file(path)


def _names() -> list[str]:
    """Every tensor of the lower encoder, by transformers' name."""
    layer = [
        f"{part}.{kind}"
        for part in ("self_attn.q_proj", "self_attn.v_proj", "self_attn.out_proj", "self_attn_layer_norm",
                     "fc1", "fc2", "final_layer_norm")
        for kind in ("weight", "bias")
    ] + ["self_attn.k_proj.weight"]  # fmt: skip
    front = ["conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "embed_positions.weight"]
    return front + [f"layers.{i}.{name}" for i in range(LAYERS) for name in layer]


def _from_transformers(path: Path) -> Weights:
    weights: Weights = {}
    with whole_file(path), safetensors.safe_open(path, "pt") as file:
        there = set(file.keys())
        for name in _names():
            full = next((p + name for p in ("model.encoder.", "encoder.", "") if p + name in there), None)
            if full is None:
                raise HeadMismatch(f"{path}: no {name}; not an encoder of {REPOSITORY}")
            weights[name] = file.get_tensor(full).half()
    return weights


def _from_ctranslate2(path: Path) -> Weights:
    found = read_variables(path, "encoder/")

    def tensor(name: str) -> Tensor:
        value = found.get(f"encoder/{name}")
        if value is None or value.dtype not in (np.float16, np.float32):
            raise HeadMismatch(f"{path}: no {name} in float16 or float32; not {REPOSITORY}, or a quantised copy of it")
        return torch.from_numpy(value.copy()).half()

    weights = {f"{conv}.{kind}": tensor(f"{conv}/{kind}") for conv in ("conv1", "conv2") for kind in ("weight", "bias")}
    weights["embed_positions.weight"] = tensor("position_encodings/encodings")
    for i in range(LAYERS):
        theirs, ours = f"layer_{i}/", f"layers.{i}."
        fused, bias = (tensor(f"{theirs}self_attention/linear_0/{kind}") for kind in ("weight", "bias"))
        if fused.shape != (3 * DIM, DIM) or bias.shape != (3 * DIM,):
            raise HeadMismatch(f"{path}: attention of shape {tuple(fused.shape)}; not {REPOSITORY}")
        for n, part in enumerate(("q", "k", "v")):
            weights[f"{ours}self_attn.{part}_proj.weight"] = fused[n * DIM : (n + 1) * DIM].clone()
            if part != "k":
                weights[f"{ours}self_attn.{part}_proj.bias"] = bias[n * DIM : (n + 1) * DIM].clone()
        for kind in ("weight", "bias"):
            norm = {"weight": "gamma", "bias": "beta"}[kind]
            weights[f"{ours}self_attn.out_proj.{kind}"] = tensor(f"{theirs}self_attention/linear_1/{kind}")
            weights[f"{ours}self_attn_layer_norm.{kind}"] = tensor(f"{theirs}self_attention/layer_norm/{norm}")
            weights[f"{ours}final_layer_norm.{kind}"] = tensor(f"{theirs}ffn/layer_norm/{norm}")
            for n, part in enumerate(("fc1", "fc2")):
                weights[f"{ours}{part}.{kind}"] = tensor(f"{theirs}ffn/linear_{n}/{kind}")
    return weights
