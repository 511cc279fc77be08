"""`emoscope train SYSTEM`: a published system by its paper's recipe, on the reader's own copy of a corpus."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import torch

from emoscope.models.cards import Card, Score
from emoscope.models.cards import Corpus as CorpusCard
from emoscope.models.errors import HeadMismatch, NotCached, UsageError
from emoscope.models.store import save_model
from emoscope.models.systems import AttributesModel, draft_card, load_encoders
from emoscope.models.text_model import TextModel

from ..corpora import Clip
from ..corpora.library import LIBRARY, Division, divide, list_corpus
from ..corpora.listing import Corpus
from ..corpora.splits import assert_classes_present, assert_speakers_apart
from ..corpora.unacted import list_sounds
from ..fit import fingerprint
from ..progress import say
from .augment import Augment
from .dry_run import few, give_letters
from .fitting import Recipe, fit
from .measure import measure
from .recipes import RECIPES, dry, encoders_of, new_model
from .sampling import moved, subsampled, usable
from .scoring import CHOSEN_BY, Model, target
from .words import require_texts, with_transcripts

__all__ = ["RECIPES", "new_model", "train_published"]

DRY_RUN = "a tiny encoder that began with random weights: a dry run of the recipe, its readings mean little"
ON_RAVDESS = {
    "attentive": "published on MSP-Podcast with transcripts; this one learned from RAVDESS, from the voice alone: no "
    "score of the paper is comparable, and `contempt`, which RAVDESS lacks, was never train",
    "segmental": "the kept epoch is the best on actors 21 and 22, so their score flatters; the paper's is of 23 and 24",
}


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
    asr: str = "none",
    dry_run: bool = False,
    sounds: Path | None = None,
    curves: Path | None = None,
) -> Card:
    """Train, score, and write the model to `out`; the card as written.

    data     the corpus's folder, or the one that holds it; work: the checkpoint, from which `resume` continues
    encoder  folder or hub name of the pretrained speech encoder, by default the paper's; a tiny one has none
    asr      what makes transcripts for clips without one, for a system that reads words
    sounds   a folder of recordings without a voice: noise where the recipe augments
    dry_run  a tiny size, and few clips, through every phase
    """
    torch.set_num_threads(threads)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # torch's own, for a name or a build that lacks it
        raise UsageError(f"--device {device}: {str(error).splitlines()[0]}") from None
    recipe = dry(recipe) if dry_run else recipe
    clips = list_corpus(recipe.corpus, data)
    model = new_model(recipe)
    checkpoints = encoders_of(model, None if encoder is None else str(encoder))
    if recipe.size == "published":
        try:
            load_encoders(model, checkpoints, download)
        except NotCached as error:
            raise NotCached(f"{error}; or --encoders DIR, --download, or --dry-run for a try without") from None
        except HeadMismatch as error:
            raise HeadMismatch(f"{error}; --encoders DIR names another") from None
    else:
        give_letters(model)
    division = divide(clips, recipe.fold)
    train, development, test = sides(model, division, recipe)
    if dry_run:
        train, development, test = few(train), few(development), few(test)
    if isinstance(model, TextModel) and model.text_encoders:
        train, development, test = (
            with_transcripts(some, asr, work) if some else some for some in (train, development, test)
        )
        require_texts(train, recipe.system)
    say(f"{recipe.system} on {recipe.corpus}: {len(train)} clips to learn from, {len(development)} to choose by, "
        f"{len(test)} for the test; {division.source}")  # fmt: skip
    voices = len({clip.speaker for clip in train})
    if isinstance(model, AttributesModel) and 0 < model.config.speakers < voices:
        raise UsageError(f"speakers={model.config.speakers}: {voices} speakers train; speakers={voices}")
    noises = list_sounds(sounds) if sounds is not None else []
    augment = Augment(recipe.augment, noises) if recipe.augment else None
    fitted = fit(model, train, development, recipe, work / "published.safetensors", resume, device, augment, curves)
    model.to("cpu").eval()
    scores: list[Score] = []
    for name, some in (("development", development), ("test", test)):
        if some:
            scores += measure(model, some, name, recipe)
    for score in scores:
        say(f"{score.corpus}; {score.protocol}: {score.metric} {score.value:.3f}, n={score.n}")
    training = {
        "command": f"emoscope train {recipe.system}",
        "encoder": "random" if recipe.size == "tiny" else ", ".join(checkpoints.values()),
        "clips": len(train),
        "division": division.source,
        "chosen_by": CHOSEN_BY[recipe.system],
        **fingerprint(recipe),
        **fitted,
    }
    notes = [ON_RAVDESS[recipe.system]] if recipe.corpus == "ravdess" and recipe.system in ON_RAVDESS else []
    notes += [DRY_RUN] if recipe.size == "tiny" else []
    card = draft_card(model, LIBRARY[recipe.corpus].licence, [_data(LIBRARY[recipe.corpus], train)], training, notes)
    return save_model(model, msgspec.structs.replace(card, scores=[*card.scores, *scores]), out)


def sides(model: Model, division: Division, recipe: Recipe) -> tuple[list[Clip], list[Clip], list[Clip]]:
    """The clips to learn from, to choose by and to test on, sampled as the recipe says. SpeakerLeak, SplitInvalid.

    The speakers of a corpus's own partitions are as its owners divided them; all others must be apart.
    """
    train, development = moved(division.train, division.development, recipe.others)
    train = usable(model, train, "train", recipe.others)
    development = usable(model, development, "development")
    test = usable(model, division.test, "test") if division.test else []
    if not any(clip.split for clip in division.train):
        assert_speakers_apart(train=train, held_out=development, evaluation=test)
    if recipe.corpus == "ravdess":
        for side, some in (("the training speakers", train), ("the development speakers", development)):
            labels = LIBRARY[recipe.corpus].labels
            assert_classes_present(side, some, {recipe.corpus: labels})
    train = list(subsampled(train, _classes(model, train), recipe.ratio, recipe.seed))
    ratio = 1.0 if recipe.balanced else None
    return train, list(subsampled(development, _classes(model, development), ratio, recipe.seed)), test


def _classes(model: Model, clips: Sequence[Clip]) -> list[str]:
    """What is counted to balance: labels by the model's names, or for `attributes` the corpus's ten, O and X too."""
    if isinstance(model, AttributesModel):
        return [clip.label for clip in clips]
    return [model.contract.labels[target(model, clip)] for clip in clips]


def _data(corpus: Corpus, clips: Sequence[Clip]) -> CorpusCard:
    speakers = sorted({clip.speaker for clip in clips})
    return CorpusCard(name=corpus.name, speakers=speakers, licence=corpus.licence, citation=corpus.citation)
