"""A corpus with ratings, and a small corpus with a model to evaluate on it."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from emoscope.streamer.testing import voice

from .random_models import write_model


@pytest.fixture
def make_emotale() -> Callable[..., Path]:
    """Ten clips a speaker, in both languages, each emotion with ratings of its own."""

    def make(folder: Path, speakers: tuple[str, ...]) -> Path:
        folder.mkdir(parents=True)
        columns = ",".join(f"a{i}_{axis}" for i in (1, 2, 3) for axis in "AVD")
        rows = [f"file,{columns},gt_emotion"]
        for speaker in speakers:
            for language in ("DK", "EN"):
                for place, emotion in enumerate("ABHNS"):
                    name = f"{language}_{speaker}_{emotion}_1"
                    soundfile.write(folder / f"{name}.wav", voice(0.9, 100 + 30 * place, seed=int(speaker)), 16_000)
                    ratings = np.tile([1 + place % 5, 1 + (place + 2) % 5, 1 + (place + 3) % 5], 3)
                    rows.append(f"{name}.wav,{','.join(map(str, ratings))},{emotion}")
        (folder / "annotations.csv").write_text("\n".join(rows) + "\n")
        genders = [f"{speaker},{'F' if int(speaker) % 2 else 'M'},25" for speaker in speakers]
        (folder / "speaker_info.csv").write_text("\n".join(["speaker,gender,age", *genders]) + "\n")
        return folder

    return make


@pytest.fixture
def model(tmp_path, tiny_model):
    return write_model(tmp_path / "model", tiny_model, {"emodb": ["03"]})


@pytest.fixture
def data(tmp_path, make_emodb):
    make_emodb(tmp_path / "corpora" / "emodb", ("03", "08", "11"), flat=False)
    return tmp_path / "corpora"
