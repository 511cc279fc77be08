"""Tokenizer of the text branch: a vocabulary, hashed pieces of every word, and its final punctuation marks.

Words are lower-cased and stripped of punctuation, because recognizers differ in both. A word has
its own vector if the vocabulary holds it, and the mean of its pieces' vectors in any case: its beginning, end and
inner parts of 3 to 5 letters, hashed into a fixed number of buckets (Bojanowski et al. 2017, "Enriching word vectors
with subword information", section 3.2; Joulin et al. 2017 for the hashing).
"""

import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import numpy.typing as npt

from ..errors import CardInvalid

UNKNOWN = 0
MARKS = ("!", "?", "...")
SHORTEST, LONGEST = 3, 5  # letters in a piece, including the markers of the word's edges
LONGEST_WORD = 40  # letters; the rest is cut off
APOSTROPHES = str.maketrans("’‘`´", "''''")


def plain(word: str) -> str:
    """The word in lower case without punctuation at its edges; "" if nothing is left. Symbols such as 😀 stay."""
    word = unicodedata.normalize("NFKC", word).translate(APOSTROPHES).strip().lower()
    start, end = 0, len(word)
    while start < end and not _spoken(word[start]):
        start += 1
    while end > start and not _spoken(word[end - 1]):
        end -= 1
    return word[start:end][:LONGEST_WORD]


def _spoken(character: str) -> bool:
    return character.isalnum() or unicodedata.category(character) == "So"


def marks(word: str) -> tuple[bool, bool, bool]:
    """Which of MARKS end this word."""
    ending = word.strip().replace("…", "...")
    ending = ending[len(ending.rstrip("!?.,;:\"'”’)]")) :]
    return "!" in ending, "?" in ending, "..." in ending


def pieces(word: str, buckets: int) -> list[int]:
    """Buckets of a plain word's pieces, each from 0 to `buckets` - 1; the same on every machine (CRC-32)."""
    edged = f"<{word}>"
    return [
        zlib.crc32(edged[start : start + length].encode()) % buckets
        for length in range(SHORTEST, LONGEST + 1)
        for start in range(max(1, len(edged) - length + 1))
        if len(edged) >= length or start == 0
    ]


@dataclass(frozen=True)
class Text:
    """An encoded text of T words with P pieces in all.

    words    (T,)    index in the vocabulary, or UNKNOWN
    pieces   (P,)    buckets, one word after the other
    starts   (T,)    where each word's pieces begin
    marks    (T, 3)  1 for each of MARKS that ends the word
    spoken   (T,)    false for a word of punctuation alone
    """

    words: npt.NDArray[np.int64]
    pieces: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    marks: npt.NDArray[np.float32]
    spoken: npt.NDArray[np.bool_]


class Vocabulary(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The tokenizer of the text branch: `vocabulary.json` holds exactly this.

    words    words with a vector of their own, most frequent first; the one at UNKNOWN is "" and stands for all others
    buckets  number of buckets that pieces are hashed into
    """

    words: list[str]
    buckets: int

    def checked(self) -> "Vocabulary":
        """Return the vocabulary; CardInvalid if it cannot be used."""
        if not self.words or self.words[UNKNOWN] != "" or len(set(self.words)) != len(self.words) or self.buckets < 1:
            raise CardInvalid(
                "a vocabulary holds distinct words, the first of them empty, and at least one bucket; "
                "copy the folder again"
            )
        return self


@dataclass(frozen=True)
class Tokenizer:
    """Encodes words with a vocabulary."""

    vocabulary: Vocabulary
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        places = {word: place for place, word in enumerate(self.vocabulary.words) if place != UNKNOWN}
        object.__setattr__(self, "places", places)

    def __call__(self, words: Sequence[str]) -> Text:
        kept = [plain(word) for word in words]
        hashed = [pieces(word, self.vocabulary.buckets) for word in kept]
        lengths = [len(some) for some in hashed]
        return Text(
            words=np.array([self.places.get(word, UNKNOWN) for word in kept], np.int64),
            pieces=np.array([piece for some in hashed for piece in some], np.int64),
            starts=np.cumsum([0, *lengths], dtype=np.int64)[:-1],
            marks=np.array([marks(word) for word in words], np.float32).reshape(len(words), len(MARKS)),
            spoken=np.array([word != "" for word in kept], np.bool_),
        )


def split(sentence: str) -> list[str]:
    """Words of a written sentence; symbols such as 😀 are words of their own."""
    apart = (f" {c} " if unicodedata.category(c) == "So" else c for c in sentence)
    return "".join(apart).split()


def most_frequent(sentences: Iterable[Sequence[str]], least: int, most: int) -> list[str]:
    """Plain words that occur at least `least` times, the most frequent `most` of them, ties by the alphabet."""
    counts: dict[str, int] = {}
    for words in sentences:
        for word in map(plain, words):
            if word:
                counts[word] = counts.get(word, 0) + 1
    ranked = sorted((-count, word) for word, count in counts.items() if count >= least)
    return [word for _, word in ranked[:most]]
