"""The shape of the text branch's network, and of its weights."""

from dataclasses import dataclass

from .words import MARKS


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Shape of the network.

    words, buckets   rows of the two tables
    dim              width of a word's embedding; hidden: width of its features in context
    width            words in the kernel of one convolution, the last of them the word itself
    layers           number of convolutions
    """

    words: int
    buckets: int
    dim: int = 64
    hidden: int = 128
    width: int = 3
    layers: int = 2
    queries: int = 2
    heads: int = 4
    classes: int = 7
    dropout: float = 0.3

    @property
    def context(self) -> int:
        """How many words before it a word's features depend on."""
        return self.layers * (self.width - 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every weight by its name, with its shape."""
        dim, hidden, outputs = self.dim, self.hidden, self.queries * self.heads
        blocks = {
            f"blocks.{number}.{name}": shape
            for number in range(self.layers)
            for name, shape in {
                "norm.weight": (hidden,), "norm.bias": (hidden,),
                "conv.weight": (hidden, hidden, self.width), "conv.bias": (hidden,),
            }.items()
        }  # fmt: skip
        return {
            "words.weight": (self.words, dim), "pieces.weight": (self.buckets, dim),
            "marks.weight": (dim, len(MARKS)), "into.weight": (hidden, dim), "into.bias": (hidden,), **blocks,
            "norm.weight": (hidden,), "norm.bias": (hidden,),
            "pooling.scorer.weight": (outputs, hidden // self.heads, 1), "pooling.scorer.bias": (outputs,),
            "head.weight": (self.classes, 2 * self.queries * hidden), "head.bias": (self.classes,),
        }  # fmt: skip
