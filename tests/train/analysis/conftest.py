"""A small corpus with phonemes, and models of random weights that know one of its speakers."""

import pytest

from ..evaluation.random_models import write_model

PHONES = ("a", "t", "!t", "tasp", "-sth", "I+nas", "n", ".")


@pytest.fixture
def model(tmp_path, tiny_model):
    return write_model(tmp_path / "model", tiny_model, {"emodb": ["03"]})


@pytest.fixture
def data(tmp_path, make_emodb):
    """Seven clips of each of five speakers, with phone times that go on after the sound."""
    folder = make_emodb(tmp_path / "corpora" / "emodb", ("03", "08", "10", "11", "13"), flat=False, seconds=0.8)
    (folder / "lablaut").mkdir()
    for path in (folder / "wav").glob("*.wav"):
        lines = ["signal x", "separator ;", "nfields 1", "#"]
        lines += [f"    {0.2 * (place + 1):.6f}   -1 {name}" for place, name in enumerate(PHONES)]
        (folder / "lablaut" / f"{path.stem}xx.lablaut").write_text("\n".join(lines) + "\n")
    return tmp_path / "corpora"
