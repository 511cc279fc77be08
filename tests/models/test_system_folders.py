"""Folders and configurations of the published systems that do not fit are refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from emoscope.models import load_model, save_model
from emoscope.models.cards import read_card
from emoscope.models.errors import CardInvalid, HeadMismatch, UsageError
from emoscope.models.systems import build, draft_card

torch.set_num_threads(1)


@pytest.fixture
def folder(tmp_path):
    """A tiny `segmental` on disk."""
    model: Any = build("segmental", "tiny")
    save_model(model, draft_card(model), tmp_path)
    return tmp_path


def rewrite(folder: Path, **edits):
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | edits))


def test_a_card_with_other_labels_is_refused(folder):
    """As many labels in another order would be read silently wrong: the weights know what they were saved for."""
    labels = read_card(folder).labels
    rewrite(folder, labels=labels[::-1])
    with pytest.raises(HeadMismatch, match="saved for"):
        load_model(folder)
    rewrite(folder, labels=labels[:-1])
    with pytest.raises(HeadMismatch, match=r"head\.weight"):
        load_model(folder)


def test_a_card_for_another_sample_rate_is_refused(folder):
    """The encoder takes audio at 16 kHz; a card with 8 kHz or with other frames does not fit it."""
    audio = json.loads((folder / "card.json").read_text())["audio"]
    rewrite(folder, audio=audio | {"sample_rate": 8_000})
    with pytest.raises(CardInvalid, match="8000 Hz"):
        load_model(folder)
    rewrite(folder, audio=audio | {"lookback": 240})
    with pytest.raises(CardInvalid, match="lookback 240"):
        load_model(folder)


def test_half_written_and_tampered_weights_are_refused(folder):
    """Cut short, or with one byte changed: the digest in the card tells."""
    path = folder / "weights.safetensors"
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(content)
        with pytest.raises(HeadMismatch, match="SHA-256"):
            load_model(folder)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"segments": False}, "alpha|triplet|segment"),
        ({"alpha": 3}, "alpha"),
        ({"triplet": "all"}, "triplet"),
        ({"depth": 1}, "depth"),
        ({"stride": 99}, "stride"),
        ({"speech": {"model": {"model_type": "bert"}}}, "bert"),
    ],
)
def test_a_config_that_builds_nothing_names_what_is_wrong(folder, edit, said):
    """Values out of range, unknown fields and other architectures."""
    config = read_card(folder).config | {"triplet": "segments"} | edit
    rewrite(folder, config=config)
    with pytest.raises(CardInvalid, match=said):
        load_model(folder)


def test_a_config_of_another_shape_does_not_fit_the_weights(folder):
    """An encoder with one layer more misses its weights, by name."""
    config = read_card(folder).config
    config["speech"]["model"]["num_hidden_layers"] = 3
    rewrite(folder, config=config)
    with pytest.raises(HeadMismatch, match=r"missing .*layers\.2"):
        load_model(folder)


def test_what_cannot_be_built_says_what_can():
    """Unknown systems, sizes, fields, encoders of the wrong kind."""
    with pytest.raises(UsageError, match="attentive, segmental"):
        build("emotive")
    with pytest.raises(UsageError, match="tiny"):
        build("segmental", "small")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="poling"):
        build("attentive", "tiny", poling="AS")
    with pytest.raises(UsageError, match="not speech"):
        build("segmental", "tiny", speech="microsoft/deberta-v3-base")
    with pytest.raises(CardInvalid, match="modalities"):
        build("attentive", "tiny", modalities="video")
