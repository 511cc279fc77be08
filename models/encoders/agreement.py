"""Whether a checkpoint's configuration asks for the same computation as an encoder that is already built.

The shapes of weights do not tell: the number of heads, where the layers are normalised, activations and epsilons leave
every shape as it is and change every output.
"""

import re
from typing import Any

from .config import TEXT

# Fields that no output of an encoder depends on at inference: dropouts, the masks and losses of training,
# initialisation, heads, the adapter and the decoder that are never built, generation, labels, versions.
IDLE = re.compile(
    r"dropout|layerdrop|initializer|codevector|classifier|^(_|init_|mask_|tdnn_|xvector_|ctc_|pooler_|decoder_|"
    r"output_attentions|output_hidden_|adapter_(kernel_size|stride|act)$)"
    r"|^(architectures|transformers_version|dtype|torch_dtype|id2label|label2id|problem_type|return_dict|"
    r"chunk_size_feed_forward|is_encoder_decoder|tie_word_embeddings|use_cache|legacy|use_weighted_layer_sum|"
    r"apply_spec_augment|add_adapter|num_adapter_layers|use_intermediate_ffn_before_adapter|num_negatives|"
    r"contrastive_logits_temperature|diversity_loss_weight|num_ctc_classes|bos_token_id|eos_token_id|"
    r"max_target_positions|suppress_tokens|begin_suppress_tokens|median_filter_width|sinusoidal_pos_embds)$"
)

# Fields that the models look up although not every configuration has them, with the default that they use.
UNLISTED: dict[str, Any] = {
    "adapter_attn_dim": None, "conv_act": "tanh", "conv_pos_batch_norm": False, "max_relative_positions": -1,
    "norm_rel_ebd": "none", "position_buckets": -1, "share_att_key": False,
}  # fmt: skip


def _computing(config: Any) -> dict[str, Any]:
    """The fields of a transformers configuration that the forward pass depends on, with their values."""
    found = config.to_dict()
    family = config.model_type
    names = {name for name in type(config)().to_dict() if not IDLE.search(name)}
    if family not in TEXT:
        names.discard("vocab_size")  # of a head for recognition
    if family not in ("roberta", "xlm-roberta"):
        names.discard("pad_token_id")  # these two count positions from it; elsewhere it is masked
    fields = {name: found.get(name, default) for name, default in {**dict.fromkeys(names), **UNLISTED}.items()}
    if not found.get("conv_kernel_size"):
        fields["conv_act"] = None  # DeBERTa's convolution, which most of them lack
    if isinstance(fields.get("pos_att_type"), list | tuple):
        fields["pos_att_type"] = sorted(fields["pos_att_type"])  # terms of a sum
    return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}


def differences(built: Any, asked: Any) -> list[str]:
    """Each field that differs and matters, with both values; transformers configurations of one family."""
    ours, theirs = _computing(built), _computing(asked)
    return [f"{name} {theirs[name]!r} instead of {ours[name]!r}" for name in sorted(ours) if ours[name] != theirs[name]]
