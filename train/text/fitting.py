"""How the text branch's network is trained: its settings, and its step in the training loop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from emoscope.models.text.batch import gather
from emoscope.models.text.network import TextNetwork
from emoscope.models.text.words import UNKNOWN, Text, Tokenizer

from .. import fit as loop
from .data import Labelled

GROUPED = 20  # batches whose sentences are sorted by length together


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that determines the weights.

    unmarked      share of sentences without ! and ?, because a recognizer may write none
    forgotten     share of words without their own vector, represented by their pieces alone
    dropped       share of words that are left out
    held_out      sentences for temperature and thresholds
    least, most   occurrences that give a word a vector of its own, and how many words get one
    balance       weight of a class's sentences: its share to the power of minus this
    average       decay of the average of the weights, which ships
    """

    epochs: int = 3
    batch: int = 192
    rate: float = 4e-3
    warm: float = 0.1
    weight_decay: float = 0.0
    unmarked: float = 0.5
    forgotten: float = 0.15
    dropped: float = 0.05
    held_out: int = 4000
    least: int = 3
    most: int = 20_000
    buckets: int = 16_000
    longest: int = 64
    balance: float = 1.0
    average: float = 0.99
    seed: int = 0
    shape: dict[str, Any] = field(default_factory=lambda: {"dropout": 0.4})


def fit(
    network: TextNetwork,
    tokenizer: Tokenizer,
    train: Labelled,
    recipe: Recipe,
    checkpoint: Path,
    resume: bool,
) -> loop.Fitted:
    """Train on the soft distribution of each sentence's classes.

    The averaged weights are left in `network`. See `emoscope.train.fit.fit` for checkpoints and errors.
    """
    return loop.fit(training_of(network, tokenizer, train, recipe), checkpoint, resume)


def training_of(
    network: TextNetwork, tokenizer: Tokenizer, train: Labelled, recipe: Recipe
) -> loop.Training[npt.NDArray[np.int64]]:
    """The configuration of the training loop; a batch is the indices of its sentences."""
    texts = [tokenizer(words[: recipe.longest]) for words in train.words]
    truth = torch.from_numpy(train.truth / train.truth.sum(1, keepdims=True))
    counts = truth @ truth.mean(0) ** -recipe.balance
    counts = counts / counts.mean()
    batches = math.ceil(len(texts) / recipe.batch)

    def step(places: npt.NDArray[np.int64], now: loop.Step) -> Tensor:
        sentences = gather([disturb(texts[i], recipe, now.rng) for i in places])
        logs = torch.log_softmax(network(sentences), -1)
        return -(counts[places] * (truth[places] * logs).sum(1)).mean()

    return loop.Training(
        model=network,
        phases=[
            loop.Phase(
                epochs=recipe.epochs,
                batches=batches,
                optimizer=lambda: torch.optim.AdamW(
                    network.parameters(), recipe.rate, weight_decay=recipe.weight_decay
                ),
                schedule=loop.one_cycle(recipe.rate, recipe.epochs * batches, recipe.warm),
            )
        ],
        batches=lambda at, rng: _batches(texts, recipe.batch, rng),
        step=step,
        config=loop.LoopConfig(seed=recipe.seed, norm=1.0, average=loop.AverageConfig(decay=recipe.average)),
        settings=loop.fingerprint(recipe),
    )


def _batches(texts: Sequence[Text], size: int, rng: np.random.Generator) -> list[npt.NDArray[np.int64]]:
    """Indices of all texts in batches of similar length, in random order."""
    order = rng.permutation(len(texts))
    batches = []
    for first in range(0, len(order), size * GROUPED):
        some = order[first : first + size * GROUPED]
        some = some[np.argsort([len(texts[i].words) for i in some], kind="stable")]
        batches += [some[i : i + size] for i in range(0, len(some), size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def disturb(text: Text, recipe: Recipe, rng: np.random.Generator) -> Text:
    """The sentence with simulated recognition errors: unknown words, deleted words, missing punctuation marks."""
    forgotten = rng.random(len(text.words)) < recipe.forgotten
    kept = text.spoken & (rng.random(len(text.words)) >= recipe.dropped)
    return replace(
        text,
        words=np.where(forgotten, UNKNOWN, text.words),
        spoken=kept if kept.any() else text.spoken,
        marks=text.marks * np.float32(rng.random() >= recipe.unmarked),
    )
