"""Training pools what the stream pools."""

from typing import Any

import numpy as np
import pytest
import torch
from synthetic_voice import voice

from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel
from emoscope.train.corpora import LABELS
from emoscope.train.small.pooling import embeddings_of, features_of, pooled

CONTRACT = ModelContract(id="x", labels=LABELS, window=25_600, hop=12_800, frame=640, lookback=16_080, tail=4_800)


def tiny() -> SmallModel:
    torch.manual_seed(3)
    config = SmallConfig(channels=(4, 6, 8, 8), dim=16)
    return SmallModel(config, CONTRACT, Calibration()).eval()


@pytest.mark.parametrize("frames", [4, 100, 160, 164, 240, 400])
def test_an_utterance_encoded_at_once_equals_forward_windows(frames):
    """From the front end's frames made once, batched, or from the sound itself, window by window: the same logits."""
    model: Any = tiny()
    audio = torch.from_numpy(np.stack([voice(4.0, pitch)[: frames * 160] for pitch in (110, 190, 240)]))
    raw = model.frontend.raw(torch.nn.functional.pad(audio, (model.frontend.raw_lookback, 0)))
    with torch.inference_mode():
        together = model.decide(pooled(model, features_of(model, raw)), None)[0].softmax(-1)
        apart = torch.stack([model.forward_windows(row)[0] for row in audio])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=0)


def test_utterances_of_many_lengths_keep_their_places():
    """They are batched by length, and come back in the order in which they were given."""
    model = tiny()
    mels = [torch.randn(n, 112, generator=torch.Generator().manual_seed(n)) * 10 for n in (200, 40, 200, 164)]
    together = embeddings_of(model, mels, batch=1)
    for row, mel in zip(together, mels, strict=True):
        torch.testing.assert_close(row[None], embeddings_of(model, [mel]), atol=1e-5, rtol=1e-4)
