"""The network of the text branch, as it is trained; `forward` computes the same without torch, to answer.

It has embeddings of words and their pieces, causal convolutions and attentive pooling.

The features of a word depend on it and on earlier words alone. So the features of confirmed words do not change, and
the pool state of a growing transcript is a merge of pool states, as with frames of audio.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor, nn
from torch.nn import functional

from ..pool_state import SoftmaxState
from ..pooling import AttentivePooling
from .config import TextConfig
from .words import MARKS


@dataclass(frozen=True)
class Sentences:
    """A batch of B sentences of at most T words, with U different words that have N pieces.

    words   (B, T)     index in the vocabulary
    forms   (B, T)     index of the U different words
    pieces  (N,)       buckets, word by word; starts (U,) where each word's begin
    marks   (B, T, 3)
    mask    (B, T)     true for a word that is not punctuation alone
    """

    words: Tensor
    forms: Tensor
    pieces: Tensor
    starts: Tensor
    marks: Tensor
    mask: Tensor


class Causal(nn.Module):
    """A residual causal convolution: over a word and those before it."""

    def __init__(self, hidden: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.conv = nn.Conv1d(hidden, hidden, width)
        self.dropout = nn.Dropout(dropout)
        self.before = width - 1

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, hidden) to the same."""
        padded = functional.pad(self.norm(features).transpose(1, 2), (self.before, 0))
        changed: Tensor = features + self.dropout(functional.gelu(self.conv(padded))).transpose(1, 2)
        return changed


class TextNetwork(nn.Module):
    """Words to the logits of the corpus's classes."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.words, config.dim)
        self.pieces = nn.EmbeddingBag(config.buckets, config.dim, mode="mean")
        self.marks = nn.Linear(len(MARKS), config.dim, bias=False)
        self.into = nn.Linear(config.dim, config.hidden)
        self.blocks = nn.ModuleList(Causal(config.hidden, config.width, config.dropout) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.hidden)
        self.pooling = AttentivePooling(config.hidden, config.queries, config.heads)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.pooling.width, config.classes)
        for table in (self.words, self.pieces):
            nn.init.normal_(table.weight, std=0.1)

    def features(self, sentences: Sentences) -> Tensor:
        """(B, T, hidden): each word in the context of those before it. Masked words are no context."""
        pieces = self.pieces(sentences.pieces, sentences.starts)
        vectors = self.words(sentences.words) + pieces[sentences.forms] + self.marks(sentences.marks)
        mask = sentences.mask[:, :, None]
        x = self.into(self.dropout(vectors)).masked_fill(~mask, 0.0)
        for block in self.blocks:
            x = block(x).masked_fill(~mask, 0.0)
        normed: Tensor = self.norm(x)
        return normed

    def summarise(self, sentences: Sentences) -> tuple[SoftmaxState, Tensor]:
        """Pool state (B, ...) of the words, and their attention scores (B, T, Q, H)."""
        return self.pooling.summarise(self.features(sentences), sentences.mask)

    def logits(self, state: SoftmaxState) -> Tensor:
        """(B, classes)."""
        logits: Tensor = self.head(self.dropout(self.pooling.read(state)))
        return logits

    def forward(self, sentences: Sentences) -> Tensor:
        return self.logits(self.summarise(sentences)[0])

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """The weights, as a `TextBranch` takes them."""
        return {name: tensor.detach().cpu().numpy().copy() for name, tensor in self.state_dict().items()}
