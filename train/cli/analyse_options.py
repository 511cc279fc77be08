"""The options that the analyses share, and what becomes of a finding: a table, a CSV, a picture."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from emoscope.models.errors import EmoscopeError, UsageError
from emoscope.streamer.cli.options import OUTPUT, MeasuredModelOptions, check_picture
from emoscope.streamer.cli.session_options import DetectorOptions

from .running import CHECKOUT

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel
    from emoscope.streamer import Config

    from ..analysis.findings import Cell, Finding
    from ..analysis.frames import Utterance
    from ..corpora import Clip
    from ..evaluation.protocols import Protocol
    from ..evaluation.selection import Part

FORMATS = (".png", ".svg")
CLIPS = Group("Clips", sort_key=2)
LABELLED = ("ravdess", "emodb", "nemo", "emotale", "urdu")
WORK = Path("runs") / "analyse"


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class FindingOptions:
    """Where the numbers and the picture go."""

    out: Annotated[
        Path | None, Parameter(name=("--out", "-o"), help="the picture: .png or .svg", metavar="PICTURE")
    ] = None
    csv: Annotated[Path | None, Parameter(help="write every number of the picture as a table", metavar="FILE")] = None
    dark: Annotated[bool, Parameter(help="a picture that is light on dark")] = False

    def __post_init__(self) -> None:
        """UsageError for a file name with another format's suffix."""
        if self.out is not None:
            check_picture(self.out, FORMATS)
        if self.csv is not None and self.csv.suffix.lower() != ".csv":
            raise UsageError(f"--csv {self.csv}: the name of such a file ends in .csv")

    def check(self) -> None:
        """What can be refused is refused before anything is computed: no matplotlib, a file that cannot be written."""
        from emoscope.streamer.display.pictures.output import check_writable

        if self.out is not None:
            from emoscope.streamer.display.pictures.theme import require

            require()
        for path in (self.out, self.csv):
            if path is not None:
                check_writable(path)

    def show(self, finding: "Finding") -> None:
        """Print the summary, and write the files that were asked for."""
        from rich.console import Console
        from rich.table import Table

        console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
        for line in (finding.title, finding.about, *finding.notes):
            console.print(line, markup=False, soft_wrap=True)
        table = Table(box=None, pad_edge=False)
        for place, name in enumerate(finding.summary.columns):
            table.add_column(name, justify="right" if place else "left")
        for row in finding.summary.rows:
            table.add_row(*(_shown(cell) for cell in row))
        console.print(table, markup=False)
        if self.csv is not None:
            from emoscope.streamer.display.pictures.output import write

            write(self.csv, (finding.points or finding.summary).as_csv())
        if self.out is not None:
            self._draw(self.out, finding)

    def _draw(self, out: Path, finding: "Finding") -> None:
        from emoscope.streamer.display.pictures.output import size, write
        from emoscope.streamer.display.pictures.page import content
        from emoscope.streamer.display.pictures.theme import DARK, LIGHT, drawing

        with drawing() as problems:
            page = content(finding.draw(finding, DARK if self.dark else LIGHT), out.suffix.lower()[1:])
            write(out, page)
            print(f"{out}: {size(len(page))}")
        for line in problems:
            print(f"emoscope: {line}", file=sys.stderr)


def _shown(cell: "Cell") -> str:
    if cell is None or (isinstance(cell, float) and isnan(cell)):
        return "-"
    return f"{cell:.3f}" if isinstance(cell, float) else str(cell)


@dataclass(frozen=True, kw_only=True)
class CorpusOptions:
    """Which clips of which corpus, by which model."""

    corpus: Annotated[str, Parameter(group=CLIPS, help=", ".join(LABELLED), metavar="CORPUS")]
    data: Annotated[
        Path,
        Parameter(
            group=CLIPS,
            help="folder with the corpus's folder, or the corpus's folder itself (default: ../shared/corpora beside "
            "the checkout)",
            metavar="DIR",
            show_default=False,
        ),
    ] = CHECKOUT.parent / "shared" / "corpora"
    speakers: Annotated[
        str | None, Parameter(group=CLIPS, help="only these speakers, such as 21,22", metavar="LIST")
    ] = None
    limit: Annotated[int | None, Parameter(group=CLIPS, help="at most N clips, evenly spread", metavar="N")] = None
    work: Annotated[
        Path, Parameter(help="folder of what a model made of each clip, for all analyses", metavar="DIR")
    ] = WORK
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    finding: FindingOptions = field(default_factory=FindingOptions)

    def __post_init__(self) -> None:
        """UsageError for a corpus without emotions, a list without names, or no clips."""
        if self.corpus not in LABELLED:
            raise UsageError(f"--corpus {self.corpus}: there are {', '.join(LABELLED)}")
        if self.speakers is not None and not names_in(self.speakers):
            raise UsageError(f"--speakers {self.speakers!r}: no names; give some, separated by commas")
        if self.limit is not None and self.limit < 1:
            raise UsageError(f"--limit {self.limit}: must be at least 1")

    @property
    def config(self) -> "Config":
        """Of the sessions that find and read utterances."""
        from emoscope.streamer import Config

        return Config(pace="fast", attention=False, vad=self.detector.config())

    def clips(self, protocol: "Protocol | None" = None) -> "list[Clip]":
        """The chosen clips of the corpus, those whose label the protocol reads."""
        from ..evaluation import selection

        found = selection.find_clips(self.corpus, self.data)
        found = selection.of_speakers(found, names_in(self.speakers)) if self.speakers else found
        found = selection.of_protocol(found, protocol) if protocol is not None else found
        if self.limit is not None and self.limit < len(found):
            found = [found[i * len(found) // self.limit] for i in range(self.limit)]
        selection.assert_usable(found)
        return found

    def model_names(self) -> list[str]:
        """The models, one or more separated by commas."""
        from emoscope.models.external import resolve

        names = [resolve(name) for name in dict.fromkeys(names_in(self.model.model))]
        if not names:
            raise UsageError(f"--model {self.model.model!r}: no name; `emoscope models list` has some")
        return names

    def one_model(self) -> str:
        """The model of a picture that shows one."""
        names = self.model_names()
        if len(names) > 1:
            raise UsageError(f"--model {self.model.model}: this picture shows one model; run it once for each")
        return names[0]

    def utterances(self, clips: "Sequence[Clip]") -> "list[tuple[Part, list[Utterance]]]":
        """The frames of the clips by each model. Speakers of the training data are allowed, and named in the part."""
        from ..analysis.frames import utterances_of
        from ..evaluation import selection
        from ..progress import stage

        found = []
        for part in [selection.one_model(name, clips, allow_trained=True)[0] for name in self.model_names()]:
            load = partial(open_model, self.model, part.model)
            with stage(f"{part.card.id} on {self.corpus}", len(clips)) as shown:
                own = utterances_of(part.card, part.model, load, clips, self.config, self.work, shown.advance)
            found.append((part, own))
        return found


def open_model(options: MeasuredModelOptions, model: str | Path) -> "StreamModel":
    """A model by its name or folder, on the device that the options name, in float32."""
    from emoscope.streamer.engine.opening import open_engine

    return open_engine(model, device=options.device, threads=options.threads, precision="float32", engine="torch").model


def names_in(text: str | None) -> list[str]:
    """The names of a list that is separated by commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def about(parts: "Sequence[Part]", clips: "Sequence[Clip]", what: str = "") -> str:
    """What was measured, in one line."""
    models = ", ".join(dict.fromkeys(part.card.id for part in parts))
    speakers = len({clip.speaker for clip in clips})
    line = f"{models} on {clips[0].corpus}: {len(clips)} clips of {speakers} speaker{'s' * (speakers != 1)}"
    return f"{line}, {what}" if what else line


def trained_note(parts: "Sequence[Part]") -> tuple[str, ...]:
    """Says which speakers the models have heard in training; nothing where there are none."""
    from ..errors import listed

    lines = []
    for part in parts:
        count, trained = len({clip.speaker for clip in part.clips}), len(part.trained)
        if trained:
            some = f"{trained} of these {count} speakers ({listed(part.trained)})"
            who = "all of these speakers" if trained == count else some
            lines.append(f"{part.card.id} was trained on {who}: this shows it on voices that it knows.")
    return tuple(lines)


def run(analysis: Callable[[], "Finding"], finding: FindingOptions) -> int:
    """Compute, print and draw. 0, or 1 with one line that says what went wrong, 2 for usage, 130 after Ctrl+C."""
    from ..errors import Interrupted
    from ..progress import say

    try:
        finding.check()
        finding.show(analysis())
    except Interrupted as stopped:
        say(f"emoscope analyse: {stopped}")
        return 130
    except UsageError as error:
        say(f"emoscope analyse: {error}")
        return 2
    except EmoscopeError as error:
        say(f"emoscope analyse: {error}")
        return 1
    return 0
