"""The tiny Whisper's network: the parameters are transformers' own, the forward passes are written here.

faster-whisper pads every window to 30 s, most of which is silence here. Training on all of it would cost ten times as
much, so the encoder sees the sound and a few random positions of the padding behind it. A bias on the attention score
of each lets it stand for many, so that the expected softmax is that over 30 s. The decoder returns the attention of the
heads that word times are computed from.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import GenerationConfig, WhisperConfig, WhisperForConditionalGeneration

from .samples import IGNORED, Sample
from .tokens import LANGUAGES, blocked, control, vocabulary_size

WIDTH, LAYERS, HEADS = 64, 2, 4
POSITIONS = 1500  # faster-whisper pads to 30 s whatever a configuration says
ALIGNMENT_HEADS = ((1, 0), (1, 1))
SAMPLED = 16  # positions of the padding that the encoder sees
TINY = 1e-6


def make_model(tokenizer: Tokenizer) -> Any:
    """Fresh weights in Whisper's architecture, with the generation settings that decoders read."""
    start, end = control(tokenizer, "startoftranscript"), control(tokenizer, "endoftext")
    blank = tokenizer.encode(" ").ids[0]
    config = WhisperConfig(
        vocab_size=vocabulary_size(tokenizer), d_model=WIDTH, encoder_layers=LAYERS, decoder_layers=LAYERS,
        encoder_attention_heads=HEADS, decoder_attention_heads=HEADS, encoder_ffn_dim=4 * WIDTH,
        decoder_ffn_dim=4 * WIDTH, num_mel_bins=80, max_source_positions=POSITIONS, max_target_positions=448,
        dropout=0.0, decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end,
        begin_suppress_tokens=[blank, end],
    )  # fmt: skip
    model: Any = WhisperForConditionalGeneration(config)
    settings: Any = GenerationConfig
    model.generation_config = settings(
        decoder_start_token_id=start, bos_token_id=end, eos_token_id=end, pad_token_id=end, max_length=448,
        begin_suppress_tokens=[blank, end], suppress_tokens=blocked(tokenizer),
        no_timestamps_token_id=control(tokenizer, "notimestamps"), is_multilingual=True,
        lang_to_id={f"<|{name}|>": control(tokenizer, name) for name in LANGUAGES},
        task_to_id={name: control(tokenizer, name) for name in ("translate", "transcribe")},
        alignment_heads=[list(head) for head in ALIGNMENT_HEADS],
    )  # fmt: skip
    return model


@dataclass(frozen=True)
class Encoded:
    """hidden (B, T + S, width): T positions of the window, S of the padding behind it; bias (T + S,) of scores."""

    hidden: Tensor
    bias: Tensor
    window: int


def encode(model: Any, mel: Tensor, tail: Tensor) -> Encoded:
    """Encode features (B, 80, 2T), and positions `tail` (S,) of the padding that follows them."""
    encoder = model.model.encoder

    def stem(features: Tensor) -> Tensor:
        halved: Tensor = functional.gelu(encoder.conv2(functional.gelu(encoder.conv1(features))))
        return halved.transpose(1, 2)

    positions = encoder.embed_positions.weight
    x = stem(mel)
    window = x.shape[1]
    # Padding is zeros in the features: away from its edges, the convolutions give the same output for all of it.
    padding = stem(mel.new_zeros(1, 80, 12))[:, 3] + positions[tail]
    x = torch.cat([x + positions[:window], padding.expand(len(x), -1, -1)], 1)
    each = math.log((POSITIONS - window) / len(tail)) if len(tail) else 0.0
    bias = torch.cat([torch.zeros(window), torch.full((len(tail),), each)])
    for layer in encoder.layers:
        x = layer(x, bias.expand(len(x), 1, x.shape[1], -1))
    return Encoded(encoder.layer_norm(x), bias, window)


def decode(model: Any, inputs: Tensor, encoded: Encoded) -> tuple[Tensor, Tensor]:
    """Logits (B, N, V) after each of inputs (B, N), and the alignment heads' attention (B, A, N, T)."""
    decoder = model.model.decoder
    count = inputs.shape[1]
    x = decoder.embed_tokens(inputs) + decoder.embed_positions.weight[:count]
    causal = torch.full((count, count), -torch.inf).triu(1).expand(len(x), 1, -1, -1)
    shown = []
    for number, layer in enumerate(decoder.layers):
        x = x + layer.self_attn(layer.self_attn_layer_norm(x), attention_mask=causal)[0]
        seen, attention = _cross(layer.encoder_attn, layer.encoder_attn_layer_norm(x), encoded)
        shown += [attention[:, head] for depth, head in ALIGNMENT_HEADS if depth == number]
        x = x + seen
        x = x + layer.fc2(functional.gelu(layer.fc1(layer.final_layer_norm(x))))
    logits: Tensor = model.proj_out(decoder.layer_norm(x))
    return logits, torch.stack(shown, 1)


def _cross(attention: Any, x: Tensor, encoded: Encoded) -> tuple[Tensor, Tensor]:
    def heads(projected: Tensor) -> Tensor:
        return projected.reshape(*projected.shape[:2], HEADS, -1).transpose(1, 2)

    query, key = heads(attention.q_proj(x)), heads(attention.k_proj(encoded.hidden))
    scores = query @ key.transpose(2, 3) / math.sqrt(query.shape[-1]) + encoded.bias
    weights = torch.softmax(scores, -1)
    mixed = weights @ heads(attention.v_proj(encoded.hidden))
    out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return out, weights[..., : encoded.window]


@dataclass(frozen=True)
class Batch:
    """B samples: features, tokens, and the alignment heads' target attention (B, N, T), rows of 0 without a target."""

    mel: Tensor
    inputs: Tensor
    labels: Tensor
    looks: Tensor


def gather(samples: Sequence[Sample], end: int) -> Batch:
    """A batch, padded with zeros in the features as faster-whisper does, a little beyond the longest."""
    frames = 2 * (max(sample.mel.shape[1] for sample in samples) // 2 + 4)
    longest = max(len(sample.inputs) for sample in samples)
    mel = np.zeros((len(samples), 80, frames), np.float32)
    inputs = np.full((len(samples), longest), end, np.int64)
    labels = np.full((len(samples), longest), IGNORED, np.int64)
    looks = np.zeros((len(samples), longest, frames // 2), np.float32)
    for row, sample in enumerate(samples):
        mel[row, :, : sample.mel.shape[1]] = sample.mel[:, :frames]
        inputs[row, : len(sample.inputs)], labels[row, : len(sample.labels)] = sample.inputs, sample.labels
        for place, (first, last) in enumerate(sample.spans):
            if 0 <= first < frames // 2:
                span = slice(first, min(max(last, first + 1), frames // 2))
                looks[row, place, span] = 1 / (span.stop - span.start)
    return Batch(*(torch.from_numpy(array) for array in (mel, inputs, labels, looks)))


def loss_of(model: Any, batch: Batch, guide: float, tail: Tensor) -> tuple[Tensor, float]:
    """Cross-entropy of the tokens plus `guide` times that of the alignment heads' attention; and the first alone."""
    logits, attention = decode(model, batch.inputs, encode(model, batch.mel, tail))
    tokens = functional.cross_entropy(logits.flatten(0, 1), batch.labels.flatten(), ignore_index=IGNORED)
    looked = -(batch.looks[:, None] * torch.log(attention + TINY)).sum(-1)
    rows = batch.looks.sum().clamp_min(1) * len(ALIGNMENT_HEADS)
    return tokens + guide * looked.sum() / rows, tokens.item()
