"""Reliability, seconds heard, and agreement of models, on answers that a test chooses."""

from pathlib import Path

import numpy as np
import pytest

from emoscope.models.reading import Calibration
from emoscope.train.analysis.agreement import agreement, kappa
from emoscope.train.analysis.calibration import reliability_of, wilson
from emoscope.train.analysis.heard import by_seconds
from emoscope.train.analysis.pictures.answers import readable_on
from emoscope.train.corpora import Clip
from emoscope.train.errors import SplitInvalid
from emoscope.train.evaluation.calibration_inputs import Model, ModelPredictions
from emoscope.train.evaluation.predictions import ClipPredictions, Prediction, UtterancePredictions
from emoscope.train.evaluation.protocols import Protocol

LABELS = ("angry", "sad")
TIMES = (2.0, 0.5)  # seconds heard by the final, and by the interim
PROTOCOL = Protocol("2 classes", LABELS, {})


def clip(number, label):
    return Clip("emodb", f"{number:03}", Path("x.wav"), "03", label)


def says(rows, calibration=None):
    """One model; a row is (true label, probability of angry after all, or None), and perhaps after .5 s."""
    predictions = []
    for number, (label, *scores) in enumerate(rows):
        said = zip(scores, TIMES, strict=False)
        readings = [Prediction(seconds, (p, 1 - p)) for p, seconds in said if p is not None]
        own = (UtterancePredictions(readings[0], tuple(readings[1:])),) if readings else ()
        predictions.append(ClipPredictions(clip(number, label), own))
    return [ModelPredictions(Model(LABELS, (), calibration or Calibration()), tuple(predictions))]


def test_the_calibration_error_by_hand():
    """Four answers of .75, two right: a gap of .25; six of .95, all right: .05. .4 x .25 + .6 x .05 = .13."""
    rows = [("angry", 0.75)] * 2 + [("sad", 0.75)] * 2 + [("angry", 0.95)] * 6
    found = reliability_of(says(rows), PROTOCOL)
    assert found.ece == pytest.approx(0.13) and found.accuracy == pytest.approx(0.8)
    assert found.confidence == pytest.approx(0.87) and (found.clips, found.silent) == (10, 0)
    assert [(b.n, b.confidence, b.accuracy) for b in found.bins] == [
        pytest.approx((4, 0.75, 0.5)), pytest.approx((6, 0.95, 1.0)),
    ]  # fmt: skip
    assert all(low < b.accuracy <= high for b, (low, high) in zip(found.bins, found.intervals, strict=True))


def test_before_temperature_is_what_the_model_said_without_it():
    """At a temperature of 2, odds of 4 to 1 were 16 to 1."""
    rows = [("angry", 0.8)] * 10
    found = reliability_of(says(rows, Calibration(temperature=(2.0,), seconds=(0.0,))), PROTOCOL)
    assert found.ece == pytest.approx(0.2, abs=1e-6) and found.ece_before == pytest.approx(1 / 17, abs=1e-4)


def test_clips_without_an_answer_are_counted_apart():
    """Of none, nothing can be drawn."""
    assert reliability_of(says([("angry", 0.9), ("sad", None)]), PROTOCOL).silent == 1
    with pytest.raises(SplitInvalid, match="no clip has an answer"):
        reliability_of(says([("angry", None)]), PROTOCOL)


def test_wilsons_interval_by_hand():
    """Wilson (1927): 8 of 10 give .490 to .943; 0 of 10 give 0 to .278."""
    assert wilson(0.8, 10) == pytest.approx((0.490, 0.943), abs=1e-3)
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.278), abs=1e-3)


def test_a_clip_counts_as_wrong_until_something_is_said():
    """After half a second one of two clips has a reading, a wrong one; at the end both are right."""
    found = by_seconds(says([("angry", 0.9, 0.2), ("sad", 0.3)]), PROTOCOL, (0.5,))
    assert [(row.seconds, row.accuracy, row.heard) for row in found] == [(0.5, 0.0, 0.5), (None, 1.0, 1.0)]


def test_agreement_by_hand():
    """The second model differs in one of four answers, and is wrong there."""
    first = says([("angry", 0.9), ("angry", 0.9), ("sad", 0.1), ("sad", 0.1)])
    second = says([("angry", 0.9), ("angry", 0.9), ("sad", 0.1), ("sad", 0.9)])
    found = agreement(["second", "first"], [second, first], PROTOCOL)
    assert found.names == ("first", "second"), "the best comes first"
    assert found.uars == pytest.approx((1.0, 0.75))
    # The second scored by the first: angry 2 of 2, sad 1 of 2. The first by the second: angry 2 of 3, sad 1 of 1.
    np.testing.assert_allclose(found.matrix, [[1, 0.75], [5 / 6, 1]])
    (pair,) = found.pairs
    assert (pair.same, pair.both_right, pair.only_first, pair.only_second, pair.neither) == (0.75, 0.75, 0.25, 0, 0)
    # They agree in .75; by chance in .5 x .75 + .5 x .25 = .5.
    assert pair.kappa == pytest.approx(0.5)


def test_kappa_of_equal_answers_is_one_and_of_independent_ones_nought():
    """One and the same answer throughout is agreement too."""
    assert kappa(np.array([0, 1, 1]), np.array([0, 1, 1]), 2) == pytest.approx(1)
    assert kappa(np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]), 2) == pytest.approx(0)
    assert kappa(np.zeros(3, int), np.zeros(3, int), 2) == 1


def test_only_clips_that_all_models_answered_are_compared():
    """Other clips cannot be compared at all."""
    found = agreement(
        ["a", "b"], [says([("angry", 0.9), ("sad", 0.2)]), says([("angry", 0.9), ("sad", None)])], PROTOCOL
    )
    assert (found.clips, found.silent) == (1, 1)
    with pytest.raises(SplitInvalid, match="different clips"):
        agreement(["a", "b"], [says([("angry", 0.9)]), says([("angry", 0.9), ("sad", 0.2)])], PROTOCOL)
    with pytest.raises(SplitInvalid, match="no clip was answered by all"):
        agreement(["a", "b"], [says([("angry", 0.9)]), says([("angry", None)])], PROTOCOL)


@pytest.mark.parametrize("grey", np.linspace(0, 1, 11).tolist())
def test_text_on_any_grey_has_a_contrast_of_at_least_four_and_a_half(grey):
    """WCAG 2.1, 1.4.3."""
    linear = grey / 12.92 if grey <= 0.04045 else ((grey + 0.055) / 1.055) ** 2.4
    text = 0.0 if readable_on((grey, grey, grey)) == "#000000" else 1.0
    assert (max(linear, text) + 0.05) / (min(linear, text) + 0.05) >= 4.5
