"""`emoscope train study`: the options of a comparison of what the papers compare, on one's own copies of corpora."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from emoscope.models.errors import UsageError

from .running import CHECKOUT, check_positive, given, report


@dataclass(frozen=True, kw_only=True)
class TrainStudy:
    """A paper's comparison again, over an encoder that stays as it is."""

    study: Annotated[
        Literal["pooling", "segments"],
        Parameter(
            help="pooling: the poolings of Leygue et al. (2025), table 2. segments: segments and triplets of "
            "Porjazovski et al. (2024), table 1"
        ),
    ] = field(kw_only=False)
    corpus: Annotated[
        str, Parameter(help="the corpora, separated by commas; each is learned and scored by itself", metavar="LIST")
    ] = "ravdess,emodb,nemo"
    data: Annotated[
        Path,
        Parameter(
            help="folder of the corpora, or of the one that is named (default: ../shared/corpora beside the checkout)",
            metavar="DIR",
            show_default=False,
        ),
    ] = CHECKOUT.parent / "shared" / "corpora"
    out: Annotated[
        Path | None,
        Parameter(
            help="rows.jsonl, table.md and report.json; trainings that it holds are not made again (default: "
            "WORK/ and the study's name)",
            metavar="DIR",
        ),
    ] = None
    work: Annotated[Path, Parameter(help="cache of the encoder's frames", metavar="DIR")] = Path("runs") / "study"
    encoder: Annotated[
        str, Parameter(help="small, whisper, or the name or folder of a public speech encoder on this machine")
    ] = "whisper"
    layer: Annotated[
        int | None, Parameter(help="of a public encoder: the transformer's layer that is read (default: the last)")
    ] = None
    rows: Annotated[
        str, Parameter(help="only these rows beside the reference, separated by commas", metavar="LIST")
    ] = ""
    each: Annotated[
        int | None, Parameter(help="at most so many clips of each label of each speaker, drawn at random", metavar="N")
    ] = None
    seeds: Annotated[int | None, Parameter(help="trainings of each row on each fold (default: 3)", metavar="N")] = None
    steps: Annotated[int | None, Parameter(help="optimizer steps of each training (default: 200)", metavar="N")] = None
    picture: Annotated[
        Path | None, Parameter(help="the differences with their intervals, PNG or SVG", metavar="FILE")
    ] = None
    threads: Annotated[int, Parameter(help="processor threads", metavar="N")] = 1

    def __post_init__(self) -> None:
        """UsageError for numbers below 1, and a layer of an encoder that has no choice."""
        for name in ("each", "seeds", "steps", "threads"):
            check_positive(name, getattr(self, name))
        if self.layer is not None and self.encoder in ("small", "whisper"):
            raise UsageError(f"--layer {self.layer}: the encoder {self.encoder} has its own; it is for public encoders")
        if not _names(self.corpus):
            raise UsageError("--corpus: name at least one corpus")

    def run(self) -> int:
        """Train what is missing, and make the table."""
        out = self.out or self.work / self.study

        def study() -> None:
            from ..study.designs import DESIGNS
            from ..study.picture import check_picture, draw
            from ..study.recipe import StudyConfig, run_study
            from ..study.tables import markdown, report_of, write_report

            config = replace(
                StudyConfig(encoder=self.encoder, layer=self.layer, each=self.each),
                **given(seeds=self.seeds, steps=self.steps),
            )
            design = DESIGNS[self.study]
            corpora, rows = _names(self.corpus), _names(self.rows)
            if self.picture is not None:
                check_picture(self.picture, rows, design.reference)  # before the trainings
            trained = run_study(design, corpora, self.data, self.work, out, config, rows, self.threads)
            made = report_of(design, trained)
            write_report(made, design, out)
            if self.picture is not None:
                draw(made, self.picture)
            print(markdown(made, design))

        return report(study, out, again="the same command goes on from there")


def _names(given: str) -> tuple[str, ...]:
    """The names of a list, each once."""
    return tuple(dict.fromkeys(name.strip() for name in given.split(",") if name.strip()))
