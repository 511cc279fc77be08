"""`emoscope train small`: the weights that ship with Emoscope, made again from RAVDESS, EmoDB and nEMO.

Two trainings of one recipe. The first leaves some speakers of each corpus out; on them the temperature and the
threshold of `unsure` are found. The second learns from them too, and is what ships. RAVDESS's actors 21 and 22 are
in neither: they are scored once, at the end, through the live path.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import torch

from emoscope.models.card import Audio, CalibrationCard, Card, Score
from emoscope.models.card import Corpus as CorpusCard
from emoscope.models.contract import ModelContract
from emoscope.models.reading import DIMENSIONS, Calibration
from emoscope.models.small import SmallConfig, SmallModel
from emoscope.models.store import save_model

from ..augment import AugmentConfig
from ..batches import BatchConfig
from ..calibrate import fit_calibration, hear_beginnings
from ..corpora import CATEGORICAL, CORPORA, LABELS, Clip, load_corpora
from ..evaluation.offline import scored, through_stream, through_windows
from ..evaluation.protocols import RAVDESS_7, RAVDESS_8, Protocol
from ..evaluation.scores import Probabilities
from ..features import Utterance, prepare
from ..loop import FitConfig, Fitted, fingerprint, fit
from ..pooling import logits_of
from ..progress import say, stage
from ..splits import Speakers, assert_classes_present, split_by_speaker
from .small_notes import NOTES

CONTRACT = ModelContract(
    id="small",
    labels=LABELS,
    dimensions=DIMENSIONS,
    derived=True,
    window=25_600,
    hop=12_800,
    frame=640,
    lookback=240,
    tail=4_800,
    languages=("de", "en", "pl"),
    licence="CC BY-NC-SA 4.0",
)
CURVE_S = (0.5, 1.0, 1.5, 2.0)
SHIPPED = FitConfig(
    epochs=60,
    batches=BatchConfig(size=32, per_epoch={"ravdess": 1600, "emodb": 560, "nemo": 1000}, whole=0.35),
    augment=AugmentConfig(mixup=0.3, noise=0.4),
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides the weights."""

    fit: FitConfig = SHIPPED
    calibration_epochs: int = 40
    model: SmallConfig = field(default_factory=SmallConfig)
    speeds: tuple[float, ...] = (0.88, 0.94, 1.0, 1.06, 1.12)
    held_out: Speakers = field(
        default_factory=lambda: {"ravdess": ("17", "18", "19", "20"), "emodb": ("08", "10"), "nemo": ("MK0", "SM0")}
    )
    evaluation: Speakers = field(default_factory=lambda: {"ravdess": ("21", "22")})


def train_small(data: Path, work: Path, out: Path, recipe: Recipe, resume: bool = False, threads: int = 2) -> Card:
    """Train, calibrate, score, and write the model to `out`; the card as written.

    data     holds a folder for each corpus
    work     cache and checkpoints; with `resume`, what is there is gone on with
    threads  of torch; sums are split among them, so the weights differ in the last digits with their number
    """
    # A clip is too little work to share: threads would spend their time waiting for each other.
    torch.set_num_threads(1)
    clips = load_corpora(data, CATEGORICAL)
    tuning = split_by_speaker(clips, recipe.held_out, recipe.evaluation)
    shipping = split_by_speaker(clips, {}, recipe.evaluation)
    allowed = {corpus.name: corpus.labels for corpus in (CORPORA[name] for name in CATEGORICAL)}
    assert_classes_present("the training speakers", tuning.train, allowed)
    assert_classes_present("the held-out speakers", tuning.held_out, allowed)
    speeds = prepare_speeds(shipping.train, recipe, work / "cache")
    torch.set_num_threads(threads)

    first = new_model(recipe)
    train = only(speeds, tuning.train)
    short = replace(recipe.fit, epochs=recipe.calibration_epochs)
    tuning_fit = fit(first, train, allowed, short, work / "held-out.safetensors", resume, "held-out speakers")
    held_out = only([speeds[recipe.speeds.index(1.0)]], tuning.held_out)[0]
    calibration = fit_calibration(hear_beginnings(first, held_out))
    tuned = measure_held_out(first, held_out)
    say(f"calibration: {calibration}")
    tell(tuned)

    model = new_model(recipe)
    fitted = fit(model, speeds, allowed, recipe.fit, work / "all.safetensors", resume, "all speakers")
    model.calibration = calibration
    card = make_card(model, calibration, recipe, shipping.train, [tuning_fit, fitted])
    scores = measure(model, shipping.evaluation)
    tell(scores)
    return save_model(model, msgspec.structs.replace(card, scores=scores + tuned), out)


def new_model(recipe: Recipe) -> SmallModel:
    """Fresh weights, the same for the same seed."""
    torch.manual_seed(recipe.fit.seed)
    return SmallModel(recipe.model, CONTRACT, Calibration())


def prepare_speeds(clips: Sequence[Clip], recipe: Recipe, cache: Path) -> list[list[Utterance]]:
    """The clips' utterances at each of the recipe's speeds."""
    frontend = new_model(recipe).frontend
    speeds = []
    with stage("listening", len(clips) * len(recipe.speeds)) as shown:
        for speed in recipe.speeds:
            utterances: list[Utterance] = []
            for corpus in CATEGORICAL:
                some = [clip for clip in clips if clip.corpus == corpus]
                utterances += prepare(some, frontend, CONTRACT, speed, cache, shown.advance)
            speeds.append(utterances)
    return speeds


def only(speeds: Sequence[Sequence[Utterance]], clips: Sequence[Clip]) -> list[list[Utterance]]:
    """The utterances of these clips alone."""
    wanted = set(clips)
    return [[u for u in utterances if u.clip in wanted] for utterances in speeds]


def measure(model: SmallModel, clips: Sequence[Clip]) -> list[Score]:
    """UAR of the evaluation speakers through the live path, and after so many seconds of speech."""
    found = []
    with stage("scoring", len(clips) * (1 + len(CURVE_S))) as shown:
        live = through_stream(model, clips, shown.advance)
        for protocol in (RAVDESS_7, RAVDESS_8):
            found.append(_score(clips, protocol, "through the stream", live))
        for seconds in CURVE_S:
            early = through_windows(model, clips, seconds, shown.advance)
            found.append(_score(clips, RAVDESS_8, f"the first {seconds:g} s of each utterance", early))
    return found


def measure_held_out(model: SmallModel, utterances: Sequence[Utterance]) -> list[Score]:
    """UAR on the held-out speakers of each corpus, whole utterances: what the recipe was chosen by."""
    found = []
    for corpus in (CORPORA[name] for name in CATEGORICAL):
        some = [u for u in utterances if u.clip.corpus == corpus.name]
        logits = logits_of(model, [torch.from_numpy(u.mel) for u in some])
        scores = torch.softmax(logits.double(), -1).numpy()
        own = Protocol(f"{len(corpus.labels)} classes", corpus.labels, {})
        for protocol in (RAVDESS_7, RAVDESS_8) if corpus.name == "ravdess" else (own,):
            how = "whole utterances, speakers held out to find the temperature, by the training without them"
            found.append(_score([u.clip for u in some], protocol, how, scores))
    return found


def _score(clips: Sequence[Clip], protocol: Protocol, how: str, scores: Probabilities) -> Score:
    value, ci95 = scored(LABELS, scores, clips, protocol)
    return Score(
        corpus=f"{clips[0].corpus}, speakers {', '.join(sorted({clip.speaker for clip in clips}))}",
        protocol=f"{protocol.name}, {how}",
        metric="UAR",
        value=round(value, 4),
        ci95=(round(ci95[0], 4), round(ci95[1], 4)),
        n=len(clips),
    )


def tell(scores: Sequence[Score]) -> None:
    """One line a figure."""
    for score in scores:
        say(f"{score.corpus}; {score.protocol}: {score.metric} {score.value:.3f}, 95 % {score.ci95}, n={score.n}")


def make_card(
    model: SmallModel,
    calibration: Calibration,
    recipe: Recipe,
    trained: Sequence[Clip],
    fits: Sequence[Fitted],
) -> Card:
    """The card without scores. `fits`: the training without the held-out speakers, and the one that ships."""
    contract = model.contract
    parameters = sum(p.numel() for p in model.parameters())
    return Card(
        format=1,
        id=contract.id,
        version="1",
        architecture=model.architecture,
        config={name: list(v) if isinstance(v, tuple) else v for name, v in model.card_config().items()},
        audio=Audio.of(
            contract,
            f"mel powers in dB; each window's peak becomes 0, then at least -{model.config.range_db:g}, "
            "then the window's mean is taken away and all is divided by 15",
        ),
        labels=list(contract.labels),
        dimensions=list(contract.dimensions),
        derived=contract.derived,
        calibration=CalibrationCard.of(calibration),
        languages=list(contract.languages),
        licence=contract.licence,
        data=[
            CorpusCard(
                name=corpus.name,
                speakers=sorted({clip.speaker for clip in trained if clip.corpus == corpus.name}),
                licence=corpus.licence,
                citation=corpus.citation,
            )
            for corpus in (CORPORA[name] for name in CATEGORICAL)
        ],
        training={
            "command": "emoscope train small",
            "parameters": parameters,
            "clips": len(trained),
            "minutes": [round(fitted.seconds / 60, 1) for fitted in fits],
            "threads": torch.get_num_threads(),
            "torch": str(torch.__version__),
            "last_loss": round(fits[-1].losses[-1], 4),
            "held_out_for_calibration": {corpus: list(names) for corpus, names in recipe.held_out.items()},
            "calibration_epochs": recipe.calibration_epochs,
            "speeds": list(recipe.speeds),
            **fingerprint(recipe.fit),
        },
        scores=[],
        notes=list(NOTES),
        weights_sha256="",
    )
