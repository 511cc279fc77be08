"""`emoscope train attentive`, `segmental`, `emospeech`, `camulenet`, `attributes`: options of the papers' recipes."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from cyclopts import Parameter

from emoscope.models.errors import UsageError

from .running import Epochs, RunOptions, check_positive, given, report


@dataclass(frozen=True, kw_only=True)
class TrainPublished:
    """A published system, by its paper's recipe."""

    system: ClassVar[str]

    overrides: Annotated[
        tuple[str, ...],
        Parameter(
            help="settings of the recipe or choices of the system, such as pooling=mqmha q=2 h=2, batch=8, rate=1e-5",
            metavar="KEY=VALUE",
        ),
    ] = field(default=(), kw_only=False)
    corpus: Annotated[
        str | None,
        Parameter(
            help="what it learns from: ravdess, crema-d, iemocap, msp-podcast, emospeech, cafe, meld, emodb, nemo, or "
            "own (a folder or a CSV of yours); default: ravdess, or the paper's where RAVDESS lacks what it needs",
        ),
    ] = None
    dry_run: Annotated[bool, Parameter(help="every phase at a tiny size on few clips, to see whether all is there")] = (
        False
    )
    asr: Annotated[
        str, Parameter(help="recognizer for clips without a transcript; kept in --work", metavar="NAME[:MODEL]")
    ] = "none"
    sounds: Annotated[
        Path | None, Parameter(help="folder of noises, CLASS_NN, for a recipe that augments", metavar="DIR")
    ] = None
    curves: Annotated[Path | None, Parameter(help="loss, rate and score for tensorboard", metavar="DIR")] = None
    epochs: Epochs = None
    size: Annotated[
        Literal["published", "tiny"] | None, Parameter(help="tiny: a random encoder, to try the recipe")
    ] = None
    row: Annotated[
        str | None,
        Parameter(help="of the paper's table, such as a pooling of attentive, or seg of segmental", metavar="ROW"),
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
        if (self.size == "tiny" or self.dry_run) and (self.encoders or self.download):
            raise UsageError("a tiny encoder begins with random weights; leave out --encoders and --download")

    def run(self) -> int:
        """Train."""
        work, out = self.place.folders(self.system)

        def train() -> None:
            from ..published.overrides import overridden
            from ..published.recipe import RECIPES, train_published

            options = given(size=self.size, row=self.row, epochs=self.epochs, seed=self.place.seed, corpus=self.corpus)
            train_published(
                overridden(replace(RECIPES[self.system], **options), self.overrides),
                self.place.data,
                work,
                out,
                encoder=self.encoders,
                download=self.download,
                resume=self.place.resume,
                threads=self.place.threads,
                device=self.device,
                asr=self.asr,
                dry_run=self.dry_run,
                sounds=self.sounds,
                curves=self.curves,
            )

        return report(train, out)


@dataclass(frozen=True, kw_only=True)
class TrainAttentive(TrainPublished):
    """Attentive pooling over pretrained encoders of voice and words."""

    system: ClassVar[str] = "attentive"


@dataclass(frozen=True, kw_only=True)
class TrainSegmental(TrainPublished):
    """A pretrained encoder on overlapping segments."""

    system: ClassVar[str] = "segmental"


@dataclass(frozen=True, kw_only=True)
class TrainEmospeech(TrainPublished):
    """Voice and words concatenated on time."""

    system: ClassVar[str] = "emospeech"


@dataclass(frozen=True, kw_only=True)
class TrainCamulenet(TrainPublished):
    """Spectrogram and MFCC in co-attention with Whisper."""

    system: ClassVar[str] = "camulenet"


@dataclass(frozen=True, kw_only=True)
class TrainAttributes(TrainPublished):
    """Arousal, valence and dominance."""

    system: ClassVar[str] = "attributes"
