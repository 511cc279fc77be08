"""Whole recordings by a published system's own `forward`, for `evaluate --whole`."""

from typing import Any

import pytest
import torch

from emoscope.models.systems import build
from emoscope.streamer import open_engine
from emoscope.train.corpora import load_corpora
from emoscope.train.corpora.audio import read_clip
from emoscope.train.evaluation.runner import SessionRunner
from emoscope.train.evaluation.sessions import PlannedSession

torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["attributes", "attributes-ensemble"])
def test_a_model_of_dimensions_alone_is_scored_by_its_ratings(name, data):
    """The dimensions are those of `forward` over the whole recording, in [-1, 1], and the labels' scores are even."""
    made: Any = build(name, "tiny").eval()
    clip = load_corpora(data, ["emodb"])[0]
    runner = SessionRunner(open_engine(made, threads=1), how="whole")
    ((said,),) = [clips.utterances for clips in runner.predict(PlannedSession((clip,), seed=0))]
    with torch.inference_mode():
        ratings = made(torch.from_numpy(read_clip(clip.path, 16_000))[None])[0]
    assert said.final.dimensions == pytest.approx(((ratings - 4) / 3).tolist(), abs=1e-5)
    assert said.final.scores == pytest.approx((0.125,) * 8)
