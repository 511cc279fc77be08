"""A model's folder: a card, and the files whose SHA-256 the card holds. No other file is read, and never a pickle.

There is one way to find such a folder, to read and check it, and to write it, for every kind of model.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import msgspec

from ..errors import CardInvalid, HeadMismatch, NotCached
from .files import digest, replace_files

CARD_FILE = "card.json"
WEIGHTS_FILE = "weights.safetensors"
TOKENIZER_FILE = "tokenizer.json"
GRAPH_FILE = "graph.onnx"
SHIPPED = Path(__file__).parents[1] / "weights"
TEXT_PREFIX = "text-"
PREFIXES = (TEXT_PREFIX,)  # of the shipped folders of all kinds; a voice model's name has none


class FolderCard(Protocol):
    """What every kind of card has."""

    @property
    def format(self) -> int:
        """Version of the card's fields."""

    def checked(self) -> Self:
        """The card itself; CardInvalid names a field that does not fit the others."""


CardT = TypeVar("CardT", bound=FolderCard)
JsonT = TypeVar("JsonT")


@dataclass(frozen=True, kw_only=True)
class FolderKind(Generic[CardT]):
    """One kind of model, as it lies on disk.

    noun     what messages call it
    prefix   before the names of the folders of this kind that ship with the package; "" for voice models
    card     the struct of its card
    format   the version of that struct which is read here
    digests  file names, and the card's field that holds the SHA-256 of each
    optional the same of files that not every model has: there the field is ""
    advice   what to do about a name that is neither shipped nor a folder
    """

    noun: str
    prefix: str
    card: type[CardT]
    format: int
    digests: Mapping[str, str]
    advice: str
    optional: Mapping[str, str] = field(default_factory=dict)

    def shipped(self) -> list[str]:
        """Names of the models of this kind that come with the package."""
        folders = [path.name for path in SHIPPED.iterdir() if (path / WEIGHTS_FILE).is_file()]
        own = [name for name in folders if name.startswith(self.prefix or PREFIXES) == bool(self.prefix)]
        return sorted(name.removeprefix(self.prefix) for name in own)

    def find(self, name: str | Path) -> Path:
        """The folder of a shipped model's name, or of a path; NotCached if there is none."""
        if isinstance(name, str) and name in self.shipped():
            return SHIPPED / f"{self.prefix}{name}"
        if Path(name).is_dir():
            return Path(name)
        raise NotCached(
            f"no {self.noun} {str(name)!r} here: neither shipped ({', '.join(self.shipped()) or 'none'}) nor a folder; "
            f"{self.advice}"
        )

    def read_card(self, folder: Path) -> CardT:
        """The card in a folder; CardInvalid names what is wrong with it."""
        path = folder / CARD_FILE
        card = read_json(path, self.card, f"a {self.noun} is a folder with {self._files()}")
        if card.format != self.format:
            raise CardInvalid(f"{path}: card format {card.format}, this version reads {self.format}; update emoscope")
        return card.checked()

    def read_files(self, folder: Path, card: CardT, without: Sequence[str] = ()) -> dict[str, bytes]:
        """The content of every file beside the card, `without` those optional ones that the caller has no use for.

        CardInvalid for a file that cannot be read, HeadMismatch for one whose SHA-256 is not the card's.
        """
        contents = {}
        wanted = self.optional.keys() - set(without)
        brought = {name: noted for name, noted in self.optional.items() if name in wanted and getattr(card, noted)}
        for name, noted in {**self.digests, **brought}.items():
            path = folder / name
            try:
                contents[name] = path.read_bytes()
            except OSError as error:
                raise CardInvalid(f"{path}: {error.strerror}; a {self.noun} has {self._files()}") from None
            if digest(contents[name]) != getattr(card, noted):
                raise HeadMismatch(
                    f"{path}: its SHA-256 is not the one in the card: half-written, altered, or another model's; "
                    "copy all files again"
                )
        return contents

    def write(self, folder: Path, card: CardT, contents: Mapping[str, bytes]) -> CardT:
        """Write a model's files, all or none, and last the card with their SHA-256. Returns the card as written."""
        folder.mkdir(parents=True, exist_ok=True)
        fields = {name: digest(contents[file]) for file, name in self.digests.items()}
        fields |= {name: digest(contents[file]) if file in contents else "" for file, name in self.optional.items()}
        written: CardT = msgspec.structs.replace(card, **fields)  # type: ignore[type-var]
        replace_files(folder, {**contents, CARD_FILE: encode_json(written)})
        return written

    def _files(self) -> str:
        *most, last = [CARD_FILE, *self.digests]
        return f"{', '.join(most)} and {last}"


def read_json(path: Path, kind: type[JsonT], expected: str) -> JsonT:
    """A struct from a JSON file; CardInvalid says what is wrong with it, and `expected` where there is none."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise CardInvalid(f"{path.parent}: no {path.name}; {expected}") from None
    except OSError as error:
        raise CardInvalid(f"{path}: {error.strerror}") from None
    return decode_json(content, kind, path)


def decode_json(content: bytes, kind: type[JsonT], path: Path) -> JsonT:
    """A struct from JSON; CardInvalid names the file and the field that is wrong."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CardInvalid(f"{path}: {error}") from None


def encode_json(value: Any) -> bytes:
    """A struct as JSON that people can read."""
    return (json.dumps(msgspec.to_builtins(value), indent=1, ensure_ascii=False) + "\n").encode()
