"""From five trainings to a model that ships: folds of speakers, calibration, scores through the live path, the card."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from msgspec.structs import replace

from emoscope.models.cards import Card
from emoscope.models.cards import Corpus as CorpusCard
from emoscope.models.relative import RelativeModel
from emoscope.models.store import save_model

from ..corpora import CATEGORICAL, CORPORA, Clip
from ..corpora.folds import FOLDS, fold_speakers
from ..corpora.splits import Speakers, Split, assert_classes_present, split_by_speaker
from ..fit import Fitted
from ..progress import say
from .calibrate import HeldOutLogits, fit_calibration, together

PARTS = (*(f"fold-{k}" for k in range(FOLDS)), "all")
SCORES = "scores"
LABELS_OF: Mapping[str, Sequence[str]] = {name: CORPORA[name].labels for name in CATEGORICAL}

ModelT = TypeVar("ModelT", bound=RelativeModel)


@dataclass(frozen=True)
class Trained(Generic[ModelT]):
    """One finished training and its split."""

    model: ModelT
    fitted: Fitted
    split: Split


def parts_of(only_part: str | None) -> Sequence[str]:
    """The trainings that a run needs: all of them, one alone, or for SCORES those of the folds."""
    if only_part is None:
        return PARTS
    return PARTS[:FOLDS] if only_part == SCORES else (only_part,)


def fold_split(clips: Sequence[Clip], fold: int, corpora: Sequence[str]) -> Split:
    """Train on the speakers of the other folds; this fold's speakers are held out."""
    side = {}
    for corpus in corpora:
        there = {clip.speaker for clip in clips if clip.corpus == corpus}
        side[corpus] = sorted(fold_speakers(corpus, fold, there) & there)
    return split_by_speaker(clips, side, {})


def splits_of(clips: Sequence[Clip], corpora: Sequence[str], evaluation: Speakers) -> list[Split]:
    """The split of each of PARTS. SplitInvalid where one trains without a class of an acted corpus."""
    splits = [*(fold_split(clips, k, corpora) for k in range(FOLDS)), split_by_speaker(clips, {}, evaluation)]
    for split in splits:
        assert_classes_present("the training speakers", [c for c in split.train if c.corpus in CATEGORICAL], LABELS_OF)
    return splits


def finish(
    trained: Sequence[Trained[ModelT]],
    name: str,
    *,
    held_out: Callable[[Trained[ModelT]], HeldOutLogits],
    card: Callable[[Trained[ModelT], str, Sequence[Trained[ModelT]]], Card],
    data: Path,
    work: Path,
    out: Path,
    evaluation: Mapping[str, Collection[str]],
    resume: bool,
    only_scores: bool,
) -> Card | None:
    """Calibrate and score the folds' models, then calibrate, score and write the one that ships; the card as written.

    trained      the folds' trainings in order, then the one that ships; for `only_scores` those of the folds
    held_out     logits of a fold's model for its held-out speakers
    card         the card without scores: of a training, by name, with the folds that its calibration comes from
    evaluation   speakers on whom the shipped weights are scored
    resume       scores of a former run are read, where weights and code are the same
    only_scores  score the folds' models and write nothing to `out`; None then
    """
    folds = trained[:FOLDS]
    logits = [held_out(one) for one in folds]
    for k, one in enumerate(folds):
        # The temperatures of a fold are fitted without the fold's own speakers.
        one.model.calibration = fit_calibration(together([h for other, h in enumerate(logits) if other != k]))
        save_model(one.model, card(one, f"{name}, fold {k}", ()), work / "folds" / f"fold-{k}")
    from .scores import KeptScores, measure_folds, measure_shipped

    kept = KeptScores(work / "scores", resume or only_scores)
    scores = measure_folds(work / "folds", data, kept)
    if only_scores:
        return None
    shipped = trained[-1]
    shipped.model.calibration = fit_calibration(together(logits))
    say(f"calibration: {shipped.model.calibration}")
    made = card(shipped, name, folds)
    save_model(shipped.model, made, work / "unscored")
    scores += measure_shipped(work / "unscored", data, evaluation, kept)
    return save_model(shipped.model, replace(made, scores=scores), out)


def corpora_of(clips: Sequence[Clip], names: Sequence[str]) -> list[CorpusCard]:
    """What a card says of the corpora that these clips are from."""
    return [
        CorpusCard(
            name=corpus.name,
            speakers=sorted({clip.speaker for clip in clips if clip.corpus == corpus.name}),
            licence=corpus.licence,
            citation=corpus.citation,
        )
        for corpus in (CORPORA[name] for name in names)
    ]
