"""How a head is trained: its settings, its batches, and its step in the training loop (`emoscope.train.fit`)."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .. import fit as loop
from ..acted.utterances import Utterance
from ..corpora import Clip
from ..fit.concordance import concordance_loss
from .encoders import Answers, FrozenEncoder, Head

FRAMES_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class HeadFit:
    """How a head's training runs.

    beginnings  how often a clip is heard only to one of its beginnings, as interim readings hear it
    ratings     weight of the loss of arousal, valence and dominance
    heaviest    most that a clip of a rare label weighs, relative to one of the commonest
    """

    epochs: int = 15
    batch: int = 32
    rate: float = 1e-3
    weight_decay: float = 0.05
    warm_up: float = 0.1
    smoothing: float = 0.1
    average: float = 0.98
    norm: float = 2.0
    beginnings: float = 0.4
    ratings: float = 1.0
    heaviest: float = 8.0
    seed: int = 1


@dataclass(frozen=True)
class Heard:
    """The utterances of clips: whole, and their beginnings."""

    whole: Sequence[Utterance]
    beginnings: Sequence[Utterance]

    def of(self, clips: Sequence[Clip]) -> "Heard":
        """Those of these clips alone."""
        chosen = {clip.name for clip in clips}
        return Heard(
            [u for u in self.whole if u.clip.name in chosen], [u for u in self.beginnings if u.clip.name in chosen]
        )


def fit_head(
    encoder: FrozenEncoder,
    heard: Heard,
    answers: Answers,
    config: HeadFit,
    checkpoint: Path,
    resume: bool,
    title: str = "training",
) -> tuple[Head, loop.Fitted]:
    """A head trained on everything in `heard`, with averaged weights; see `emoscope.train.fit.fit`."""
    torch.manual_seed(config.seed)
    head = encoder.head(answers)
    head.begin(heard.whole)
    heard = Heard(standardised(head, heard.whole), standardised(head, heard.beginnings))
    fitted = loop.fit(training_of(head, heard, answers, config, encoder.name), checkpoint, resume, title)
    head.trained.eval()
    return head, fitted


def training_of(
    head: Head, heard: Heard, answers: Answers, config: HeadFit, encoder: str
) -> loop.Training[Sequence[Utterance]]:
    """The configuration of the training loop."""
    draw = Draw(heard, config)
    weights = label_weights([u.clip.label for u in draw.firsts()], answers.labels, config.heaviest)

    def loss(batch: Sequence[Utterance], number: int) -> Tensor:
        frames, mask = gather(batch)
        return loss_of(head.outputs(frames, mask, number), [u.clip for u in batch], answers, weights, config)

    return training_by(loss, head.trained, draw, config, {"encoder": encoder, "labels": list(answers.labels)})


def training_by(
    loss: Callable[[Sequence[Utterance], int], Tensor],
    model: nn.Module,
    draw: "Draw",
    config: HeadFit,
    settings: Mapping[str, Any],
) -> loop.Training[Sequence[Utterance]]:
    """The configuration of the training loop for any loss of a batch and its step's number.

    settings  what decides the weights besides `config` and the clips
    """
    steps = math.ceil(len(draw.clips) / config.batch)

    def optimizer() -> torch.optim.AdamW:
        return torch.optim.AdamW(loop.decay_groups(model, config.weight_decay), lr=config.rate)

    def step(batch: Sequence[Utterance], now: loop.Step) -> Tensor:
        # Each step has its own seed, so that one repeated after a restart drops the same units.
        torch.manual_seed(int(np.random.SeedSequence([config.seed, now.at.epoch, now.at.step]).generate_state(1)[0]))
        return loss(batch, now.at.epoch * steps + now.at.step)

    return loop.Training(
        model=model,
        phases=[
            loop.Phase(
                epochs=config.epochs,
                batches=steps,
                optimizer=optimizer,
                schedule=loop.one_cycle(config.rate, config.epochs * steps, config.warm_up),
            )
        ],
        batches=lambda at, rng: draw.epoch(np.random.default_rng([config.seed, at.epoch])),
        step=step,
        config=loop.LoopConfig(
            seed=config.seed,
            norm=config.norm,
            average=loop.AverageConfig(decay=config.average, warm_up=True),
            save_every=config.epochs,
        ),
        settings={**loop.fingerprint(config), **settings, "clips": len(draw.clips)},
    )


def loss_of(
    outputs: tuple[Tensor, Tensor], clips: Sequence[Clip], answers: Answers, weights: Tensor, config: HeadFit
) -> Tensor:
    """Weighted cross entropy of the labels; of rated clips also 1 - CCC and the squared error of the dimensions."""
    logits, dimensions = outputs
    targets = torch.tensor([answers.labels.index(clip.label) for clip in clips])
    loss = torch.nn.functional.cross_entropy(logits.float(), targets, weights, label_smoothing=config.smoothing)
    if dimensions.shape[1]:
        rated = torch.tensor([clip.dimensions or (0.0, 0.0, 0.0) for clip in clips])
        loss = loss + config.ratings * (concordance_loss(dimensions, rated) + (dimensions - rated).square().mean())
    return loss


def label_weights(given: Sequence[str], labels: Sequence[str], heaviest: float) -> Tensor:
    """Weights (L,) in inverse proportion to how often each label is given, the commonest 1, none above `heaviest`."""
    counts = Counter(given)
    most = max(counts.values())
    return torch.tensor([min(heaviest, most / max(1, counts[label])) for label in labels])


class Draw:
    """Draws epochs: every clip once, whole or to one of its beginnings."""

    def __init__(self, heard: Heard, config: HeadFit) -> None:
        self._config = config
        self._whole = _by_clip(heard.whole)
        self._beginnings = _by_clip(heard.beginnings)
        self.clips = sorted(self._whole)

    def firsts(self) -> list[Utterance]:
        """One utterance of each clip."""
        return [self._whole[name][0] for name in self.clips]

    def epoch(self, rng: np.random.Generator) -> list[list[Utterance]]:
        """The batches of an epoch; the same for the same `rng`. A last batch of one clip joins the one before it."""
        chosen = [self._choose(self.clips[i], rng) for i in rng.permutation(len(self.clips))]
        size = self._config.batch
        batches = [chosen[first : first + size] for first in range(0, len(chosen), size)]
        if len(batches) > 1 and len(batches[-1]) < 2:  # a spread of one embedding is none
            last = batches.pop()
            batches[-1] = batches[-1][:-1]
            batches.append([chosen[-2], *last])
        return batches

    def _choose(self, name: str, rng: np.random.Generator) -> Utterance:
        begun = rng.random() < self._config.beginnings
        some = self._beginnings.get(name, ()) if begun else ()
        pool = some or self._whole[name]
        return pool[int(rng.integers(len(pool)))]


def _by_clip(utterances: Sequence[Utterance]) -> Mapping[str, Sequence[Utterance]]:
    found: dict[str, list[Utterance]] = defaultdict(list)
    for utterance in utterances:
        found[utterance.clip.name].append(utterance)
    return found


def gather(utterances: Sequence[Utterance]) -> tuple[Tensor, Tensor]:
    """Frames (B, T, W), float32, padded with zeros, and their mask (B, T)."""
    lengths = torch.tensor([u.frames for u in utterances])
    frames = np.zeros((len(utterances), int(lengths.max()), utterances[0].sound.shape[1]), np.float32)
    for row, utterance in zip(frames, utterances, strict=True):
        row[: utterance.frames] = utterance.sound
    return torch.from_numpy(frames), torch.arange(int(lengths.max()))[None] < lengths[:, None]


@torch.no_grad()
def standardised(head: Head, utterances: Sequence[Utterance]) -> list[Utterance]:
    """The utterances with the frames that the head takes, made once and not in every step."""
    return [
        replace(one, sound=head.standard(torch.from_numpy(one.sound[None]).float())[0].half().numpy())
        for one in utterances
    ]


@torch.inference_mode()
def outputs_of(head: Head, utterances: Sequence[Utterance]) -> tuple[Tensor, Tensor]:
    """Logits (N, L) and dimensions (N, D) of utterances, in batches of similar length."""
    order = sorted(range(len(utterances)), key=lambda i: utterances[i].frames)
    parts = [order[first : first + FRAMES_AT_ONCE] for first in range(0, len(order), FRAMES_AT_ONCE)]
    ready = standardised(head, utterances)
    made = [head.outputs(*gather([ready[i] for i in part])) for part in parts]
    place = torch.tensor(order).argsort()
    return torch.cat([logits for logits, _ in made])[place], torch.cat([dims for _, dims in made])[place]
