"""A study from end to end: encode once, train each row on each fold with each seed, and make the tables."""

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emoscope.models.errors import UsageError

from .. import fit as loop
from ..acted.utterances import Frames, Utterance
from ..corpora import LABELS, Clip
from ..evaluation.scores import confusion
from ..head.encoders import Answers, FrozenEncoder, frozen_encoder
from ..head.features import prepare
from ..head.fitting import FRAMES_AT_ONCE, Draw, HeadFit, Heard, gather, standardised, training_by
from ..progress import say, stage
from ..published.sampling import label_for
from .clips import study_clips, study_folds
from .designs import Design, chosen_rows
from .heads import HeadShape, StudyHead, parameters_of, predictions
from .rows import Rows, Trained

VERSION = 1  # of what is computed: raise it when other code gives other weights


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """Everything that decides a study's numbers besides the clips and the encoder; all rows share it.

    fit    of the loop, its epochs by `steps`; nothing that it says of the loss applies, since each paper has its own
    steps  optimizer steps of each training, about: as many whole epochs as come nearest
    join   frames of the encoder that are averaged to one
    each   most clips of a label of a speaker; None: all
    seeds  every row is trained once with each
    """

    encoder: str = "whisper"
    layer: int | None = None
    shape: HeadShape = field(default_factory=HeadShape)
    fit: HeadFit = field(default_factory=lambda: HeadFit(epochs=0, beginnings=0.0))
    steps: int = 200
    join: int = 2
    each: int | None = None
    seeds: int = 3


@dataclass(frozen=True)
class Material:
    """One corpus, ready to be learned from: its encoded clips, what they are called, and who is held out in a fold.

    settings  digest of all that decides its numbers
    """

    corpus: str
    labels: tuple[str, ...]
    utterances: tuple[Utterance, ...]
    held_out: tuple[frozenset[str], ...]
    settings: str

    def target(self, clip: Clip) -> int:
        """The index of a clip's class."""
        return self.labels.index(label_for(self.labels, clip.label) or clip.label)


def run_study(
    design: Design,
    corpora: Sequence[str],
    data: Path,
    work: Path,
    out: Path,
    config: StudyConfig,
    rows: Sequence[str] = (),
    threads: int = 1,
) -> list[Trained]:
    """Do what `out` does not hold yet, and return every training that was asked for.

    data  a folder with a folder for each corpus, or the folder of the only one
    work  the cache of frames

    The seeds come one after the other, so that the first leaves a whole table. Interrupted after Ctrl+C, when the
    training at hand is saved; the same call goes on from there, and after a kill from the last training that was done.
    """
    torch.set_num_threads(threads)
    chosen = chosen_rows(design, rows)
    listed = {corpus: study_clips(corpus, data, config.each) for corpus in corpora}
    kept = Rows(out)
    encoder = frozen_encoder(config.encoder, config.layer)
    material = [_material(design, corpus, clips, encoder, work / "cache", config) for corpus, clips in listed.items()]
    kept.check(design.name, {one.corpus: one.settings for one in material})
    wanted = [
        (seed, one, fold, row)
        for seed in range(1, config.seeds + 1)
        for one in material
        for fold in range(len(one.held_out))
        for row in chosen
    ]
    ready: tuple[str, int, list[Utterance]] | None = None
    for number, (seed, one, fold, row) in enumerate(wanted, 1):
        if (one.corpus, row, seed, fold) in kept.done:
            continue
        if ready is None or ready[:2] != (one.corpus, fold):
            ready = (one.corpus, fold, _ready(one, fold, encoder, config.join))
        title = f"{one.corpus}, {row}, seed {seed}, fold {fold + 1} ({number} of {len(wanted)})"
        kept.add(_train(design, one, fold, row, seed, ready[2], encoder, config, out, title))
    return [kept.done[one.corpus, row, seed, fold] for seed, one, fold, row in wanted]


def _material(
    design: Design, corpus: str, clips: Sequence[Clip], encoder: FrozenEncoder, cache: Path, config: StudyConfig
) -> Material:
    own = [label for label in LABELS if any(clip.label == label for clip in clips)]
    labels = design.labels(corpus, own)
    clips = [clip for clip in clips if label_for(labels, clip.label) is not None]
    if len(labels) < 2:
        raise UsageError(f"{corpus}: one class alone cannot be learned")
    with stage(f"{corpus}: encoding with {encoder.name}", len(clips)) as shown:
        utterances = prepare(clips, encoder, "everything", cache, shown.advance)
    held_out = tuple(frozenset(clip.speaker for clip in part) for part in study_folds(clips).held_out)
    content = {
        "version": VERSION,
        **loop.fingerprint(config),
        "seeds": None,  # more of them may follow
        "encoder": encoder.digest(),
        "labels": labels,
        "clips": [[clip.name, clip.speaker, clip.label] for clip in clips],
        "folds": [sorted(speakers) for speakers in held_out],
    }
    say(
        f"{corpus}: {len(clips)} clips, {len({clip.speaker for clip in clips})} speakers, {len(labels)} classes, "
        f"{len(held_out)} folds"
    )
    return Material(corpus, labels, tuple(utterances), held_out, digest(content))


def _ready(material: Material, fold: int, encoder: FrozenEncoder, join: int) -> list[Utterance]:
    """Every clip's frames, standardised by the statistics of the speakers who are learned from, and averaged."""
    held = material.held_out[fold]
    head = encoder.head(Answers(name="study", labels=material.labels))
    head.begin([one for one in material.utterances if one.clip.speaker not in held])
    return [replace(one, sound=joined(one.sound, join)) for one in standardised(head, material.utterances)]


def joined(frames: Frames, join: int) -> Frames:
    """Frames (T, W) averaged by `join` to (T // join, W), the rest left out; all of fewer than `join` to one."""
    count = max(1, len(frames) // join)
    parts = frames[: count * join].reshape(count, -1, frames.shape[1])
    return np.asarray(parts.mean(1, dtype=np.float32), np.float16)


def _train(
    design: Design,
    material: Material,
    fold: int,
    row: str,
    seed: int,
    utterances: Sequence[Utterance],
    encoder: FrozenEncoder,
    config: StudyConfig,
    out: Path,
    title: str,
) -> Trained:
    held = material.held_out[fold]
    learned = [one for one in utterances if one.clip.speaker not in held]
    scored = sorted((one for one in utterances if one.clip.speaker in held), key=lambda one: one.frames)
    counted = Counter(material.target(one.clip) for one in learned)
    counts = [counted[label] for label in range(len(material.labels))]
    frame_s = config.join * encoder.contract.frame / encoder.contract.sample_rate
    epochs = max(1, round(config.steps / math.ceil(len(learned) / config.fit.batch)))
    began = time.process_time()
    torch.manual_seed(seed)
    head = design.head(row, material.corpus, learned[0].sound.shape[1], frame_s, counts, config.shape)
    settings = {"study": design.name, "corpus": material.corpus, "row": row, "fold": fold, "of": material.settings}
    checkpoint = out / f"part-{digest([settings, seed])}.safetensors"
    fitted = fit_head(
        head, learned, material, replace(config.fit, epochs=epochs, seed=seed), checkpoint, settings, title
    )
    batches = [gather(scored[first : first + FRAMES_AT_ONCE]) for first in range(0, len(scored), FRAMES_AT_ONCE)]
    said = predictions(head, batches)
    checkpoint.unlink()  # what it was for stands in the rows now
    return Trained(
        study=design.name,
        corpus=material.corpus,
        row=row,
        seed=seed,
        fold=fold,
        settings=material.settings,
        classes=list(material.labels),
        clips=len(learned),
        parameters=parameters_of(head),
        seconds=round(time.process_time() - began, 2),
        loss=round(fitted.losses[-1], 4),
        answers={
            rule: _counted(material, [one.clip for one in scored], labels.tolist()) for rule, labels in said.items()
        },
    )


def fit_head(
    head: StudyHead,
    learned: Sequence[Utterance],
    material: Material,
    config: HeadFit,
    checkpoint: Path,
    settings: Mapping[str, Any],
    title: str,
) -> loop.Fitted:
    """Train a head in place and leave the averaged weights in it; a checkpoint that Ctrl+C left is continued."""

    def loss(batch: Sequence[Utterance], number: int) -> Tensor:
        frames, mask = gather(batch)
        return head.loss(frames, mask, torch.tensor([material.target(one.clip) for one in batch]), number)

    training = training_by(loss, head, Draw(Heard(learned, []), config), config, settings)
    return loop.fit(training, checkpoint, resume=True, title=title)


def digest(content: Any) -> str:
    """A short name of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _counted(material: Material, clips: Sequence[Clip], labels: Sequence[int]) -> dict[str, list[list[int]]]:
    """The confusion matrix of each speaker of clips that were given these labels."""
    counted = {}
    for speaker in sorted({clip.speaker for clip in clips}):
        own = [i for i, clip in enumerate(clips) if clip.speaker == speaker]
        truth = np.array([material.target(clips[i]) for i in own])
        matrix = confusion(np.array([labels[i] for i in own]), truth, len(material.labels))
        counted[speaker] = matrix[:, :-1].astype(int).tolist()
    return counted
