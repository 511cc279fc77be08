"""The tokenizer of a text encoder, whole in one file."""

from pathlib import Path
from typing import Self

from ..errors import CardInvalid


class TextTokenizer:
    """Text to token ids with the special tokens that the encoder expects, however long the text is.

    content  of its `tokenizer.json`, from which it was made: the format of the library `tokenizers`, which is data
             alone and runs no code
    highest  the highest id that it can give
    """

    def __init__(self, content: bytes, where: str | Path) -> None:
        """CardInvalid, which names `where`, for what is no such file."""
        from tokenizers import Tokenizer

        self.content = content
        try:
            self._tokenizer = Tokenizer.from_buffer(content)
        except Exception as error:  # the library raises a bare Exception
            raise CardInvalid(f"{where}: no tokenizer that can be read here: {error}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.highest = max(self._tokenizer.get_vocab(with_added_tokens=True).values(), default=0)

    def __call__(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self  # it never changes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TextTokenizer) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)
