"""What reads the words of an utterance: the text branch that ships, or a public checkpoint of text."""

from collections.abc import Sequence
from typing import Protocol

from .branch import TextReading


class WordReader(Protocol):
    """Words in, scores of labels out."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of its readings' scores."""

    def read(self, words: Sequence[str], language: str | None = None) -> TextReading | None:
        """The reading of one utterance's words; None where it has none, as in a language that it does not know."""
