"""The scores on the card of `small`: through the live path, by models that were not trained on the speaker."""

import hashlib
import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

import emoscope.models
import emoscope.streamer
from emoscope.models.cards import Score, read_card, replace_file
from emoscope.streamer import Config

from .. import corpora, evaluation
from ..corpora.folds import FOLDS
from ..evaluation.claims import evaluate_claims
from ..evaluation.evaluate import Plan, Report, evaluate
from ..evaluation.figures import Figures
from ..evaluation.protocols import protocol_of
from ..evaluation.selection import find_clips, fold_models, of_protocol, of_speakers, one_model, readable
from ..evaluation.sessions import SessionConfig
from ..progress import stage

FOLDED = ("ravdess", "emodb", "nemo", "emotale")
JOBS = 2


@dataclass(frozen=True)
class KeptScores:
    """A cache of scores, one file a table, so that a run that was stopped does not compute them again.

    use   whether existing files are read; else they are only written
    """

    folder: Path
    use: bool

    def of(self, folders: Sequence[Path], name: str, make: Callable[[], list[Score]]) -> list[Score]:
        """The scores `name` of the models in `folders`, computed again for other weights or other code."""
        cards = [read_card(folder) for folder in folders]
        parts = [msgspec.json.encode((card.weights_sha256, card.calibration)) for card in cards]
        parts += [file.read_bytes() for file in _code()]
        path = self.folder / f"{name}-{hashlib.sha256(b''.join(parts)).hexdigest()[:16]}.json"
        if self.use and path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=list[Score])
        scores = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, msgspec.json.encode(scores))
        return scores


def _code() -> list[Path]:
    """The source files that scores depend on besides weights and recordings."""
    packages = (emoscope.models, emoscope.streamer, evaluation, corpora)
    return [file for package in packages for file in sorted(Path(inspect.getfile(package)).parent.rglob("*.py"))]


def measure_folds(folds: Path, data: Path, kept: KeptScores) -> list[Score]:
    """Scores of the models in `folds`, fold-0 to fold-3, each on its held-out speakers."""
    folders = [folds / f"fold-{k}" for k in range(FOLDS)]
    scores: list[Score] = []
    for corpus in FOLDED:
        for how, config, sessions in SETTINGS:
            make = partial(_fold_scores, corpus, data, folders, how, config, sessions)
            scores += kept.of(folders, _slug(corpus, how), make)
    if (data / "read").is_dir():
        scores += kept.of(folders, "read", partial(_claim_scores, data, folders))
    return scores


def _claim_scores(data: Path, folders: Sequence[Path]) -> list[Score]:
    """How much of read speech is said to have an emotion, by models that were not trained on the speaker."""
    clips = readable(find_clips("read", data))
    plan = Plan(
        corpus="read",
        parts=fold_models(folders, clips, False),
        protocol=protocol_of(None, "read"),
        config=Config(pace="fast", attention=False, interim=False),
        jobs=JOBS,
        threads=1,
    )
    with stage("scoring read", len(clips)) as shown:
        report = evaluate_claims(plan, 0, shown.advance)
    return [
        Score(
            corpus="read",
            protocol=f"{group.name}, {FOLDS} folds of speakers, no baseline, through the stream",
            metric="share of finals that claim an emotion",
            value=round(group.claims, 4),
            ci95=None if group.ci95 is None else (round(group.ci95[0], 4), round(group.ci95[1], 4)),
            n=group.finals,
        )
        for group in report.groups
        if group.claims is not None
    ]


def _fold_scores(
    corpus: str, data: Path, folders: Sequence[Path], how: str, config: Config, sessions: SessionConfig
) -> list[Score]:
    return _scores(_report(corpus, data, folders, config, sessions), f"{FOLDS} folds of speakers, {how}")


def measure_shipped(
    model: Path, data: Path, evaluation: Mapping[str, Collection[str]], kept: KeptScores
) -> list[Score]:
    """Scores of the shipped weights on the held-out speakers of `evaluation` and on URDU."""

    def held_out() -> list[Score]:
        found: list[Score] = []
        for corpus, speakers in evaluation.items():
            for protocol in (f"{corpus}-7", f"{corpus}-8"):
                report = _report(corpus, data, [model], *SETTINGS[0][1:], protocol=protocol, speakers=speakers)
                found += _scores(report, f"the weights that ship, speakers {', '.join(speakers)}")
        return found

    def urdu() -> list[Score]:
        found: list[Score] = []
        for how, config, sessions in SETTINGS:
            found += _scores(_report("urdu", data, [model], config, sessions), f"the weights that ship, {how}")
        return found

    scores = kept.of([model], "spared", held_out)
    return scores + kept.of([model], "urdu", urdu) if (data / "urdu").is_dir() else scores


def _slug(*parts: str) -> str:
    return "-".join(part.replace(",", "").replace(" ", "-") for part in parts)


def _config(baseline: str) -> Config:
    # Interims are scored without a baseline alone, and cost more than everything else.
    return Config(
        pace="fast",
        attention=False,
        interim=baseline == "off",
        baseline=baseline,  # type: ignore[arg-type]
    )


SETTINGS: tuple[tuple[str, Config, SessionConfig], ...] = (
    ("no baseline", _config("off"), SessionConfig()),
    ("running baseline, shuffled", _config("running"), SessionConfig(session="speaker")),
    ("running baseline, in blocks", _config("running"), SessionConfig(session="speaker", order="blocks")),
)


def _report(
    corpus: str,
    data: Path,
    folders: Sequence[Path],
    config: Config,
    sessions: SessionConfig,
    protocol: str | None = None,
    speakers: Collection[str] = (),
) -> Report:
    every = find_clips(corpus, data)
    chosen = protocol_of(protocol, corpus)
    clips = of_protocol(of_speakers(every, speakers) if speakers else every, chosen)
    parts = one_model(folders[0], clips, False) if len(folders) == 1 else fold_models(folders, clips, False)
    plan = Plan(corpus=corpus, parts=parts, protocol=chosen, config=config, sessions=sessions, jobs=JOBS, threads=1)
    with stage(f"scoring {corpus}, baseline {config.baseline}", len(clips)) as shown:
        return evaluate(plan, 0, lambda condition, done: shown.advance(done))


def _scores(report: Report, how: str) -> list[Score]:
    """The scores of a report for the card. From EmoTale only the dimensions were trained on."""
    figures = report.figures
    lines = [
        _score(report, how, f"CCC {name}", value, figures.ccc_ci95.get(name)) for name, value in figures.ccc.items()
    ]
    if report.corpus == "emotale":
        return lines
    lines.append(_score(report, how, "UAR", figures.uar, figures.ci95))
    if report.baseline != "off":
        return lines
    lines.append(_score(report, how, "ECE", figures.ece, None))
    for after in figures.by_seconds:
        if after.seconds is not None:
            lines.append(_score(report, f"{how}, after {after.seconds:g} s of speech", "UAR", after.uar, None))
    for bucket in figures.calibration:
        readings = "finals" if bucket.seconds is None else f"readings after {bucket.seconds:g} s"
        lines.append(_score(report, f"{how}, {readings}", "ECE", bucket.ece, None, bucket.n))
    lines += _unsure_scores(report, how, figures)
    return lines


def _unsure_scores(report: Report, how: str, figures: Figures) -> list[Score]:
    right = figures.unsure.accuracy_otherwise
    lines = [_score(report, how, "share unsure", figures.unsure.said, None)]
    return lines if right is None else [*lines, _score(report, how, "accuracy where not unsure", right, None)]


def _score(
    report: Report, how: str, metric: str, value: float, ci95: tuple[float, float] | None, n: int | None = None
) -> Score:
    """A line of the card; `n` if it is not the number of clips."""
    return Score(
        corpus=report.corpus,
        protocol=f"{report.protocol}, {how}, through the stream",
        metric=metric,
        value=round(value, 4),
        ci95=None if ci95 is None else (round(ci95[0], 4), round(ci95[1], 4)),
        n=report.figures.n if n is None else n,
    )
