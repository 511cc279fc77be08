"""`emoscope train RECIPE`: a dataclass for each recipe, with the options that it takes. Torch is imported to train."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter

from emoscope.models.errors import UsageError
from emoscope.streamer.cli.command import Command, CommandGroup

from .running import check_positive, given, report
from .train_head import TrainHead

CHECKOUT = Path(__file__).resolve().parents[2]

Part = Literal["fold-0", "fold-1", "fold-2", "fold-3", "all", "scores"]
Epochs = Annotated[int | None, Parameter(help="of each training, or at most of each phase", metavar="N")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Where a recipe reads and writes, and what it computes with."""

    data: Annotated[
        Path,
        Parameter(
            help="folder with ravdess; for small and whisper emodb, nemo, emotale, read, sounds too (default: "
            "../shared/corpora beside the checkout)",
            metavar="DIR",
            show_default=False,
        ),
    ] = CHECKOUT.parent / "shared" / "corpora"
    out: Annotated[
        Path | None,
        Parameter(
            help="where card.json and weights.safetensors go (default: WORK/model; models/weights/small ships them)",
            metavar="DIR",
        ),
    ] = None
    work: Annotated[
        Path | None, Parameter(help="cache and checkpoints (default: runs/ and the recipe's name)", metavar="DIR")
    ] = None
    seed: Annotated[int | None, Parameter(help="another seed gives other weights, about as good", metavar="N")] = None
    threads: Annotated[int, Parameter(help="processor threads", metavar="N")] = 2
    resume: Annotated[bool, Parameter(help="continue a run that was stopped or killed")] = False

    def __post_init__(self) -> None:
        """UsageError for a number of threads below 1."""
        check_positive("threads", self.threads)

    def folders(self, recipe: str) -> tuple[Path, Path]:
        """The folder of cache and checkpoints, and the folder of the model."""
        work = self.work or Path("runs") / recipe
        return work, self.out or work / "model"


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
class TrainPublished:
    """A published system."""

    system: ClassVar[str]

    epochs: Epochs = None
    size: Annotated[
        Literal["published", "tiny"] | None, Parameter(help="tiny: a random encoder, to try the recipe")
    ] = None
    row: Annotated[
        str | None,
        Parameter(
            help="of the paper's table: a pooling of attentive; baseline to seg+tri(W) of segmental", metavar="ROW"
        ),
    ] = None
    encoders: Annotated[
        str | None,
        Parameter(help="folder or hub name of the pretrained speech encoder (default: the paper's)", metavar="DIR"),
    ] = None
    download: Annotated[bool, Parameter(help="fetch the encoder if it is not on this machine")] = False
    device: Annotated[
        str, Parameter(help="where the model is trained, by torch's name of the device", metavar="DEVICE")
    ] = "cpu"
    place: RunOptions = field(default_factory=RunOptions)

    def __post_init__(self) -> None:
        """UsageError for a number of epochs below 1, and for an encoder that a tiny recipe would not use."""
        check_positive("epochs", self.epochs)
        if self.size == "tiny" and (self.encoders or self.download):
            raise UsageError("a tiny encoder begins with random weights; leave out --encoders and --download")

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders(self.system)

        def train() -> None:
            from ..published.recipe import RECIPES, train_published

            train_published(
                replace(
                    RECIPES[self.system],
                    **given(size=self.size, row=self.row, epochs=self.epochs, seed=self.place.seed),
                ),
                self.place.data,
                work,
                out,
                encoder=self.encoders,
                download=self.download,
                resume=self.place.resume,
                threads=self.place.threads,
                device=self.device,
            )

        return report(train, out)


@dataclass(frozen=True, kw_only=True)
class TrainAttentive(TrainPublished):
    """Attentive pooling over a pretrained encoder."""

    system: ClassVar[str] = "attentive"


@dataclass(frozen=True, kw_only=True)
class TrainSegmental(TrainPublished):
    """A pretrained encoder on overlapping segments."""

    system: ClassVar[str] = "segmental"


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
        Command("text", "the text branch, from GoEmotions", TrainText),
        Command("tiny-whisper", "a tiny speech recognizer for the tests", TrainTinyWhisper),
    ),
)
