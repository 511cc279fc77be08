"""Public checkpoints: found on this machine or fetched, read from safetensors, and fitted weight by weight.

transformers fills what it does not find with random numbers and a warning. Here every weight of the encoder must be
in the checkpoint, and every weight of the checkpoint must be the encoder's or belong to a head that is known not to
be used (`models/README.md`).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor, nn

from ..cards.arrays import whole_file
from ..cards.folder import read_json
from ..cards.weights import check_fit
from ..errors import CardInvalid, HeadMismatch, ModelError, NotCached
from .agreement import differences
from .build import speech_encoder, text_encoder, transformers_config
from .config import WAVEFORM, EncoderConfig, Normalise, SpeechConfig, TextConfig
from .speech import SpeechEncoder
from .text import TextEncoder
from .tokenizer import TextTokenizer

FILES = ["config.json", "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*",
         "vocab*", "merges.txt", "special_tokens_map.json", "spm.model", "sentencepiece*"]  # fmt: skip

VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spm.model", "sentencepiece.bpe.model")

PLAIN = re.compile(r"[^/\\:\0]+")

# Where an encoder's weights stand in a checkpoint that was saved with a head around it.
PREFIXES = ("wav2vec2_bert.", "wav2vec2.", "hubert.", "wavlm.", "model.encoder.", "encoder.",
            "deberta.", "roberta.", "bert.", "distilbert.")  # fmt: skip

# Weights of pretraining and of other tasks' heads. The encoders here have none of them.
OTHERS = re.compile(
    r"^(quantizer|project_q|project_hid|lm_head|lm_predictions|mask_predictions|cls|proj_out|projector|classifier|"
    r"pre_classifier|vocab_|adapter|decoder|model\.decoder|pooler|label_embs_concat|final_proj|layer_weights)"
    r"|(^|\.)(position_ids|token_type_ids|masked_spec_embed)$"
)


def checkpoint_folder(
    name: str | Path, download: bool = False, *, files: Sequence[str] = FILES, cache: Path | None = None
) -> Path:
    """Folder of a checkpoint: a path, or a hub name that is cached here; `download` fetches it on first use.

    NAME@REVISION takes a branch, tag, commit or pull request (`refs/pr/2`) of the hub's repository. `files` are the
    patterns of what is fetched, into `cache`, by default the hub library's own.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    repository, _, revision = str(name).partition("@")
    import huggingface_hub
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        found = huggingface_hub.snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=list(files),
            local_files_only=not download,
            cache_dir=cache,
        )
    except GatedRepoError:
        raise NotCached(
            f"{repository} is given only to people who accept its terms: accept them on its page, then `hf auth login`"
        ) from None
    except RepositoryNotFoundError:
        raise NotCached(f"the hub has no repository {repository!r} that may be read: is the name right?") from None
    except RevisionNotFoundError:
        raise NotCached(f"the hub's repository {repository!r} has no revision {revision!r}") from None
    except (LocalEntryNotFoundError, HFValidationError, HfHubHTTPError, OSError) as error:
        raise NotCached(
            f"checkpoint {str(name)!r} is neither a folder nor cached on this machine"
            f"{'' if not download else f' and could not be fetched ({type(error).__name__})'}; with a network, "
            f"`hf download {repository}` fetches it once; `--model small` works without"
        ) from None
    return Path(found)


def _json(path: Path) -> dict[str, Any]:
    return read_json(path, dict[str, Any], "a checkpoint is a folder with config and weights")


def shards(index: Path, suffix: str = ".safetensors") -> list[str]:
    """Names of the files that an index spreads the weights over."""
    listed = _json(index).get("weight_map")
    if not isinstance(listed, dict):
        raise HeadMismatch(f"{index}: no weight_map, an object of files by weight")
    for weight, name in listed.items():
        # A name with a folder in it could lead anywhere on this machine.
        if not isinstance(name, str) or not PLAIN.fullmatch(name) or not name.endswith(suffix):
            raise HeadMismatch(f"{index}: weight {weight!r} in {name!r}, which is no plain name of a {suffix[1:]} file")
    return sorted(set(listed.values()))


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All tensors of a checkpoint, in one file or in several with an index; safetensors alone."""
    index = folder / "model.safetensors.index.json"
    names = shards(index) if index.is_file() else ["model.safetensors"]
    tensors: dict[str, Tensor] = {}
    for name in names:
        path = folder / name
        if not path.is_file():
            pickled = [other.name for other in folder.glob("*.bin")]
            hint = f"{', '.join(pickled)} is a pickle, which can run code and is never read here; " if pickled else ""
            raise ModelError(
                f"{folder}: no {name}; {hint}take a revision with safetensors (the hub's converter leaves it in a pull "
                "request: NAME@refs/pr/N), or convert the weights"
            )
        with whole_file(path):
            tensors.update(safetensors.torch.load_file(path))
    return tensors


def encoder_name(name: str, expected: set[str]) -> str:
    """A checkpoint's weight by the name that the encoder gives it today."""
    new = name.replace(".weight_g", ".parametrizations.weight.original0")
    new = new.replace(".weight_v", ".parametrizations.weight.original1")
    new = new.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias")
    if new in expected:
        return new
    for prefix in PREFIXES:
        if new.startswith(prefix) and new.removeprefix(prefix) in expected:
            return new.removeprefix(prefix)
    return new


def fit_encoder(model: nn.Module, weights: dict[str, Tensor], where: str) -> None:
    """Load `weights` into an encoder; HeadMismatch names what is missing, unexpected or of another shape."""
    state = model.state_dict()
    renamed = {encoder_name(name, set(state)): tensor for name, tensor in weights.items()}
    bare = {name: next((name.removeprefix(p) for p in PREFIXES if name.startswith(p)), name) for name in renamed}
    needed = {name: tensor for name, tensor in state.items() if name in renamed or not OTHERS.search(name)}
    offered = {
        name: tensor
        for name, tensor in renamed.items()
        if name in state or not (OTHERS.search(name) or OTHERS.search(bare[name]))
    }
    check_fit(needed, offered, where, "its config.json")
    model.load_state_dict({name: renamed.get(name, state[name]).to(state[name].dtype) for name in state})


def configured(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The contents of config.json and of preprocessor_config.json; the latter may be absent."""
    preprocessor = folder / "preprocessor_config.json"
    return _json(folder / "config.json"), _json(preprocessor) if preprocessor.is_file() else {}


def audio_format(folder: Path, model: dict[str, Any], preprocessor: dict[str, Any]) -> tuple[Normalise, int]:
    """The audio that a checkpoint was trained on: how the waveform is normalised, and the sample rate in Hz."""
    where = folder / "preprocessor_config.json"
    rate, normalised = preprocessor.get("sampling_rate", 16_000), preprocessor.get("do_normalize", True)
    if isinstance(rate, bool) or not isinstance(rate, int):
        raise CardInvalid(f"{where}: sampling_rate must be a whole number of Hz; got {rate!r}")
    if model.get("model_type") not in WAVEFORM:
        return "none", rate
    if not isinstance(normalised, bool):
        raise CardInvalid(f"{where}: do_normalize must be true or false; got {normalised!r}")
    return "window" if normalised else "none", rate


def speech_checkpoint(name: str | Path, download: bool = False, **changes: Any) -> SpeechEncoder:
    """A speech encoder with a checkpoint's weights; `changes` are fields of `SpeechConfig`.

    Its preprocessor_config.json decides the sample rate and whether the waveform is normalised per window.
    """
    folder = checkpoint_folder(name, download)
    model, preprocessor = configured(folder)
    normalise, rate = audio_format(folder, model, preprocessor)
    fields: dict[str, Any] = {"model": model, "normalise": normalise, "sample_rate": rate}
    encoder = speech_encoder(SpeechConfig(**{**fields, **changes}))
    fit_encoder(encoder.model, read_weights(folder), str(folder))
    return encoder


def text_checkpoint(name: str | Path, download: bool = False, **changes: Any) -> TextEncoder:
    """A text encoder with a checkpoint's weights; `changes` are fields of `TextConfig`."""
    folder = checkpoint_folder(name, download)
    encoder = text_encoder(TextConfig(**{"model": configured(folder)[0], **changes}))
    fit_encoder(encoder.model, read_weights(folder), str(folder))
    return encoder


def text_tokenizer(name: str | Path, download: bool = False) -> TextTokenizer:
    """A checkpoint's own tokenizer, for `tokenise`; ModelError where it has none."""
    from transformers import AutoTokenizer

    folder = checkpoint_folder(name, download)
    # Without its files, transformers makes a tokenizer with an empty vocabulary and says nothing.
    if not any((folder / file).is_file() for file in VOCABULARIES):
        raise ModelError(f"{folder}: no tokenizer; one of {', '.join(VOCABULARIES)} must lie beside the weights")
    try:
        # As one file of the library `tokenizers`, whatever files it comes in.
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        content = tokenizer.backend_tokenizer.to_str()
    except (OSError, ValueError, ImportError, AttributeError) as error:
        raise ModelError(f"{folder}: no tokenizer that can be read here: {str(error).splitlines()[0]}") from None
    return TextTokenizer(content.encode(), folder)


def load_into(encoder: SpeechEncoder | TextEncoder, name: str | Path, download: bool = False) -> None:
    """Give an encoder that is already built (in a system, say) the weights of a checkpoint of its own shape.

    HeadMismatch names every field of the checkpoint's configuration that asks for another computation. Waveforms
    normalised by a fixed (mean, std) are allowed: no checkpoint's configuration can state that.
    """
    folder = checkpoint_folder(name, download)
    config: EncoderConfig = encoder.config
    model, preprocessor = configured(folder)
    found = model.get("model_type")
    if found != config.family:
        raise HeadMismatch(f"{folder}: a {found} checkpoint for a {config.family} encoder")
    differing = differences(transformers_config(config), transformers_config(replace(config, model=model)))
    if isinstance(config, SpeechConfig):
        normalise, rate = audio_format(folder, model, preprocessor)
        if rate != config.sample_rate:
            differing.append(f"sampling_rate {rate} instead of {config.sample_rate}")
        if config.family in WAVEFORM and config.normalise in ("window", "none") and config.normalise != normalise:
            differing.append(f"do_normalize {normalise == 'window'} instead of {config.normalise == 'window'}")
    if differing:
        raise HeadMismatch(f"{folder}: a checkpoint of another encoder than the one built: {', '.join(differing)}")
    fit_encoder(encoder.model, read_weights(folder), str(folder))
