"""`emoscope train attentive` and `emoscope train segmental`: the recipes of the published systems, on RAVDESS.

segmental  Porjazovski et al. (2024), sections 2 and 4: actors 1-20 for training, 21-22 for development, 23-24 for
           the test if present
attentive  Leygue et al. (2025), sections 2.3 and 3, whose corpus (MSP-Podcast) is available on request only: here
           RAVDESS, with its labels among the eight and without transcripts, because both of its sentences occur in
           every emotion

Neither paper names the selected epoch; here it is the best on the development speakers.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import msgspec
import torch

from emoscope.models.cards import Card, Score
from emoscope.models.cards import Corpus as CorpusCard
from emoscope.models.errors import NotCached, UsageError
from emoscope.models.pooling import POOLINGS
from emoscope.models.store import save_model
from emoscope.models.systems import SEGMENTAL_CORPORA, SEGMENTAL_ROWS, SYSTEMS, build, draft_card, load_encoders

from ..corpora import CORPORA, Clip, load_corpora
from ..corpora.splits import Speakers, assert_classes_present, split_by_speaker
from ..evaluation.intervals import interval
from ..evaluation.offline import through_windows
from ..evaluation.scores import macro_f1, uar
from ..fit import fingerprint
from ..progress import say
from .fitting import Recipe, fit
from .losses import subsample_majority
from .phases import ATTENTIVE, SEGMENTAL
from .scoring import Model, predicted_and_true, target, whole_utterances

DRY_RUN = "a tiny encoder that began with random weights: a dry run of the recipe, its readings mean little"
NOTES = {
    "attentive": "published on MSP-Podcast with transcripts; this one learned from RAVDESS, from the voice alone: no "
    "score of the paper is comparable, and `contempt`, which RAVDESS lacks, was never train",
    "segmental": "the kept epoch is the best on actors 21 and 22, so their score flatters; the paper's is of 23 and 24",
}


# Batch, most epochs, patience and warm-up of `attentive` are our choice: the paper gives none.
RECIPES = {
    "attentive": Recipe(
        system="attentive", row="MQMHA-2x2", stages=ATTENTIVE, epochs=20, batch=16, patience=3, warm_up=0.1
    ),
    "segmental": Recipe(
        system="segmental", row="seg+tri(W)", stages=SEGMENTAL, epochs=30, batch=12, patience=None, warm_up=None
    ),
}


def new_model(recipe: Recipe) -> Model:
    """The system of the row with fresh weights, the same for the same seed."""
    rows = {"attentive": tuple(POOLINGS), "segmental": tuple(SEGMENTAL_ROWS)}[recipe.system]
    if recipe.row not in rows:
        raise UsageError(f"{recipe.system} has no row {recipe.row!r}; it has {', '.join(rows)}")
    changes: dict[str, Any] = {"pooling": recipe.row, "modalities": "audio"}
    if recipe.system == "segmental":
        changes = {**SEGMENTAL_CORPORA["ravdess"], **SEGMENTAL_ROWS[recipe.row]}
    torch.manual_seed(recipe.seed)
    return cast(Model, build(recipe.system, recipe.size, **changes))


def train_published(
    recipe: Recipe,
    data: Path,
    work: Path,
    out: Path,
    encoder: str | Path | None = None,
    download: bool = False,
    resume: bool = False,
    threads: int = 2,
    device: str = "cpu",
) -> Card:
    """Train, score, and write the model to `out`; the card as written.

    data     holds the folder ravdess; work: the checkpoint, from which `resume` continues
    encoder  folder or hub name of the pretrained speech encoder, by default the paper's; a tiny one has none
    """
    torch.set_num_threads(threads)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch's own, for a name or a build that lacks it
        raise UsageError(f"--device {device}: {str(error).splitlines()[0]}") from None
    model = new_model(recipe)
    checkpoint = encoder or SYSTEMS[recipe.system].encoders["speech"]
    if recipe.size == "published":
        try:
            load_encoders(model, {"speech": checkpoint}, download)
        except NotCached as error:
            raise NotCached(f"{error}; or --encoders DIR, --download, or --size tiny for a dry run") from None
    clips = load_corpora(data, ("ravdess",))
    present = {clip.speaker for clip in clips}
    test: Speakers = {"ravdess": [speaker for speaker in recipe.test if speaker in present]}
    split = split_by_speaker(clips, {"ravdess": recipe.development}, test)
    for side, some in (("the training speakers", split.train), ("the development speakers", split.held_out)):
        assert_classes_present(side, some, {"ravdess": CORPORA["ravdess"].labels})
    train, development = split.train, split.held_out
    if recipe.system == "attentive":
        train, development = subsampled(model, train, 8.0), subsampled(model, development, 1.0)
        say("attentive: RAVDESS in place of MSP-Podcast, without transcripts: the voice alone")
    fitted = fit(model, train, development, recipe, work / "published.safetensors", resume, device)
    model.to("cpu").eval()
    scores = []
    for name, some in (("development", development), ("test", split.evaluation)):
        if some:
            scores += measure(model, some, name, recipe.batch)
    for score in scores:
        say(f"{score.corpus}; {score.protocol}: {score.metric} {score.value:.3f}, n={score.n}")
    corpus = CORPORA["ravdess"]
    speakers = sorted({clip.speaker for clip in split.train})
    card = draft_card(
        model,
        corpus.licence,
        [CorpusCard(name=corpus.name, speakers=speakers, licence=corpus.licence, citation=corpus.citation)],
        {
            "command": f"emoscope train {recipe.system}",
            "encoder": "random" if recipe.size == "tiny" else str(checkpoint),
            "clips": len(train),
            **fingerprint(recipe),
            **fitted,
        },
        [NOTES[recipe.system], *([DRY_RUN] if recipe.size == "tiny" else [])],
    )
    return save_model(model, msgspec.structs.replace(card, scores=[*card.scores, *scores]), out)


def subsampled(model: Model, clips: Sequence[Clip], ratio: float) -> tuple[Clip, ...]:
    """No class more than `ratio` times as often as the rarest: 8 for training (section 3), 1 for development."""
    return tuple(clips[i] for i in subsample_majority([target(model, clip) for clip in clips], ratio))


def measure(model: Model, clips: Sequence[Clip], side: str, batch: int) -> list[Score]:
    """UAR and macro F1 of whole utterances and of the stream's own utterances and windows, and how often they agree."""
    found = []
    who = f"ravdess, {side} speakers {', '.join(sorted({clip.speaker for clip in clips}))}"
    answers = []
    for how, scores in (
        ("whole utterances", whole_utterances(model, clips, batch)),
        ("in windows, as in the stream", through_windows(model, clips)),
    ):
        predicted, truth = predicted_and_true(model, clips, scores)
        answers.append(predicted)
        low, high = interval(predicted, truth)
        protocol, n = f"7 classes, calm counts as neutral, {how}", len(clips)
        value, f1, ci95 = (
            round(uar(predicted, truth), 4),
            round(macro_f1(predicted, truth), 4),
            (round(low, 4), round(high, 4)),
        )
        found.append(Score(corpus=who, protocol=protocol, metric="UAR", value=value, ci95=ci95, n=n))
        found.append(Score(corpus=who, protocol=protocol, metric="macro F1", value=f1, n=n))
    same = round(float((answers[0] == answers[1]).mean()), 4)
    protocol = "whole utterances and windows give the same label"
    found.append(Score(corpus=who, protocol=protocol, metric="agreement", value=same, n=len(clips)))
    return found
