"""`emoscope train`: `small`, the published systems, text, a tiny recognizer. Torch comes only when one begins."""

import argparse
from pathlib import Path

from emoscope.streamer.cli.command import ArgparseCommand

from . import words as cli_words

CHECKOUT = Path(__file__).resolve().parents[2]
PUBLISHED = ("attentive", "segmental")
RECIPES = ("small", *PUBLISHED, *cli_words.RECIPES)


def register(parser: argparse.ArgumentParser) -> None:
    """Arguments of `emoscope train`."""
    parser.add_argument("recipe", choices=RECIPES, help="what to train")
    parser.add_argument(
        "--data",
        type=Path,
        default=CHECKOUT.parent / "shared" / "corpora",
        metavar="DIR",
        help="folder with ravdess; for small emodb, nemo, emotale too (default: ../shared/corpora beside the checkout)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where card.json and weights.safetensors go (default: WORK/model; models/weights/small ships them)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        metavar="DIR",
        help="cache and checkpoints (default: runs/ and the recipe's name)",
    )
    parser.add_argument("--epochs", type=_positive, metavar="N", help="of each training, or at most of each phase")
    parser.add_argument(
        "--part",
        choices=("fold-0", "fold-1", "fold-2", "fold-3", "all", "scores"),
        help="of small: this training alone, or the folds' scores, beside others; then everything with --resume",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another seed gives other weights, about as good")
    parser.add_argument("--threads", type=_positive, default=2, metavar="N", help="processor threads (default: 2)")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was stopped or killed")
    group = parser.add_argument_group("attentive and segmental")
    group.add_argument("--size", choices=("published", "tiny"), help="tiny: a random encoder, to try the recipe")
    group.add_argument(
        "--row", metavar="ROW", help="of the paper's table: a pooling of attentive; baseline to seg+tri(W) of segmental"
    )
    group.add_argument(
        "--encoders", metavar="DIR", help="folder or hub name of the pretrained speech encoder (default: the paper's)"
    )
    group.add_argument("--download", action="store_true", help="fetch the encoder if it is not on this machine")
    group.add_argument("--device", help="torch's name of it (default: cpu)")


def run(args: argparse.Namespace) -> int:
    """Train; 0, or 1 with one line that says what went wrong, or how to go on after Ctrl+C (130)."""
    from emoscope.models.errors import EmoscopeError

    from ..errors import Interrupted
    from ..progress import say

    args.work = args.work or Path("runs") / args.recipe
    args.out = args.out or args.work / "model"
    try:
        if args.recipe in cli_words.RECIPES:
            cli_words.train(args)
        else:
            _check(args)
            (_published if args.recipe in PUBLISHED else _small)(args)
    except Interrupted as stopped:
        say(f"{stopped}; the same command with --resume goes on from there")
        return 130
    except EmoscopeError as error:
        say(f"emoscope train: {error}")
        return 1
    say(f"written: {args.out}")
    return 0


def _check(args: argparse.Namespace) -> None:
    """UsageError for an option that the recipe would not heed."""
    from emoscope.models.errors import UsageError

    others = ("part",) if args.recipe in PUBLISHED else ("size", "row", "encoders", "download", "device")
    if unheeded := [f"--{name}" for name in others if getattr(args, name) not in (None, False)]:
        raise UsageError(f"{args.recipe} has no {', '.join(unheeded)}; leave it out")
    if args.size == "tiny" and (args.encoders or args.download):
        raise UsageError("a tiny encoder begins with random weights; leave out --encoders and --download")


def _published(args: argparse.Namespace) -> None:
    from dataclasses import replace

    from ..published.recipe import RECIPES, train_published

    given = {name: getattr(args, name) for name in ("size", "row", "epochs", "seed")}
    recipe = replace(RECIPES[args.recipe], **{name: value for name, value in given.items() if value is not None})
    train_published(
        recipe,
        args.data,
        args.work,
        args.out,
        encoder=args.encoders,
        download=args.download,
        resume=args.resume,
        threads=args.threads,
        device=args.device or "cpu",
    )


def _small(args: argparse.Namespace) -> None:
    from dataclasses import replace

    from ..small.recipe import Recipe, train_small

    recipe = Recipe()
    fit = recipe.fit
    fit = replace(
        fit,
        epochs=fit.epochs if args.epochs is None else args.epochs,
        seed=fit.seed if args.seed is None else args.seed,
    )
    recipe = replace(recipe, fit=fit)
    train_small(args.data, args.work, args.out, recipe, args.resume, args.threads, args.part)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


command = ArgparseCommand("train", help="train a model from corpora of speech", register=register, run=run)
