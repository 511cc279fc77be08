"""`emoscope evaluate`: what a model's readings of a corpus are worth. Torch comes only when something is heard."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.streamer.cli.command import Command
from emoscope.streamer.cli.options import MeasuredModelOptions
from emoscope.streamer.cli.session_options import DetectorOptions

if TYPE_CHECKING:
    from ..evaluation.evaluate import Plan, Report

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = ("goemotions", "meld")
UNACTED = ("read", "sounds")


@dataclass(frozen=True, kw_only=True)
class Evaluate:
    """Score a model on a corpus."""

    corpus: Annotated[
        str,
        Parameter(
            help="ravdess, emodb, nemo, emotale, urdu; read, sounds; goemotions, meld; with --words several, separated "
            "by commas",
            metavar="CORPUS",
        ),
    ]
    data: Annotated[
        Path,
        Parameter(
            help="folder with the corpus's folder, or the corpus's folder itself (default: ../shared/corpora beside "
            "the checkout)",
            metavar="DIR",
            show_default=False,
        ),
    ] = CHECKOUT.parent / "shared" / "corpora"
    protocol: Annotated[
        str | None,
        Parameter(help="own (the corpus's classes), ravdess-8, ravdess-7, four", metavar="PROTOCOL"),
    ] = None
    speakers: Annotated[str | None, Parameter(help="only these speakers, such as 21,22", metavar="LIST")] = None
    stream: Annotated[bool, Parameter(help="through the live path (the default)")] = False
    whole: Annotated[bool, Parameter(help="each recording at once")] = False
    session: Annotated[
        Literal["recording", "speaker"], Parameter(help="one session for each recording, or for each speaker")
    ] = "recording"
    order: Annotated[Literal["shuffled", "blocks"] | None, Parameter(help="of a speaker's recordings (shuffled)")] = (
        None
    )
    baseline: Annotated[Literal["off", "running", "enrolled"], Parameter(help="baseline of the voice")] = "off"
    asr: Annotated[str, Parameter(help="count the words of this recognizer too", metavar="NAME[:MODEL]")] = "none"
    words: Annotated[bool, Parameter(help="count the word errors of the recognizer (--asr), instead of emotions")] = (
        False
    )
    language: Annotated[
        str | None, Parameter(help="language of the speech for --words, such as en (detected)", metavar="CODE")
    ] = None
    limit: Annotated[int | None, Parameter(help="of --words: at most N clips, evenly spread", metavar="N")] = None
    folds: Annotated[
        Path | None, Parameter(help="models DIR/fold-0 to fold-3, each for its own fold", metavar="DIR")
    ] = None
    fold_models: Annotated[
        tuple[Path, ...], Parameter(help="the same, each named", metavar="DIR...", consume_multiple=True)
    ] = ()
    allow_trained: Annotated[bool, Parameter(help="score speakers whom the model was trained on")] = False
    conditions: Annotated[
        str | None,
        Parameter(
            help="also under noise, reverb, telephone, codecs, gain, all; or white:10, babble:5, room:0.5, gain:-12, "
            "...",
            metavar="LIST",
        ),
    ] = None
    json: Annotated[bool, Parameter(help="print one line of JSON to stdout, and nothing else there")] = False
    out: Annotated[
        Path | None, Parameter(help="write everything, the answer to each clip too, as JSON", metavar="FILE")
    ] = None
    svg: Annotated[
        Path | None, Parameter(help="draw the reliability diagram and the curve by seconds", metavar="FILE")
    ] = None
    jobs: Annotated[Literal[1, 2], Parameter(help="number of processes")] = 1
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)

    def __post_init__(self) -> None:
        """UsageError for two ways at once, or a list without names."""
        if self.stream and self.whole:
            raise UsageError("--stream and --whole: one of them")
        if not self.words and (self.language or self.limit):
            raise UsageError("--language and --limit are of --words")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit}: must be at least 1")
        for name, text in (("speakers", self.speakers), ("conditions", self.conditions)):
            if text is not None and not _names(text):
                raise UsageError(f"--{name} {text!r}: no names; give some, separated by commas")

    @property
    def how(self) -> Literal["stream", "whole"]:
        """Whether clips go through the live path, or are scored at once."""
        return "whole" if self.whole else "stream"

    @property
    def speaker_names(self) -> list[str]:
        """The speakers to score; all if empty."""
        return _names(self.speakers)

    @property
    def condition_names(self) -> list[str]:
        """The conditions besides clean sound."""
        return _names(self.conditions)

    def run(self) -> int:
        """Evaluate; 0, or 1 with one line that says what went wrong, 2 for usage, 130 after Ctrl+C."""
        from ..errors import Interrupted
        from ..progress import say

        try:
            if self.words:
                from .evaluate_words import evaluate_spoken_words

                return evaluate_spoken_words(self)
            if self.corpus in TEXT:
                return _text(self)
            if self.corpus in UNACTED:
                from .evaluate_claims import evaluate_unacted

                return evaluate_unacted(self)
            report = _report(self)
            _written(self, report)
            if self.json:
                from ..evaluation.tables import one_line

                sys.stdout.write(one_line(report) + "\n")
            else:
                from rich.console import Console

                from ..evaluation.tables import show

                show(report, Console(width=None if sys.stdout.isatty() else 120, highlight=False))
        except Interrupted:
            say("emoscope evaluate: stopped before all clips were heard in clean sound; nothing to report")
            return 130
        except UsageError as error:
            say(f"emoscope evaluate: {error}")
            return 2
        except EmoscopeError as error:
            say(f"emoscope evaluate: {error}")
            return 1
        return 130 if report.unfinished else 0


def _report(options: "Evaluate") -> "Report":
    from ..evaluation.evaluate import evaluate, sessions_of
    from ..progress import stage

    _check_outputs(options)
    plan, left_out = _plan(options)
    with stage(f"{options.corpus}", sessions_of(plan)) as shown:
        return evaluate(plan, left_out, lambda condition, clips: shown.advance(clips, condition.name))


def _plan(options: "Evaluate") -> "tuple[Plan, int]":
    from emoscope.streamer import Config
    from emoscope.streamer.asr import choose

    from ..evaluation import selection
    from ..evaluation.conditions import parse_conditions
    from ..evaluation.evaluate import Plan
    from ..evaluation.protocols import protocol_of
    from ..evaluation.sessions import ENROLMENT_CLIPS, SessionConfig

    if options.order and options.session != "speaker":
        raise UsageError("--order is of the recordings in a session: add --session speaker")
    choose(options.asr)  # UsageError for a name that is none, before anything is heard
    conditions = parse_conditions(options.condition_names)
    every = selection.find_clips(options.corpus, options.data)
    protocol = protocol_of(options.protocol, options.corpus)
    chosen = selection.of_speakers(every, options.speaker_names) if options.speaker_names else every
    clips = selection.of_protocol(chosen, protocol)
    folders = selection.fold_folders(options.folds, options.fold_models)
    parts = (
        selection.fold_models(folders, clips, options.allow_trained)
        if folders
        else selection.one_model(options.model.name, clips, options.allow_trained)
    )
    selection.assert_usable(clips)
    plan = Plan(
        corpus=options.corpus,
        parts=parts,
        protocol=protocol,
        others=every,
        how=options.how,
        config=Config(pace="fast", attention=False, baseline=options.baseline, vad=options.detector.config()),
        sessions=SessionConfig(
            session=options.session,
            order=options.order or "shuffled",
            enrol=ENROLMENT_CLIPS if options.baseline == "enrolled" else 0,
        ),
        conditions=conditions,
        jobs=options.jobs,
        asr=options.asr,
        device=options.model.device,
        threads=options.model.threads,
    )
    return plan, len(chosen) - len(clips)


def _check_outputs(options: "Evaluate") -> None:
    """UsageError for a file that could not be written, before anything is heard for it."""
    for option, path in (("--out", options.out), ("--svg", options.svg)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise UsageError(f"{option} {path}: not a file in a folder that exists")


def _written(options: "Evaluate", report: "Report") -> None:
    import msgspec

    from emoscope.models.cards import replace_file

    from ..errors import TrainingError

    contents: list[tuple[Path, bytes]] = []
    if options.out is not None:
        contents.append((options.out, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"))
    if options.svg is not None:
        from ..evaluation.picture import draw

        contents.append((options.svg, draw(report).encode()))
    for path, content in contents:
        try:
            replace_file(path, content)
        except OSError as error:
            raise TrainingError(f"cannot write {path}: {error.strerror}; the figures are lost, run it again") from None


def _text(options: "Evaluate") -> int:
    """The text branch on a corpus of text: what words say alone. The branch that ships reads beside every model."""
    import json
    import sys

    from emoscope.models.text import load_text_branch

    from ..text.evaluate import evaluate_text

    if (
        options.condition_names
        or options.folds
        or options.fold_models
        or options.speaker_names
        or options.protocol
        or options.svg
        or options.out
        or options.asr != "none"
    ):
        raise UsageError(f"--corpus {options.corpus} is read, not heard; its options are --model, --data and --json")
    model = options.model.name
    corpus: Literal["goemotions", "meld"] = "meld" if options.corpus == "meld" else "goemotions"
    branch = load_text_branch(model if (Path(model) / "vocabulary.json").is_file() else "goemotions")
    found = {"text_branch": branch.card.id, **evaluate_text(corpus, options.data, branch)}
    if options.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write("\n".join(f"{name}: {value}" for name, value in found.items()) + "\n")
    return 0


def _names(text: str | None) -> list[str]:
    """The names of a list that is separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


command = Command("evaluate", "score a model on a corpus, through the live path", Evaluate)
