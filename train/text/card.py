"""The card of a text branch that was trained here: its configuration, training data and scores."""

from dataclasses import asdict
from typing import Any

import torch

from emoscope.models.cards import Corpus, Score
from emoscope.models.text.card import ARCHITECTURE, FORMAT, TextCard
from emoscope.models.text.network import TextNetwork

from ..corpora import LABELS
from ..fit import Fitted
from .data import CITATIONS, CLASSES, LICENCES, Labelled
from .fitting import Recipe
from .notes import NOTES

LABEL_OF = {
    "anger": "angry",
    "disgust": "disgust",
    "fear": "fearful",
    "joy": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprise": "surprised",
}
# Words do not distinguish calm or bored from neutral speech: the three get fixed shares of neutral, so that the text
# branch scales them together and leaves their odds to the voice branch.
SHARES = {"neutral": {"neutral": 0.8, "calm": 0.1, "bored": 0.1}}


def make_card(recipe: Recipe, network: TextNetwork, train: Labelled, fitted: Fitted) -> TextCard:
    """The card without temperature, thresholds and scores."""
    prior = (train.truth / train.truth.sum(1, keepdims=True)).mean(0)
    return TextCard(
        format=FORMAT,
        id="goemotions",
        version="1",
        architecture=ARCHITECTURE,
        config=asdict(network.config),
        classes=list(CLASSES),
        class_prior=[round(float(share), 5) for share in prior],
        labels=list(LABELS),
        label_of=LABEL_OF,
        shares=SHARES,
        temperature=1.0,
        bias=[0.0] * len(CLASSES),
        thresholds=[0.5] * len(CLASSES),
        lean=0.0,
        languages=["en"],
        licence=LICENCES["goemotions"],
        data=[Corpus(name="goemotions", speakers=[], licence=LICENCES["goemotions"], citation=CITATIONS["goemotions"])],
        training={
            "command": "emoscope train text",
            "parameters": sum(p.numel() for p in network.parameters()),
            "sentences": len(train),
            "minutes": round(fitted.seconds / 60, 1),
            "losses": [round(loss, 4) for loss in fitted.losses],
            "torch": str(torch.__version__),
            **asdict(recipe),
        },
        scores=[],
        notes=list(NOTES),
        vocabulary_sha256="",
        weights_sha256="",
    )


def score_lines(found: dict[str, Any]) -> list[Score]:
    several = found["corpus"] == "goemotions"
    rules = ("several classes a sentence, thresholds", "one class a sentence, the card's lean; never trained on")
    protocol = rules[0 if several else 1]
    where = f"{found['corpus']}, {found['part']}"
    n = found["n"]
    return [
        Score(corpus=where, protocol=protocol, metric="macro-F1", value=found["macro_f1"], n=n),
        *(
            Score(corpus=where, protocol=protocol, metric=f"F1 {name}", value=value, n=n)
            for name, value in found["f1"].items()
        ),
        Score(corpus=where, protocol="the likeliest class", metric="ECE", value=found["ece"], n=n),
    ]
