"""`emoscope evaluate`: what a model's readings of a corpus are worth. Torch comes only when something is heard."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.streamer.cli.command import ArgparseCommand

if TYPE_CHECKING:
    from ..evaluation.evaluate import Plan, Report

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = ("goemotions", "meld")


def register(parser: argparse.ArgumentParser) -> None:
    """Arguments of `emoscope evaluate`."""
    parser.add_argument("--model", default="small", metavar="M", help="a shipped model's name, or a folder (small)")
    parser.add_argument(
        "--corpus", required=True, metavar="C", help="ravdess, emodb, nemo, emotale, urdu; goemotions, meld"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=CHECKOUT.parent / "shared" / "corpora",
        metavar="DIR",
        help="folder with the corpus's folder, or that itself (default: ../shared/corpora beside the checkout)",
    )
    parser.add_argument("--protocol", metavar="P", help="own (the corpus's classes), ravdess-8, ravdess-7, four")
    parser.add_argument("--speakers", type=_names, metavar="LIST", help="these alone, e.g. 21,22")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--stream", dest="how", action="store_const", const="stream", help="the live path (the default)")
    how.add_argument("--whole", dest="how", action="store_const", const="whole", help="each recording at once")
    parser.set_defaults(how="stream")
    parser.add_argument(
        "--session", choices=("recording", "speaker"), default="recording", help="one a ... (recording)"
    )
    parser.add_argument("--order", choices=("shuffled", "blocks"), help="of a speaker's recordings (shuffled)")
    parser.add_argument("--baseline", choices=("off", "running", "enrolled"), default="off", help="of the voice (off)")
    parser.add_argument(
        "--asr", default="none", metavar="NAME[:MODEL]", help="count the words of this recognizer too (none)"
    )
    parser.add_argument("--folds", type=Path, metavar="DIR", help="models DIR/fold-0 to fold-3, each for its own fold")
    parser.add_argument("--fold-models", nargs="+", type=Path, metavar="DIR", help="the same, each named")
    parser.add_argument("--allow-trained", action="store_true", help="score speakers whom the model was trained on")
    parser.add_argument(
        "--conditions",
        type=_names,
        default=[],
        metavar="LIST",
        help="also under noise, reverb, telephone, codecs, gain, all; or white:10, babble:5, room:0.5, gain:-12, ...",
    )
    parser.add_argument("--json", action="store_true", help="one line of JSON on stdout, nothing else there")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write everything, each clip's answer too, as JSON")
    parser.add_argument(
        "--svg", type=Path, metavar="FILE", help="draw the reliability diagram and the curve by seconds"
    )
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=1, help="processes (1)")


def run(args: argparse.Namespace) -> int:
    """Evaluate; 0, or 1 with one line that says what went wrong, 2 for usage, 130 after Ctrl+C."""
    import sys

    from ..errors import Interrupted
    from ..progress import say

    try:
        if args.corpus in TEXT:
            return _text(args)
        report = _report(args)
        _written(args, report)
        if args.json:
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


def _report(args: argparse.Namespace) -> "Report":
    from ..evaluation.evaluate import evaluate, sessions_of
    from ..progress import stage

    _check_outputs(args)
    plan, left_out = _plan(args)
    with stage(f"{args.corpus}", sessions_of(plan)) as shown:
        return evaluate(plan, left_out, lambda condition, clips: shown.advance(clips, condition.name))


def _plan(args: argparse.Namespace) -> "tuple[Plan, int]":
    from emoscope.streamer import Config
    from emoscope.streamer.asr import choose

    from ..evaluation import selection
    from ..evaluation.conditions import parse_conditions
    from ..evaluation.evaluate import Plan
    from ..evaluation.protocols import protocol_of
    from ..evaluation.sessions import ENROLMENT_CLIPS, SessionConfig

    if args.order and args.session != "speaker":
        raise UsageError("--order is of the recordings in a session: add --session speaker")
    choose(args.asr)  # UsageError for a name that is none, before anything is heard
    conditions = parse_conditions(args.conditions)
    every = selection.find_clips(args.corpus, args.data)
    protocol = protocol_of(args.protocol, args.corpus)
    chosen = selection.of_speakers(every, args.speakers) if args.speakers else every
    clips = selection.of_protocol(chosen, protocol)
    folders = _fold_folders(args)
    parts = (
        selection.fold_models(folders, clips, args.allow_trained)
        if folders
        else selection.one_model(args.model, clips, args.allow_trained)
    )
    selection.assert_usable(clips)
    plan = Plan(
        corpus=args.corpus,
        parts=parts,
        protocol=protocol,
        others=every,
        how=args.how,
        config=Config(pace="fast", attention=False, baseline=args.baseline),
        sessions=SessionConfig(
            session=args.session,
            order=args.order or "shuffled",
            enrol=ENROLMENT_CLIPS if args.baseline == "enrolled" else 0,
        ),
        conditions=conditions,
        jobs=args.jobs,
        asr=args.asr,
    )
    return plan, len(chosen) - len(clips)


def _fold_folders(args: argparse.Namespace) -> list[Path]:
    if args.folds and args.fold_models:
        raise UsageError("--folds and --fold-models: one of them")
    if args.folds:
        from ..corpora.folds import FOLDS

        return [args.folds / f"fold-{fold}" for fold in range(FOLDS)]
    return list(args.fold_models or ())


def _check_outputs(args: argparse.Namespace) -> None:
    """UsageError for a file that could not be written, before anything is heard for it."""
    for option, path in (("--out", args.out), ("--svg", args.svg)):
        if path is not None and (path.is_dir() or not path.absolute().parent.is_dir()):
            raise UsageError(f"{option} {path}: not a file in a folder that exists")


def _written(args: argparse.Namespace, report: "Report") -> None:
    import msgspec

    from emoscope.models.cards import replace_file

    from ..errors import TrainingError

    contents: list[tuple[Path, bytes]] = []
    if args.out is not None:
        contents.append((args.out, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"))
    if args.svg is not None:
        from ..evaluation.picture import draw

        contents.append((args.svg, draw(report).encode()))
    for path, content in contents:
        try:
            replace_file(path, content)
        except OSError as error:
            raise TrainingError(f"cannot write {path}: {error.strerror}; the figures are lost, run it again") from None


def _text(args: argparse.Namespace) -> int:
    """The text branch on a corpus of text: what words say alone. The branch that ships reads beside every model."""
    import json
    import sys

    from emoscope.models.text import load_text_branch

    from ..text.evaluate import evaluate_text

    if (
        args.conditions
        or args.folds
        or args.fold_models
        or args.speakers
        or args.protocol
        or args.svg
        or args.out
        or args.asr != "none"
    ):
        raise UsageError(f"--corpus {args.corpus} is read, not heard; its options are --model, --data and --json")
    branch = load_text_branch(args.model if (Path(args.model) / "vocabulary.json").is_file() else "goemotions")
    found = {"text_branch": branch.card.id, **evaluate_text(args.corpus, args.data, branch)}
    if args.json:
        sys.stdout.write(json.dumps(found) + "\n")
    else:
        sys.stdout.write("\n".join(f"{name}: {value}" for name, value in found.items()) + "\n")
    return 0


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError("no names; give some, parted by commas")
    return names


command = ArgparseCommand(
    "evaluate", help="score a model on a corpus, through the live path", register=register, run=run
)
