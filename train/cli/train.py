"""`emoscope train RECIPE`: a dataclass for each recipe, with the options that it takes. Torch is imported to train."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from emoscope.streamer.cli.command import Command, CommandGroup

from .running import Epochs, RunOptions, check_positive, given, report
from .train_head import TrainHead
from .train_published import TrainAttentive, TrainAttributes, TrainCamulenet, TrainEmospeech, TrainSegmental
from .train_study import TrainStudy

Part = Literal["fold-0", "fold-1", "fold-2", "fold-3", "all", "scores"]


@dataclass(frozen=True, kw_only=True)
class TrainSmall:
    """The model that ships."""

    epochs: Epochs = None
    teachers: Annotated[
        Path | None,
        Parameter(
            help="work folder of a finished `emoscope train whisper`, whose models teach (the weights that ship had "
            "them; without, labels alone)",
            metavar="DIR",
        ),
    ] = None
    part: Annotated[
        Part | None,
        Parameter(help="only this training, or the folds' scores, beside others; then everything with --resume"),
    ] = None
    place: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """UsageError for a number of epochs below 1."""
        check_positive("epochs", self.epochs)

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders("small")

        def train() -> None:
            from ..small.recipe import Recipe, train_small

            if self.teachers is not None:
                # The teachers read the encoder that `emoscope train whisper` kept beside them.
                os.environ["EMOSCOPE_CACHE"] = str((self.teachers / "encoder").absolute())
            recipe = Recipe()
            recipe = replace(recipe, fit=replace(recipe.fit, **given(epochs=self.epochs, seed=self.place.seed)))
            train_small(
                self.place.data,
                work,
                out,
                recipe,
                teachers=self.teachers,
                resume=self.place.resume,
                threads=self.place.threads,
                only_part=self.part,
            )

        return report(train, out)


@dataclass(frozen=True, kw_only=True)
class TrainWhisper:
    """The head over Whisper-base's lower layers."""

    epochs: Epochs = None
    part: Annotated[
        Part | None,
        Parameter(help="only this training, or the folds' scores, beside others; then everything with --resume"),
    ] = None
    encoder: Annotated[
        Path | None,
        Parameter(help="folder of Whisper-base, of transformers or CTranslate2 (the pulled one)", metavar="DIR"),
    ] = None
    place: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """UsageError for a number of epochs below 1."""
        check_positive("epochs", self.epochs)

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders("whisper")

        def train() -> None:
            from emoscope.models.whisper.checkpoint import keep, load_encoder, read_encoder

            from ..whisper.recipe import Recipe, train_whisper

            encoder = load_encoder() if self.encoder is None else read_encoder(self.encoder)
            # The models of the folds are scored through the live path, in other processes, which load it from there.
            os.environ["EMOSCOPE_CACHE"] = str((work / "encoder").absolute())
            keep(encoder)
            recipe = Recipe()
            recipe = replace(recipe, fit=replace(recipe.fit, **given(epochs=self.epochs, seed=self.place.seed)))
            train_whisper(self.place.data, work, out, recipe, encoder, self.place.resume, self.place.threads, self.part)

        return report(train, out)


@dataclass(frozen=True, kw_only=True)
class TrainText:
    """The text branch."""

    epochs: Epochs = None
    place: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """UsageError for a number of epochs below 1."""
        check_positive("epochs", self.epochs)

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders("text")

        def train() -> None:
            from ..text import fitting, recipe

            changed = replace(fitting.Recipe(), **given(epochs=self.epochs, seed=self.place.seed))
            recipe.train_text(self.place.data, work, out, changed, self.place.resume, self.place.threads)

        return report(train, out)


@dataclass(frozen=True, kw_only=True)
class TrainTinyWhisper:
    """A tiny recognizer for the tests."""

    place: RunOptions = field(default_factory=RunOptions)

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders("tiny-whisper")

        def train() -> None:
            from ..tiny_whisper import fitting, recipe

            changed = replace(fitting.Recipe(), **given(seed=self.place.seed))
            recipe.train_tiny_whisper(self.place.data, work, out, changed, self.place.resume, self.place.threads)

        return report(train, out)


command = CommandGroup(
    "train",
    "train a model from corpora of speech",
    (
        Command("head", "your own labels and voices, over an encoder that stays as it is", TrainHead),
        Command("small", "the model that ships, from RAVDESS, EmoDB, nEMO, EmoTale and read speech", TrainSmall),
        Command("whisper", "a head over Whisper-base, from the same corpora and read speech", TrainWhisper),
        Command("attentive", "attentive pooling over a pretrained encoder, by its paper's recipe", TrainAttentive),
        Command("segmental", "a pretrained encoder on overlapping segments, by its paper's recipe", TrainSegmental),
        Command("emospeech", "voice and words concatenated on time, by its paper's recipe", TrainEmospeech),
        Command("camulenet", "spectrogram and MFCC beside Whisper, by its paper's recipe", TrainCamulenet),
        Command("attributes", "arousal, valence and dominance, by its paper's recipe", TrainAttributes),
        Command("study", "a paper's comparison again: its poolings, or its segments and triplets", TrainStudy),
        Command("text", "the text branch, from GoEmotions", TrainText),
        Command("tiny-whisper", "a tiny speech recognizer for the tests", TrainTinyWhisper),
    ),
)
