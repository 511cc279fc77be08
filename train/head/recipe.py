"""`emoscope train head`: a model for one's own labels and voices, from a folder or a table, in minutes."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import torch

from emoscope.models.cards import Audio, CalibrationCard, Card, replace_file
from emoscope.models.cards import Corpus as CorpusCard
from emoscope.models.reading import Calibration
from emoscope.models.store import save_model

from .. import fit as loop
from ..acted.calibrate import HeldOutLogits, fit_calibration, together
from ..corpora import Clip
from ..corpora.manifest import Ratings, list_own
from ..errors import CorpusInvalid, listed
from ..evaluation.selection import assert_usable
from ..progress import say, stage
from .dangers import dangers, recorded
from .encoders import Answers, FrozenEncoder, Head, dimensions_of, frozen_encoder
from .features import prepare
from .fitting import HeadFit, Heard, fit_head, outputs_of
from .folds import divide, speakers_of
from .report import Answered, HeadReport, HeldOut, answered, joined, lines, report_of, scores_of

REPORT = "report.json"
TEST = "test"
PARENT = "the encoder learned labels from {}: on recordings of theirs these scores flatter"


@dataclass(frozen=True, kw_only=True)
class HeadRecipe:
    """Everything that determines the weights, besides the clips."""

    encoder: str = "small"
    layer: int | None = None
    labels: tuple[str, ...] = ()
    ratings: Ratings = field(default_factory=Ratings)
    fit: HeadFit = field(default_factory=HeadFit)


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What `report.json` holds: the scores, what spoils them, and how long it took."""

    reports: list[HeadReport]
    dangers: list[str]
    minutes: float


def train_head(
    data: Path, work: Path, out: Path, recipe: HeadRecipe, name: str, resume: bool = False, threads: int = 2
) -> Outcome:
    """Encode, cross-validate, calibrate, train on everybody, and write the model to `out`, with its report.

    data  a folder with a folder a label, a CSV, or an audformat database; clips of its test split are never trained on
    work  cache of frames, and checkpoints, from which `resume` continues
    """
    torch.set_num_threads(threads)
    began = time.monotonic()
    clips = list_own(data, recipe.labels, recipe.ratings)
    assert_usable(clips)
    learned, test = sides(clips)
    encoder = frozen_encoder(recipe.encoder, recipe.layer)
    heard, unheard = listen(clips, encoder, work / "cache")
    with stage("looking for what spoils a training", len(clips)) as shown:
        how = {}
        for clip in clips:
            how[clip.name] = recorded(clip)
            shown.advance()
    found = dangers(clips, how, unheard)
    answers = Answers(
        name=name,
        labels=tuple(sorted({clip.label for clip in learned})),
        dimensions=dimensions_of(encoder, all(clip.dimensions for clip in learned)),
        languages=tuple(sorted({clip.language for clip in learned} - {""})),
    )
    validated, calibration, by = cross_validate(encoder, heard, learned, answers, recipe.fit, work, resume)
    head, fitted = fit_head(
        encoder, heard.of(learned), answers, recipe.fit, work / "all.safetensors", resume, "training on everybody"
    )
    reports = [report_of(validated, answers.labels, answers.dimensions, "cross-validation", by)]
    if test:
        made = answered(hold_out(head, heard.of(test).whole, encoder), calibration, answers.labels)
        reports.append(report_of(made, answers.labels, answers.dimensions, TEST, "speaker"))
    model = head.model()
    model.calibration = calibration
    notes = list(found)
    if encoder.parent:
        notes.append(PARENT.format(listed([corpus.name for corpus in encoder.parent], 9)))
    minutes = round((time.monotonic() - began) / 60, 2)
    card = make_card(head, encoder, answers, calibration, learned, data, recipe, reports, notes, fitted, minutes)
    save_model(model, card, out)
    outcome = Outcome(reports=reports, dangers=found, minutes=minutes)
    replace_file(out / REPORT, msgspec.json.format(msgspec.json.encode(outcome)) + b"\n")
    for report in reports:
        for line in lines(report):
            say(line)
    for danger in notes:
        say(f"beware: {danger}")
    return outcome


def sides(clips: Sequence[Clip]) -> tuple[list[Clip], list[Clip]]:
    """The clips to learn from and the test clips; CorpusInvalid where a test label was never learned."""
    learned, test = [c for c in clips if c.split != TEST], [c for c in clips if c.split == TEST]
    if not learned:
        raise CorpusInvalid("every clip is of the test split; some must be left to learn from")
    labels = {clip.label for clip in learned}
    if strange := sorted({clip.label for clip in test} - labels):
        raise CorpusInvalid(f"only the test split has {listed(strange)}; leave them out with --labels, or divide anew")
    return learned, test


def listen(clips: Sequence[Clip], encoder: FrozenEncoder, cache: Path) -> tuple[Heard, list[Clip]]:
    """The utterances of clips as the encoder hears them, and the clips in which no speech was detected.

    Those are heard from end to end: a label such as "hold music" has no speech.
    """
    with stage(f"encoding with {encoder.name}", 2 * len(clips)) as shown:
        whole = prepare(clips, encoder, "whole", cache, shown.advance)
        beginnings = prepare(clips, encoder, "beginnings", cache, shown.advance)
    spoken = {u.clip.name for u in whole}
    unheard = [clip for clip in clips if clip.name not in spoken]
    if unheard:
        with stage(f"encoding {len(unheard)} clips without detected speech", len(unheard)) as shown:
            whole += prepare(unheard, encoder, "everything", cache, shown.advance)
    return Heard(whole, beginnings), unheard


def cross_validate(
    encoder: FrozenEncoder,
    heard: Heard,
    clips: Sequence[Clip],
    answers: Answers,
    config: HeadFit,
    work: Path,
    resume: bool,
) -> tuple[Answered, Calibration, str]:
    """Answers for every clip by a head that did not hear its speaker; the calibration; and what was held out.

    The temperatures by which a fold is scored are fitted without the fold's own clips.
    """
    folds = divide(clips, seed=config.seed)
    parts: list[HeldOut] = []
    logits: list[HeldOutLogits] = []
    for k, held_out in enumerate(folds.held_out):
        names = {clip.name for clip in held_out}
        rest = [clip for clip in clips if clip.name not in names]
        title = f"fold {k + 1} of {len(folds.held_out)}"
        head, _ = fit_head(encoder, heard.of(rest), answers, config, work / f"fold-{k}.safetensors", resume, title)
        own = heard.of(held_out)
        parts.append(hold_out(head, own.whole, encoder))
        pieces = [parts[-1], *([hold_out(head, own.beginnings, encoder)] if own.beginnings else [])]
        logits.append(together([piece.for_calibration(answers.labels) for piece in pieces]))
    made = []
    for k, part in enumerate(parts):
        others = [one for other, one in enumerate(logits) if other != k]
        made.append(answered(part, fit_calibration(together(others)), answers.labels))
    return joined(made), fit_calibration(together(logits)), folds.by


def hold_out(head: Head, utterances: Sequence, encoder: FrozenEncoder) -> HeldOut:  # type: ignore[type-arg]
    """The head's logits of utterances that it did not learn from."""
    contract = encoder.contract
    return HeldOut(utterances, *outputs_of(head, utterances), contract.frame / contract.sample_rate)


def make_card(
    head: Head,
    encoder: FrozenEncoder,
    answers: Answers,
    calibration: Calibration,
    clips: Sequence[Clip],
    data: Path,
    recipe: HeadRecipe,
    reports: Sequence[HeadReport],
    notes: list[str],
    fitted: loop.Fitted,
    minutes: float,
) -> Card:
    """The card: whose data it was, how it was trained, what to expect."""
    model = head.model()
    contract = answers.contract(encoder.contract)
    own = CorpusCard(
        name=data.resolve().stem,
        speakers=speakers_of(clips),
        licence="not stated: the owner of the recordings decides",
        citation="recordings of the person who trained this model",
    )
    trained = sum(p.numel() for p in head.trained.parameters() if p.requires_grad)
    return Card(
        format=1,
        id=answers.name,
        version="1",
        architecture=model.architecture,
        config=model.card_config(),  # type: ignore[operator]
        audio=Audio.of(contract, f"as the encoder {encoder.name} takes it"),
        labels=list(answers.labels),
        dimensions=list(answers.dimensions),
        derived=False,
        calibration=CalibrationCard.of(calibration),
        languages=list(answers.languages),
        licence="that of the recordings and of the encoder",
        data=[own, *encoder.parent],
        training={
            "command": "emoscope train head",
            "encoder": encoder.name,
            "layer": recipe.layer,
            "parameters": trained,
            "clips": len(clips),
            "minutes": minutes,
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "last_loss": round(fitted.losses[-1], 4),
            **loop.fingerprint(recipe.fit),
        },
        scores=[score for report in reports for score in scores_of(report, own.name)],
        notes=notes,
        weights_sha256="",
    )
