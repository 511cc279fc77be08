"""`emoscope train text` and `tiny-whisper`: what reads and what hears words. Torch comes only when one begins."""

import argparse
from dataclasses import replace

from emoscope.models.errors import UsageError

RECIPES = ("text", "tiny-whisper")
HEEDED = {"text": ("epochs", "seed"), "tiny_whisper": ("seed",)}
# Options that mean something to every recipe, or that argparse adds itself.
COMMON = {"recipe", "data", "out", "work", "threads", "resume", "command"}


def train(args: argparse.Namespace) -> None:
    """Train the recipe that `args` names; UsageError for an option that it would not heed."""
    name = args.recipe.replace("-", "_")
    unheeded = [
        f"--{option.replace('_', '-')}"
        for option, value in vars(args).items()
        if value not in (None, False) and not callable(value) and option not in {*COMMON, *HEEDED[name]}
    ]
    if unheeded:
        raise UsageError(f"{args.recipe} has no {', '.join(unheeded)}; leave it out")
    given = {option: value for option in HEEDED[name] if (value := getattr(args, option)) is not None}
    where = (args.data, args.work, args.out)
    if name == "text":
        from ..text import fitting, recipe

        recipe.train_text(*where, replace(fitting.Recipe(), **given), args.resume, args.threads)
    else:
        from ..tiny_whisper import fitting as whisper_fitting
        from ..tiny_whisper import recipe as tiny_whisper

        tiny_whisper.train_tiny_whisper(*where, replace(whisper_fitting.Recipe(), **given), args.resume, args.threads)
