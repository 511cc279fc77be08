"""The public encoder that `whisper` needs and does not bring: where the user's copy lies; and what `auto` stands for.

Nothing slow is imported, because the command line asks before it loads anything.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from .cards.card import VOICE

AUTO = "auto"
BEST, EMBEDDED = "whisper", "small"
REPOSITORY = "openai/whisper-base"
CACHED = ("models--openai--whisper-base", "models--Systran--faster-whisper-base")
WEIGHTS = ("model.safetensors", "model.bin")
KEPT = "whisper-base-lower.safetensors"
PULL = "`emoscope models pull whisper` fetches it once (--from FOLDER takes a copy that is here already)"


def resolve(name: str) -> str:
    """The model that a name stands for: `auto` is `whisper` where its encoder is on this machine, else `small`."""
    if name != AUTO:
        return name
    return BEST if BEST in VOICE.shipped() and find_encoder() is not None else EMBEDDED


def hint(name: str) -> str:
    """What to tell a person about the model that `auto` took; "" where there is nothing better to have."""
    if name != AUTO or BEST not in VOICE.shipped() or find_encoder() is not None:
        return ""
    return f"model {EMBEDDED}; `emoscope models pull {BEST}` brings the better one (one download of 290 MB)"


def find_encoder() -> Path | None:
    """The first of `encoders`; None where there is none."""
    return next(encoders(), None)


def encoders() -> Iterator[Path]:
    """Files and folders on this machine that may hold the encoder, whole or not: pulled by emoscope, or cached by
    transformers or faster-whisper. A folder that may not be looked into counts as empty."""
    with suppress(OSError, RuntimeError):  # RuntimeError: no home folder is known
        if kept_file().is_file():
            yield kept_file()
    for name in CACHED:
        with suppress(OSError, RuntimeError):
            yield from _snapshots(hub_cache() / name)


def _snapshots(repository: Path) -> list[Path]:
    """A repository's snapshots that have weights, the current one first.

    The hub's documented layout, looked at by hand: its library takes longer to import than a command should.
    """
    current = repository / "refs" / "main"
    newest = current.read_text().strip() if current.is_file() else ""
    found = [path for path in (repository / "snapshots").glob("*") if any((path / file).is_file() for file in WEIGHTS)]
    return sorted(found, key=lambda path: (path.name != newest, path.name))


def kept_file() -> Path:
    """Where the pulled encoder lies: in EMOSCOPE_CACHE, else in the user's cache folder."""
    own = os.environ.get("EMOSCOPE_CACHE")
    return (_place(own) if own else _caches() / "emoscope") / KEPT


def hub_cache() -> Path:
    """Where the hub's library keeps what it has fetched, by its own rules."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if named := os.environ.get(variable):
            return _place(named)
    home = os.environ.get("HF_HOME")
    return (_place(home) if home else _caches() / "huggingface") / "hub"


def _caches() -> Path:
    return _place(os.environ.get("XDG_CACHE_HOME") or "~/.cache")


def _place(text: str) -> Path:
    return Path(os.path.expandvars(text)).expanduser()
