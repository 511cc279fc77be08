"""Tables of clips, as CSV: rows with the columns that a loader needs, or an error that says what is missing."""

import csv
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing

Row = dict[str, str]


def read_table(path: Path, columns: Sequence[str] = (), delimiter: str = ",", encoding: str = "utf-8-sig") -> list[Row]:
    """The rows of a table with a header, stripped; names of columns as they stand there.

    CorpusMissing without the file, CorpusInvalid for one that is no table, or lacks one of `columns`.
    """
    if not path.is_file():
        raise CorpusMissing(f"no {path}; it comes with the corpus")
    try:
        with open(path, encoding=encoding, newline="") as lines:
            rows = [
                {str(k).strip(): str(v or "").strip() for k, v in row.items() if k is not None}
                for row in csv.DictReader(lines, delimiter=delimiter)
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusInvalid(f"{path}: not a table in {encoding.removesuffix('-sig')}: {error}") from None
    if not rows:
        raise CorpusInvalid(f"{path}: a table without a row")
    if absent := [column for column in columns if column not in rows[0]]:
        raise CorpusInvalid(f"{path}: no column {', '.join(absent)}; it has {', '.join(rows[0])}")
    return rows


def numbered(rows: Sequence[Row]) -> Iterator[tuple[int, Row]]:
    """Each row with the line on which it stands, as an editor counts: the header is line 1."""
    return enumerate(rows, 2)


def nearest(name: str, known: Sequence[str]) -> str:
    """`; did you mean X?` where one of the known names is close, else ``; there are ...``."""
    close = get_close_matches(name.lower(), [one.lower() for one in known], 1, 0.5)
    if close:
        return f"; did you mean {next(one for one in known if one.lower() == close[0])}?"
    return f"; there are {', '.join(known)}"
