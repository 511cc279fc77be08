"""The public checkpoints that are known by name: their sizes, families, outputs and licences."""

from typing import Any

import pytest
import torch

from emoscope.models.checkpoints import FAMILIES, licence_warning, map_labels
from emoscope.models.checkpoints.classifier import DenseHead, ProjectorHead
from emoscope.models.checkpoints.odyssey import OdysseyHead
from emoscope.models.checkpoints.rows import KNOWN
from emoscope.models.checkpoints.speechbrain import SpeechBrainHead
from emoscope.models.checkpoints.vox_profile import VoxProfileHead
from emoscope.models.encoders import published, speech_encoder


def counted(*modules):
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_the_parameters_of_the_known_checkpoints_are_those_of_their_shapes():
    """Built without memory, from the published shapes of their encoders."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    robertas = {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1}
    texts = {
        "j-hartmann/emotion-english-distilroberta-base": ("roberta", {**robertas, "num_hidden_layers": 6}),
        "SamLowe/roberta-base-go_emotions": ("roberta", robertas),
        "cardiffnlp/twitter-roberta-base-emotion": ("roberta", robertas),
        "MilaNLProc/feel-it-italian-emotion": ("camembert", {**robertas, "vocab_size": 32005}),
    }
    with torch.device("meta"):
        wavlm, base = published("microsoft/wavlm-large"), published("facebook/wav2vec2-base")
        hubert, xlsr = published("facebook/hubert-large-ll60k"), published("facebook/wav2vec2-large-xlsr-53")
        twelve = speech_encoder(xlsr.speech(model={**xlsr.model, "num_hidden_layers": 12}))
        summed = speech_encoder(wavlm.speech(layer="weighted"))
        expected: dict[str, tuple[Any, ...]] = {
            "superb/wav2vec2-base-superb-er": (
                speech_encoder(base.speech(layer="weighted")), ProjectorHead(768, 256, 4),
            ),
            "superb/hubert-large-superb-er": (
                speech_encoder(hubert.speech(layer="weighted")), ProjectorHead(1024, 256, 4),
            ),
            "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": (twelve, DenseHead(1024, 3, "out_proj")),
            "tiantiaf/wavlm-large-msp-podcast-emotion-dim": (summed, VoxProfileHead(1024, 256, 0)),
            "tiantiaf/wavlm-large-categorical-emotion": (summed, VoxProfileHead(1024, 256, 9)),
            "3loi/SER-Odyssey-Baseline-WavLM-Categorical": (
                speech_encoder(wavlm.speech()), OdysseyHead(1024, 1024, 1, 8),
            ),
            "speechbrain/emotion-recognition-wav2vec2-IEMOCAP": (
                speech_encoder(base.speech()), SpeechBrainHead(768, 4),
            ),
            "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition": (
                speech_encoder(xlsr.speech()), DenseHead(1024, 8, "output"),
            ),
        }  # fmt: skip
        for name, (family, shape) in texts.items():
            labels = len(KNOWN[name].outputs)
            config = AutoConfig.for_model(family, num_labels=labels, **shape)
            expected[name] = (AutoModelForSequenceClassification.from_config(config),)
    assert {name: KNOWN[name].parameters for name in expected} == {
        name: counted(*modules) for name, modules in expected.items()
    }


@pytest.mark.parametrize("row", KNOWN.values(), ids=lambda row: row.id)
def test_every_known_checkpoint_has_a_family_and_outputs_that_can_be_mapped(row):
    """And a licence, with a warning where it is no free one."""
    assert row.family in {family.name for family in FAMILIES}
    mapped = map_labels(row.outputs, row.id)
    assert mapped.labels or [name for name, _ in mapped.dimensions] == ["arousal", "valence", "dominance"]
    assert bool(licence_warning(row.licence)) == (row.licence not in ("Apache-2.0", "MIT"))
