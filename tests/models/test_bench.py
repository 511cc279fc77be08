"""What `emoscope bench models` measures, and what it says when it cannot."""

import time
from dataclasses import replace
from typing import Any

import pytest
import torch

from emoscope.models.bench import MODELS, bench_encoders, bench_readings, encoders
from emoscope.models.bench.encoders import gigaflops
from emoscope.models.bench.readings import all_again, due, one_reading
from emoscope.models.encoders import PUBLISHED, published
from emoscope.models.systems import build
from emoscope.streamer.bench.models import encoder_row, reading_row
from emoscope.streamer.cli import main as cli

torch.set_num_threads(1)

DISTILLED = "distilbert/distilbert-base-uncased"


def test_a_reading_costs_the_same_after_any_time_and_at_a_minute_a_tenth_of_starting_over():
    """Counted, not timed: the operations of ours are flat, those of running again grow with the audio."""
    costs: list[Any] = list(bench_readings([5, 30, 60], {"small": MODELS["small"]}, time.monotonic() + 3600))
    ours = [cost.ours_gflop for cost in costs]
    assert max(ours) == min(ours) > 0
    assert costs[2].again_gflop > 10 * costs[2].ours_gflop
    assert costs[1].again_gflop / costs[0].again_gflop == pytest.approx(6, rel=0.01)
    assert min(cost.times_cheaper for cost in costs) > 0
    assert "60 s" in reading_row(costs[2]) and reading_row(costs[2]).endswith("x")


def test_a_reading_asks_for_the_new_windows_and_the_now_window():
    """After the first second a short window; later one or two grid windows a second, and what they do not own yet; one
    window with two cells where each frame is encoded once."""
    reaching = MODELS["small"]().contract
    assert [len(w.borders) for w in due(reaching, 1.0)] == [2] == [len(w.borders) for w in due(reaching, 60.0)]
    assert [w.end - w.start for w in due(reaching, 60.0)] == [27_520]
    contract = replace(reaching, window=25_600, hop=12_800, reach=0)
    assert [(w.index, w.end - w.start) for w in due(contract, 1.0)] == [(-1, 16_000)]
    assert [w.index for w in due(contract, 60.0)] == [72, 73, -1]
    assert [w.index for w in due(contract, 59.0)] == [71, -1]


def test_what_is_timed_are_probabilities():
    """Ours and the run over everything are readings, not empty work."""
    model = build("segmental", "tiny").eval()
    audio = torch.empty(80 + 16_000 * 5).uniform_(-0.1, 0.1)
    with torch.inference_mode():
        past = model.pool_windows(audio[80:])
        assert past is not None
        for scores in (one_reading(model, audio, past, 5.0), all_again(model, audio)):
            assert scores.shape == (1, 7) and scores.sum().item() == pytest.approx(1.0, abs=1e-5)


def test_operations_are_counted_from_the_published_shape():
    """wav2vec2-base on 2 s: within 3 % of the 27.7 GFLOP counted for it elsewhere."""
    assert gigaflops(published("facebook/wav2vec2-base")) == pytest.approx(27.7, rel=0.03)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_published_encoder_can_be_counted(name):
    """From two operations a weight and frame upwards, embeddings aside."""
    assert 2 < gigaflops(published(name)) < 2_500


def test_an_encoder_is_built_and_run_in_a_process_of_its_own():
    """Milliseconds, weights and, where the system tells, working memory."""
    cost: Any
    (cost,) = bench_encoders([DISTILLED], "cpu", 1, time.monotonic() + 3600)
    assert cost.skipped is None and 1 <= cost.runs <= 5
    assert cost.ms > 0 and cost.gflop > 0 and cost.weights_mb == pytest.approx(66_362_880 * 4 / 2**20)
    assert DISTILLED in encoder_row(cost)


def test_what_does_not_fit_is_skipped_with_its_reason(monkeypatch, capsys):
    """No time, no memory: a row that says so, and the operations all the same."""
    late: Any
    large: Any
    (late,) = bench_encoders([DISTILLED], "cpu", 1, time.monotonic())
    assert late.skipped == "no time left" and late.gflop > 0
    monkeypatch.setattr(encoders, "_available_mb", lambda: 100.0)
    (large,) = bench_encoders([DISTILLED], "cpu", 1, time.monotonic() + 3600)
    assert "of memory" in large.skipped and "skipped" in encoder_row(large)
    (cost,) = bench_readings([5], {"small": MODELS["small"]}, time.monotonic())
    assert cost.skipped == "no time left" and "skipped" in reading_row(cost)
    assert cli.main(["bench", "models", "--only", "nothing", "--no-readings"]) == 2
    assert "known" in capsys.readouterr().err
