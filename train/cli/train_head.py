"""`emoscope train head`: the options of a training on one's own recordings."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emoscope.models.errors import UsageError

from .running import check_positive, given, report


@dataclass(frozen=True, kw_only=True)
class TrainHead:
    """A head for one's own labels and voices, over an encoder that stays as it is."""

    data: Annotated[
        Path,
        Parameter(
            help="a folder with a folder for each label (LABEL/SPEAKER/clip.wav tells voices apart), a CSV with the "
            "columns path and label (speaker, split, start, end, arousal, ...), or an audformat database",
            metavar="DIR|CSV",
        ),
    ]
    out: Annotated[Path, Parameter(help="where the model goes, a folder for --model", metavar="DIR")]
    encoder: Annotated[
        str,
        Parameter(help="small, whisper, or the name or folder of a public speech encoder on this machine"),
    ] = "small"
    layer: Annotated[
        int | None, Parameter(help="of a public encoder: the transformer's layer that is read (default: the last)")
    ] = None
    labels: Annotated[str, Parameter(help="only clips with these labels, separated by commas", metavar="LIST")] = ""
    ratings: Annotated[
        str, Parameter(help="the scale of arousal, valence and dominance in the table", metavar="LOW,HIGH")
    ] = "-1,1"
    name: Annotated[str, Parameter(help="of the model (default: that of the folder --out)", metavar="NAME")] = ""
    work: Annotated[Path | None, Parameter(help="cache and checkpoints (default: runs/head)", metavar="DIR")] = None
    epochs: Annotated[int | None, Parameter(help="of each training", metavar="N")] = None
    seed: Annotated[int | None, Parameter(help="another seed gives other weights, about as good", metavar="N")] = None
    threads: Annotated[int, Parameter(help="processor threads", metavar="N")] = 2
    resume: Annotated[bool, Parameter(help="continue a run that was stopped or killed")] = False

    def __post_init__(self) -> None:
        """UsageError for numbers below 1, a scale that is none, and a layer of an encoder that has no choice."""
        check_positive("threads", self.threads)
        check_positive("epochs", self.epochs)
        if self.layer is not None and self.encoder in ("small", "whisper"):
            raise UsageError(f"--layer {self.layer}: the encoder {self.encoder} has its own; it is for public encoders")
        self._scale()

    def _scale(self) -> tuple[float, float]:
        try:
            low, high = (float(end) for end in self.ratings.split(","))
        except ValueError:
            raise UsageError(f"--ratings {self.ratings}: two numbers, such as 1,7") from None
        if not low < high:
            raise UsageError(f"--ratings {self.ratings}: the first must be below the second")
        return low, high

    def run(self) -> int:
        """Train."""

        def train() -> None:
            from ..corpora.manifest import Ratings
            from ..head.recipe import HeadRecipe, train_head

            low, high = self._scale()
            recipe = HeadRecipe(
                encoder=self.encoder,
                layer=self.layer,
                labels=tuple(label.strip() for label in self.labels.split(",") if label.strip()),
                ratings=Ratings(low=low, high=high),
            )
            recipe = replace(recipe, fit=replace(recipe.fit, **given(epochs=self.epochs, seed=self.seed)))
            name = self.name or self.out.resolve().name
            work = self.work or Path("runs") / "head"
            train_head(self.data, work, self.out, recipe, name, self.resume, self.threads)

        return report(train, self.out)
