"""`emoscope explain`: a picture or a page of one recording, or of one record: what was read, when, and from what."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .command import Command
from .options import check_picture
from .replay_options import ReadingOptions

FORMATS = (".png", ".svg", ".html")


@dataclass(frozen=True, kw_only=True)
class Explain(ReadingOptions):
    """Draw what was read in a recording, when, and from what.

    From above: the sound with the attention on it, the words, the emotions, how the answer refined while it was heard,
    and beside them the path over arousal and valence. A long recording takes several files: NAME.png, NAME.2.png, ...;
    a page (.html) is one file, and plays the sound with a moving cursor.
    """

    path: Annotated[Path, Parameter(name="FILE", help="a recording, or a record (.jsonl)")] = field(kw_only=False)
    output: Annotated[
        Path, Parameter(name=("--output", "-o"), help="the picture: .png, .svg or .html", metavar="PICTURE")
    ]
    from_: Annotated[float, Parameter(name="--from", help="second at which it begins", metavar="S")] = 0.0
    to: Annotated[float | None, Parameter(help="second at which it ends (the end)", metavar="S")] = None
    dark: Annotated[bool, Parameter(help="light on dark; a page follows the reader's system otherwise")] = False
    audio: Annotated[
        Path | None, Parameter(help="the recording that a record was made of, for its sound", metavar="FILE")
    ] = None
    no_audio: Annotated[bool, Parameter(help="leave the sound out of a page")] = False
    part: Annotated[
        int | None,
        Parameter(help="which session or channel of a record that holds several, counted from 1 (1)", metavar="N"),
    ] = None

    def __post_init__(self) -> None:
        """UsageError for another format, a stretch of nothing, or what only a page has."""
        check_picture(self.output, FORMATS)
        if not (math.isfinite(self.from_) and self.from_ >= 0):
            raise UsageError(f"--from {self.from_:g}: must be 0 or more seconds")
        if self.to is not None and not self.to > self.from_:
            raise UsageError(f"--to {self.to:g}: must be after --from {self.from_:g}")
        if self.no_audio and self.output.suffix.lower() != ".html":
            raise UsageError("--no-audio is for a page (.html): other pictures hold no sound")
        if self.part is not None and self.part < 1:
            raise UsageError(f"--part {self.part}: parts are counted from 1")
        super().__post_init__()

    def run(self) -> int:
        """Read, then draw. What can be refused is refused before anything is read."""
        from ..display.pictures.output import check_writable
        from ..display.pictures.theme import require

        require()
        check_writable(self.output)
        from .explain_files import explain

        return explain(self)


command = Command("explain", "draw what was read in a recording or a record, when, and from what", Explain)
