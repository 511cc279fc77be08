"""Where a public checkpoint lies on this machine: a folder, what emoscope has kept, or the hub's own cache."""

import os
import re
import shutil
from pathlib import Path

from ..cards import CARD_FILE
from ..encoders import checkpoint_folder
from ..errors import HeadMismatch, NotCached
from ..external import AUTO, hub_cache, kept_file, resolve

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*(@[\w./-]+)?")
CONFIGS = ("config.json", "hyperparams.yaml")
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json",
           "wav2vec2.ckpt")  # fmt: skip
FILES = ["config.json", "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*", "vocab*",
         "merges.txt", "special_tokens_map.json", "added_tokens.json", "spm.model", "sentencepiece*", "bpe.codes",
         "README.md", "hyperparams.yaml", "label_encoder.txt", "*.ckpt"]  # fmt: skip
PICKLES = ["pytorch_model*.bin", "pytorch_model.bin.index.json"]
"""Fetched only where a repository has no safetensors: the same weights twice are twice the download."""


def is_checkpoint(name: str | Path) -> bool:
    """Whether a name means a public checkpoint: a folder without a card of ours but with a config, or a hub's id."""
    folder = Path(name)
    if folder.is_dir():
        return not (folder / CARD_FILE).is_file() and any((folder / file).is_file() for file in CONFIGS)
    return isinstance(name, str) and HUB_ID.fullmatch(name) is not None and not folder.exists()


def kept_folder(name: str) -> Path:
    """Where `emoscope models pull NAME --from FOLDER` keeps its copy."""
    return kept_file().parent / "checkpoints" / name.replace("/", "--").replace("@", "--at--")


def find_checkpoint(name: str | Path) -> Path:
    """The folder of a checkpoint on this machine; NotCached says what to fetch, and where it would be kept."""
    if Path(name).is_dir():
        return whole(Path(name), str(name))
    kept = kept_folder(str(name))
    if kept.is_dir():
        return whole(kept, str(name))
    try:
        found = checkpoint_folder(name, files=FILES, cache=hub_cache())
    except NotCached:
        raise NotCached(
            f"{name} is not on this machine, neither as a folder nor as a checkpoint; {how_to_get(str(name))}"
        ) from None
    return whole(found, str(name))


def whole(folder: Path, name: str) -> Path:
    """The folder itself; NotCached where a part of the checkpoint is missing, as after a download that was cut off."""
    missing = [kind for kind, files in (("config", CONFIGS), ("weights", WEIGHTS)) if not _any(folder, files)]
    if missing:
        named = HUB_ID.fullmatch(name) is not None and not Path(name).is_dir()
        advice = how_to_get(name) if named else f"a checkpoint has one of {', '.join(CONFIGS)}, and its weights"
        raise NotCached(f"{folder}: only half of a checkpoint, without {' and '.join(missing)}; {advice}")
    return folder


def how_to_get(name: str) -> str:
    """What to fetch, where it would be kept, and which model works now."""
    return f"`emoscope models pull {name}` fetches it once, into {hub_cache()}; `--model {resolve(AUTO)}` works without"


def fetch(name: str) -> Path:
    """Fetch a checkpoint from the hub into its cache; NotCached where that cannot be done."""
    folder = checkpoint_folder(name, download=True, files=FILES, cache=hub_cache())
    if not any((folder / file).is_file() for file in WEIGHTS):
        folder = checkpoint_folder(name, download=True, files=PICKLES, cache=hub_cache())
    return whole(folder, name)


def keep(folder: Path, name: str) -> Path:
    """Copy a checkpoint's files to where `find_checkpoint` looks first, all or none; returns the new folder."""
    kept = kept_folder(name)
    partial = kept.with_name(f"{kept.name}.partial")
    patterns = [*FILES, *PICKLES]
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for path in sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}):
            shutil.copyfile(path, partial / path.name)
        shutil.rmtree(kept, ignore_errors=True)
        os.replace(partial, kept)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise HeadMismatch(f"{kept}: {error.strerror}; EMOSCOPE_CACHE names another folder") from None
    return kept


def id_of(folder: Path) -> str:
    """The hub's name of a folder in its cache, or the folder's own."""
    for part in (folder.name, *(parent.name for parent in folder.parents)):
        if part.startswith("models--"):
            return part.removeprefix("models--").replace("--", "/", 1)
    if folder.parent == kept_file().parent / "checkpoints":
        return folder.name.partition("--at--")[0].replace("--", "/", 1)
    return folder.resolve().name


def _any(folder: Path, files: tuple[str, ...]) -> bool:
    return any((folder / file).is_file() for file in files)
