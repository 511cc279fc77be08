"""`emoscope train small`. Torch comes only when a training begins."""

import argparse
from pathlib import Path

from emoscope.streamer.commands import Command

CHECKOUT = Path(__file__).resolve().parent.parent
RECIPES = ("small",)


def register(parser: argparse.ArgumentParser) -> None:
    """Arguments of `emoscope train`."""
    parser.add_argument("recipe", choices=RECIPES, help="what to train")
    parser.add_argument(
        "--data",
        type=Path,
        default=CHECKOUT.parent / "shared" / "corpora",
        metavar="DIR",
        help="folder with ravdess, emodb and nemo (default: ../shared/corpora beside the checkout)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/small/model"),
        metavar="DIR",
        help="where card.json and weights.safetensors go (default: %(default)s; models/weights/small ships them)",
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("runs/small"),
        metavar="DIR",
        help="cache and checkpoints (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs", type=_positive, metavar="N", help="of the training that ships (default: the recipe's)"
    )
    parser.add_argument(
        "--calibration-epochs", type=_positive, metavar="N", help="of the training that finds the temperature"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="another seed gives other weights, about as good")
    parser.add_argument("--threads", type=_positive, default=2, metavar="N", help="processor threads (default: 2)")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was stopped or killed")


def run(args: argparse.Namespace) -> int:
    """Train; 0, or 1 with one line that says what went wrong, or how to go on after Ctrl+C (130)."""
    from dataclasses import replace

    from emoscope.models.errors import EmoscopeError

    from .errors import Interrupted
    from .progress import say
    from .recipes.small import Recipe, train_small

    recipe = Recipe()
    fit = recipe.fit
    fit = replace(
        fit,
        epochs=fit.epochs if args.epochs is None else args.epochs,
        seed=fit.seed if args.seed is None else args.seed,
    )
    calibration = recipe.calibration_epochs if args.calibration_epochs is None else args.calibration_epochs
    recipe = replace(recipe, fit=fit, calibration_epochs=calibration)
    try:
        train_small(args.data, args.work, args.out, recipe, args.resume, args.threads)
    except Interrupted as stopped:
        say(f"{stopped}; the same command with --resume goes on from there")
        return 130
    except EmoscopeError as error:
        say(f"emoscope train: {error}")
        return 1
    say(f"written: {args.out}")
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return number


command = Command("train", help="train a model from corpora of speech", register=register, run=run)
