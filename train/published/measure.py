"""Scores of a trained system for its card: whole utterances as in its paper, and windows as in the stream."""

from collections.abc import Sequence

import numpy as np

from emoscope.models.cards import Score
from emoscope.models.systems import AttributesModel

from ..corpora import Clip
from ..evaluation.intervals import interval
from ..evaluation.offline import through_windows
from ..evaluation.scores import ccc, confusion, macro_f1, uar, weighted_f1_of
from .fitting import Recipe
from .scoring import Model as Model
from .scoring import answers_of, predicted_and_true, ratings, whole_utterances


def measure(model: Model, clips: Sequence[Clip], side: str, recipe: Recipe) -> list[Score]:
    """UAR and F1 of whole utterances and of the stream's windows, and how often they agree; CCC of `attributes`."""
    speakers = sorted({clip.speaker for clip in clips})
    told = f"speakers {', '.join(speakers)}" if len(speakers) <= 6 else f"{len(speakers)} speakers"
    who = f"{recipe.corpus}, {side} {told}"
    if isinstance(model, AttributesModel):
        return _dimensions(model, clips, who, recipe)
    found, answers = [], []
    merged = ", calm counts as neutral" if "calm" not in model.contract.labels else ""
    for how, scores in (
        ("whole utterances", whole_utterances(model, clips, recipe.batch)),
        ("in windows, as in the stream, the voice alone" if getattr(model, "has_text", False) else
         "in windows, as in the stream", through_windows(model, clips)),
    ):  # fmt: skip
        predicted, truth = predicted_and_true(model, clips, scores)
        answers.append(predicted)
        low, high = interval(predicted, truth)
        protocol, n = f"{len(set(truth.tolist()))} classes{merged}, {how}", len(clips)
        ci95 = (round(low, 4), round(high, 4))
        value = round(uar(predicted, truth), 4)
        found.append(Score(corpus=who, protocol=protocol, metric="UAR", value=value, ci95=ci95, n=n))
        name, f1 = "macro F1", macro_f1(predicted, truth)
        if recipe.system == "camulenet":
            name = "weighted F1"
            f1 = float(weighted_f1_of(confusion(predicted, truth, len(model.contract.labels))))
        found.append(Score(corpus=who, protocol=protocol, metric=name, value=round(f1, 4), n=n))
    same = round(float((answers[0] == answers[1]).mean()), 4)
    protocol = "whole utterances and windows give the same label"
    found.append(Score(corpus=who, protocol=protocol, metric="agreement", value=same, n=len(clips)))
    return found


def _dimensions(model: AttributesModel, clips: Sequence[Clip], who: str, recipe: Recipe) -> list[Score]:
    """CCC of each dimension and their mean, of whole utterances."""
    said = answers_of(model, clips, recipe.batch, recipe.longest_s).numpy()
    rated = ratings(model, clips)
    values = {name: ccc(said[:, i], rated[:, i]) for i, name in enumerate(model.contract.dimensions)}
    values["mean"] = float(np.mean(list(values.values())))
    return [
        Score(corpus=who, protocol="whole utterances", metric=f"CCC {name}", value=round(value, 4), n=len(clips))
        for name, value in values.items()
    ]
