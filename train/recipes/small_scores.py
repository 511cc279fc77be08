"""What the card of `small` says of itself: everything through the live path, by models that never heard the speaker."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from emoscope.models.card import Score
from emoscope.streamer import Config

from ..evaluation.evaluate import Plan, Report, evaluate
from ..evaluation.figures import Figures
from ..evaluation.protocols import protocol_of
from ..evaluation.selection import find_clips, fold_models, of_protocol, of_speakers, one_model
from ..evaluation.sessions import SessionConfig
from ..folds import FOLDS
from ..progress import stage

FOLDED = ("ravdess", "emodb", "nemo", "emotale")
JOBS = 2


def measure(model: Path, folds: Path, data: Path, evaluation: Mapping[str, Collection[str]]) -> list[Score]:
    """The card's figures.

    model       the weights that ship; scored on the speakers of `evaluation`, whom they never heard, and on URDU
    folds       folder with fold-0 to fold-3, each scored on its own speakers
    """
    scores: list[Score] = []
    folders = [folds / f"fold-{k}" for k in range(FOLDS)]
    for corpus in FOLDED:
        for how, config, sessions in SETTINGS:
            scores += _scores(_report(corpus, data, folders, config, sessions), f"{FOLDS} folds of speakers, {how}")
    for corpus, speakers in evaluation.items():
        for protocol in (f"{corpus}-7", f"{corpus}-8"):
            report = _report(corpus, data, [model], *SETTINGS[0][1:], protocol=protocol, speakers=speakers)
            scores += _scores(report, f"the weights that ship, speakers {', '.join(speakers)}")
    for how, config, sessions in SETTINGS if (data / "urdu").is_dir() else ():
        scores += _scores(_report("urdu", data, [model], config, sessions), f"the weights that ship, {how}")
    return scores


def _config(baseline: str) -> Config:
    return Config(pace="fast", attention=False, baseline=baseline)  # type: ignore[arg-type]


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
    wanted = protocol_of(protocol, corpus)
    clips = of_protocol(of_speakers(every, speakers) if speakers else every, wanted)
    parts = one_model(folders[0], clips, False) if len(folders) == 1 else fold_models(folders, clips, False)
    plan = Plan(corpus=corpus, parts=parts, protocol=wanted, config=config, sessions=sessions, jobs=JOBS)
    with stage(f"scoring {corpus}, baseline {config.baseline}", len(clips)) as shown:
        return evaluate(plan, 0, lambda condition, done: shown.advance(done))


def _scores(report: Report, how: str) -> list[Score]:
    """The figures that a card keeps of a report. Of EmoTale only the dimensions were learnt."""
    figures = report.figures
    told = [
        _score(report, how, f"CCC {name}", value, figures.ccc_ci95.get(name)) for name, value in figures.ccc.items()
    ]
    if report.corpus == "emotale":
        return told
    told.append(_score(report, how, "UAR", figures.uar, figures.ci95))
    if report.baseline != "off":
        return told
    told.append(_score(report, how, "ECE", figures.ece, None))
    for after in figures.by_seconds:
        if after.seconds is not None:
            told.append(_score(report, f"{how}, after {after.seconds:g} s of speech", "UAR", after.uar, None))
    for bucket in figures.calibration:
        heard = "finals" if bucket.seconds is None else f"readings after {bucket.seconds:g} s"
        told.append(_score(report, f"{how}, {heard}", "ECE", bucket.ece, None))
    told += _honesty(report, how, figures)
    return told


def _honesty(report: Report, how: str, figures: Figures) -> list[Score]:
    right = figures.unsure.accuracy_otherwise
    told = [_score(report, how, "share unsure", figures.unsure.said, None)]
    return told if right is None else [*told, _score(report, how, "accuracy where not unsure", right, None)]


def _score(report: Report, how: str, metric: str, value: float, ci95: tuple[float, float] | None) -> Score:
    return Score(
        corpus=report.corpus,
        protocol=f"{report.protocol}, {how}, through the stream",
        metric=metric,
        value=round(value, 4),
        ci95=None if ci95 is None else (round(ci95[0], 4), round(ci95[1], 4)),
        n=report.figures.n,
    )
