"""`emoscope summary`: records in numbers, as a table, and as a picture of them side by side."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..protocol.errors import EmoscopeError, RecordInvalid, UsageError
from ..protocol.text import clean, clean_lines, printable
from .command import Command
from .options import check_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..display.pictures.story import Story
    from ..display.pictures.totals import Totals
    from ..protocol.events import AnyEvent

FORMATS = (".png", ".svg")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Sum up records: how much was said, which emotions were read in it, and the strongest moments.

    A record that holds several sessions or channels has a row for each. Shares are of the seconds of speech.
    """

    paths: Annotated[tuple[Path, ...], Parameter(name="RECORD", help="records (.jsonl) of replay, listen or send")] = (
        field(kw_only=False)
    )
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="draw them side by side: .png or .svg", metavar="PICTURE"),
    ] = None
    dark: Annotated[bool, Parameter(help="a picture that is light on dark")] = False
    json: Annotated[bool, Parameter(help="print a line of JSON for each, and nothing else to stdout")] = False
    csv: Annotated[Path | None, Parameter(help="write a table with a row for each", metavar="FILE")] = None

    def __post_init__(self) -> None:
        """UsageError for a file name with another format's suffix."""
        if self.output is not None:
            check_picture(self.output, FORMATS)
        if self.csv is not None and self.csv.suffix.lower() != ".csv":
            raise UsageError(f"--csv {self.csv}: the name of such a file ends in .csv")

    def run(self) -> int:
        """Sum up what can be read. 1 where something could not, which one line on stderr says; the rest counts."""
        from ..display.pictures.collect import Collector
        from ..display.pictures.output import check_writable
        from ..display.pictures.totals import totals
        from .summary_output import create_csv, one_line, show, write_csv

        if self.output is not None:
            from ..display.pictures.theme import require

            require()
            check_writable(self.output)
        if self.csv is not None:
            create_csv(self.csv)
        found: list[tuple[Story, Totals]] = []
        failed = False
        for path in self.paths:
            collector = Collector(finals_only=True)
            try:
                for event in _events(path):
                    collector.add(event)
            except EmoscopeError as error:
                failed = True
                print(f"emoscope: {clean_lines(str(error))}", file=sys.stderr)
            found += [(story, totals(story, str(path))) for story in collector.stories]
        numbers = [one for _, one in found]
        if self.json:
            for one in numbers:
                print(one_line(one))
        elif numbers:
            show(numbers)
        if self.csv is not None:
            write_csv(self.csv, numbers)
        if self.output is not None and found:
            self._draw(self.output, found)
        return 1 if failed else 0

    def _draw(self, output: Path, found: "list[tuple[Story, Totals]]") -> None:
        from ..display.pictures.comparison import Conversation, pages
        from ..display.pictures.output import numbered, size, write
        from ..display.pictures.theme import DARK, LIGHT, drawing

        compared = [Conversation(story, one) for story, one in found]
        with drawing() as problems:
            kind = output.suffix.lower()[1:]
            for number, page in enumerate(pages(compared, DARK if self.dark else LIGHT, kind), 1):
                path = numbered(output, number)
                write(path, page)
                print(f"{clean(printable(path))}: {size(len(page))}", file=sys.stderr if self.json else sys.stdout)
        for line in problems:
            print(f"emoscope: {clean_lines(line)}", file=sys.stderr)


def _events(path: Path) -> "Iterator[AnyEvent]":
    """The events of a record; RecordInvalid for what is none."""
    from ..sinks.record import is_record, whole_record

    if path.is_dir():
        raise RecordInvalid(f"{path}: is a folder, not a record; name its records, as in {path / '*.jsonl'}")
    if path.is_file() and not is_record(path):
        raise RecordInvalid(f"{path}: is not a record; `emoscope replay {path} --record DIR` makes one of a recording")
    return whole_record(path)


command = Command("summary", "sum up records: shares of emotions, strongest moments, side by side", Summary)
