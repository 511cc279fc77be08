"""From trained weights to a folder that faster-whisper opens: CTranslate2's format, int8."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer

from .tokens import specials

PREPROCESSOR = {"feature_size": 80, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30, "n_fft": 400}


def convert(model: Any, tokenizer: Tokenizer, folder: Path) -> None:
    """Write model.bin, config.json, vocabulary.json, tokenizer.json and preprocessor_config.json to `folder`."""
    with tempfile.TemporaryDirectory() as scratch:
        original = Path(scratch) / "original"
        model.save_pretrained(original)
        tokenizer.save(str(original / "tokenizer.json"))
        (original / "tokenizer_config.json").write_text(specials(tokenizer))
        (original / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR, indent=1) + "\n")
        made = Path(scratch) / "converted"
        copied = ["tokenizer.json", "preprocessor_config.json"]
        TransformersConverter(str(original), copy_files=copied).convert(str(made), quantization="int8")
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(made.iterdir()):
            shutil.copyfile(path, folder / path.name)
