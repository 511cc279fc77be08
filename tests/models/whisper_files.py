"""Made-up encoders in the shape of Whisper-base's lower layers, and their files in both layouts."""

import struct
from pathlib import Path

import numpy as np
import safetensors.torch
import torch

from emoscope.models.whisper.checkpoint import Weights
from emoscope.models.whisper.encoder import DIM, LAYERS, LowerWhisper

CODES = {np.dtype(np.float32): 0, np.dtype(np.int8): 1, np.dtype(np.float16): 4}


def random_encoder(seed: int = 0) -> Weights:
    """Random weights of the lower encoder, float16."""
    torch.manual_seed(seed)
    return {name: tensor.half() for name, tensor in LowerWhisper().model.state_dict().items()}


def write_transformers(folder: Path, weights: Weights) -> Path:
    """model.safetensors as transformers writes it: float32, below `model.encoder.`, with a decoder beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.encoder.{name}": tensor.float() for name, tensor in weights.items()}
    tensors["model.decoder.layer_norm.weight"] = torch.ones(4)
    safetensors.torch.save_file(tensors, folder / "model.safetensors")
    return folder


def write_ctranslate2(folder: Path, weights: Weights, kind: type = np.float16) -> Path:
    """model.bin as CTranslate2 writes it: q, k and v fused, float16."""
    w: dict[str, np.ndarray] = {name: tensor.numpy().astype(kind) for name, tensor in weights.items()}
    variables = {"decoder/layer_norm/gamma": np.ones(4, np.float32)}
    for conv in ("conv1", "conv2"):
        for part in ("weight", "bias"):
            variables[f"encoder/{conv}/{part}"] = w[f"{conv}.{part}"]
    variables["encoder/position_encodings/encodings"] = w["embed_positions.weight"]
    norms = {"weight": "gamma", "bias": "beta"}
    for i in range(LAYERS):
        ours, theirs = f"layers.{i}.", f"encoder/layer_{i}/"
        attention = f"{ours}self_attn."
        variables[f"{theirs}self_attention/linear_0/weight"] = np.concatenate(
            [w[f"{attention}{part}_proj.weight"] for part in "qkv"]
        )
        variables[f"{theirs}self_attention/linear_0/bias"] = np.concatenate(
            [w[f"{attention}q_proj.bias"], np.zeros(DIM, kind), w[f"{attention}v_proj.bias"]]
        )
        for part, norm in norms.items():
            variables[f"{theirs}self_attention/linear_1/{part}"] = w[f"{attention}out_proj.{part}"]
            variables[f"{theirs}self_attention/layer_norm/{norm}"] = w[f"{ours}self_attn_layer_norm.{part}"]
            variables[f"{theirs}ffn/layer_norm/{norm}"] = w[f"{ours}final_layer_norm.{part}"]
            for n in (0, 1):
                variables[f"{theirs}ffn/linear_{n}/{part}"] = w[f"{ours}fc{n + 1}.{part}"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.bin").write_bytes(ctranslate2_file(variables))
    return folder


def ctranslate2_file(variables: dict[str, np.ndarray]) -> bytes:
    """The content of a model.bin with these variables."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    parts = [struct.pack("<I", 6), text("WhisperSpec"), struct.pack("<II", 3, len(variables))]
    for name, value in variables.items():
        content = np.ascontiguousarray(value).tobytes()
        parts += [text(name), struct.pack("<B", value.ndim), struct.pack(f"<{value.ndim}I", *value.shape)]
        parts += [struct.pack("<BI", CODES[value.dtype], len(content)), content]
    return b"".join([*parts, struct.pack("<I", 0)])
