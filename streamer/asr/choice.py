"""Which recognizer: `--asr NAME[:model]`, and what is there when nothing was said."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emoscope.models.external import hub_cache

from ..protocol.errors import UsageError

Name = Literal["faster-whisper", "pocketsphinx"]

NAMES = ("auto", "faster-whisper", "pocketsphinx", "none")
DEFAULT_SIZE = "base"
CACHED_SIZES = ("small", "base", "tiny")  # looked for in this order when no size is named
HOW = (
    "`--asr faster-whisper:base` fetches a model once, `--asr faster-whisper:FOLDER` takes one that is here, "
    "`--asr pocketsphinx` (pip install 'emoscope[words]') recognizes English offline"
)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A recognizer that was chosen.

    model    a size, an id on the hub, or a folder; "" for a backend that has one only
    device   cpu or cuda
    threads  CPU threads
    fetch    a model that is not on this machine may be downloaded
    """

    name: Name
    model: str = ""
    device: Literal["cpu", "cuda"] = "cpu"
    threads: int = 1
    fetch: bool = False

    def __str__(self) -> str:
        return f"{self.name}:{self.model}" if self.model else self.name


def choose(text: str, device: Literal["cpu", "cuda"] = "cpu") -> Choice | None:
    """What `--asr` says; None for `none`, and for `auto` where no model is there. UsageError for an unknown name."""
    name, _, model = text.partition(":")
    if name not in NAMES:
        raise UsageError(f"--asr {text}: no such speech recognizer; there are {', '.join(NAMES)}")
    if model and name != "faster-whisper":
        raise UsageError(f"--asr {text}: {name} takes no model")
    if name == "none":
        return None
    if name == "auto":
        return default_choice(device)
    if name == "pocketsphinx":
        return Choice(name="pocketsphinx")
    if not model:
        return default_choice(device) or Choice(name="faster-whisper", model=DEFAULT_SIZE, device=device, fetch=True)
    if _is_place(model) and not Path(model).expanduser().is_dir():
        raise UsageError(f"--asr {text}: there is no folder {model}")
    return Choice(name="faster-whisper", model=model, device=device, fetch=not _is_place(model))


def default_choice(device: Literal["cpu", "cuda"] = "cpu") -> Choice | None:
    """The best faster-whisper model that is cached on this machine."""
    for size in CACHED_SIZES:
        # The hub's documented layout, looked at by hand: its library takes longer to import than a command should.
        if any(hub_cache().glob(f"models--Systran--faster-whisper-{size}/snapshots/*/model.bin")):
            return Choice(name="faster-whisper", model=size, device=device)
    return None


def _is_place(model: str) -> bool:
    """A folder rather than a size or an id on the hub."""
    return model.startswith((".", "~", "/", os.sep)) or Path(model).is_absolute() or Path(model).is_dir()
