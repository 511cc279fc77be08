"""One adapter for text encoders: tokens in, one vector a token out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import UsageError
from .config import TextConfig
from .hidden import layer_index
from .speech import Phase, recompute_layers, set_phase


@dataclass(frozen=True)
class Tokens:
    """Tokens of a batch of transcripts.

    ids   (B, T)  token ids, with the special tokens that the encoder expects
    mask  (B, T)  true where there is a token; a row of an empty transcript is all false
    """

    ids: Tensor
    mask: Tensor

    def to(self, device: torch.device | str) -> "Tokens":
        return Tokens(self.ids.to(device), self.mask.to(device))


def tokenise(texts: Sequence[str], encode: Callable[[str], Sequence[int]]) -> Tokens:
    """Tokens of `texts`, whole however long; `encode` is a tokenizer's `encode`, special tokens included.

    A transcript without a word has no tokens at all, not even special ones.
    """
    rows = [list(encode(text)) if text.strip() else [] for text in texts]
    most = max(1, *(len(row) for row in rows))
    ids = torch.tensor([row + [0] * (most - len(row)) for row in rows])
    return Tokens(ids, torch.arange(most)[None] < torch.tensor([len(row) for row in rows])[:, None])


class TextEncoder(nn.Module):
    """BERT, RoBERTa, XLM-R, their distilled variants and DeBERTa v3 behind one interface.

    dim    width of a token that comes out
    limit  tokens that the encoder sees at a time. A longer transcript is encoded in pieces of `limit`, each on its
           own, and comes out whole: pooling over all tokens loses none, only the context across a cut.
    """

    def __init__(self, config: TextConfig, model: Any) -> None:
        super().__init__()
        self.config = config
        self.model = model
        hf = model.config
        self.dim = int(hf.hidden_size)
        self.vocabulary = int(hf.vocab_size)
        self.pad = int(hf.pad_token_id or 0)
        # RoBERTa and XLM-R count positions from the padding id + 1.
        reserved = self.pad + 1 if config.family in ("roberta", "xlm-roberta") else 0
        self.limit = int(hf.max_position_embeddings) - reserved
        depth = len(self.layers)
        layer_index(config.layer, depth)
        self.depth = depth
        if config.layer == "weighted":
            self.weights = nn.Parameter(torch.zeros(depth + 1))
        if config.checkpointing:
            recompute_layers(model)

    @property
    def layers(self) -> Sequence[nn.Module]:
        """The transformer's layers, lowest first."""
        layers: Sequence[nn.Module] = (
            self.model.transformer.layer if self.config.family == "distilbert" else self.model.encoder.layer
        )
        return layers

    def forward(self, tokens: Tokens) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, dim) of tokens, 0 where there is none, and their mask (B, T)."""
        ids, mask = tokens.ids, tokens.mask
        highest = int(ids.max())
        if highest >= self.vocabulary:
            raise UsageError(
                f"token id {highest}, but this encoder knows {self.vocabulary}: the tokenizer is another model's"
            )
        ids = ids.masked_fill(~mask, self.pad)
        cuts = range(0, ids.shape[1], self.limit)
        hidden = torch.cat([self._piece(ids[:, c : c + self.limit], mask[:, c : c + self.limit]) for c in cuts], 1)
        return hidden.masked_fill(~mask[:, :, None], 0.0), mask

    def _piece(self, ids: Tensor, mask: Tensor) -> Tensor:
        # A row without tokens would be a softmax over nothing: so it attends to its first position, and is masked.
        empty = ~mask.any(1)
        attend = mask.clone()
        attend[:, 0] |= empty
        if self.config.layer == "last":
            last: Tensor = self.model(input_ids=ids, attention_mask=attend.long()).last_hidden_state
            return last
        states = self.model(input_ids=ids, attention_mask=attend.long(), output_hidden_states=True).hidden_states
        if isinstance(self.config.layer, int):
            one: Tensor = states[self.config.layer]
            return one
        shares = torch.softmax(self.weights, 0)
        return torch.stack([share * state for share, state in zip(shares, states, strict=True)]).sum(0)

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """Choose what is trained; see `SpeechEncoder.set_phase`. Below the transformer lie the embeddings."""
        set_phase(self.model, self.layers, (self.model.embeddings,), phase, upper)
