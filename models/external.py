"""The public encoder that `whisper` needs and does not bring: where the user's copy lies; and what `auto` stands for.

Nothing slow is imported, because the command line asks before it loads anything.
"""

import os
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
    """The encoder's file or folder on this machine: pulled by emoscope, or cached by transformers or faster-whisper."""
    kept = kept_file()
    if kept.is_file():
        return kept
    for name in CACHED:
        # The hub's documented layout, looked at by hand: its library takes longer to import than a command should.
        for snapshot in sorted((hub_cache() / name / "snapshots").glob("*")):
            if any((snapshot / file).is_file() for file in WEIGHTS):
                return snapshot
    return None


def kept_file() -> Path:
    """Where the pulled encoder lies: in EMOSCOPE_CACHE, else in the user's cache folder."""
    own = os.environ.get("EMOSCOPE_CACHE")
    cache = Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "emoscope"
    return cache / KEPT


def hub_cache() -> Path:
    """Where the hub's library keeps what it has fetched."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")
