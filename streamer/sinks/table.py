"""Readings and words as a CSV table (RFC 4180) for spreadsheets and statistics programs."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..protocol.errors import InputError
from ..protocol.events import AnyEvent, EmotionFinal, EmotionInterim, SessionCreated, WeighedWord, words_to_text
from ..protocol.text import clean
from .event_file import EventFile
from .stretches import channel_of

FIRST_COLUMNS = ("recording", "channel", "kind", "utterance", "start", "end", "label", "confidence")
LAST_COLUMNS = ("voice_share", "words_share", "words_how", "said", "share")
FORMULA_PREFIXES = tuple("=+-@\t\r＝＋－＠")

Cell = str | int | float


class Table(EventFile):
    """A row of kind `reading` for each `emotion.final`, then one of kind `word` for each of its words.

    Each label and each dimension of the model has a column. A word's row has only its times and its share of the
    attention, so that no reading is counted twice. One table can hold several recordings, if their models have the same
    labels. The encoding is UTF-8; times are seconds on each recording's own clock.

    frames  a row of kind `interim` for each `emotion.interim` too
    """

    what, kept = "table", "rows"

    def __init__(self, path: Path, frames: bool = False) -> None:
        super().__init__(path)
        self._frames = frames
        self._columns: tuple[str, ...] = ()
        self._recording = ""

    def write(self, event: AnyEvent) -> None:
        match event:
            case SessionCreated():
                self._recording = event.source or ""
                self._write_header(event.model.labels, event.model.dimensions)
            case EmotionFinal():
                self._write_header(event.scores, event.dimensions)
                self._write_rows([_reading(event, "reading"), *(_word(event, word) for word in event.words)])
            case EmotionInterim() if self._frames:
                self._write_header(event.scores, event.dimensions)
                self._write_rows([_reading(event, "interim")])

    def _write_header(self, labels: Iterable[str], dimensions: Iterable[str]) -> None:
        columns = (*FIRST_COLUMNS, *(safe(name) for name in (*labels, *dimensions)), *LAST_COLUMNS)
        if not self._columns:
            self._columns = columns
            self._append([columns])
        elif set(columns) != set(self._columns):
            raise InputError(
                f"{self.path}: the models of these recordings have different labels; write a table for each"
            )

    def _write_rows(self, rows: Iterable[dict[str, Cell]]) -> None:
        complete = [{"recording": safe(self._recording), **row} for row in rows]
        self._append([[row.get(name, "") for name in self._columns] for row in complete])

    def _append(self, rows: Sequence[Sequence[Cell]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        self.append(text.getvalue().encode())


def safe(text: str) -> str:
    """Text for a cell: on one line, and quoted if a spreadsheet would run it as a formula (OWASP, "CSV injection")."""
    text = clean(" ".join(text.split()))
    return f"'{text}" if text.startswith(FORMULA_PREFIXES) else text


def _reading(event: EmotionFinal | EmotionInterim, kind: str) -> dict[str, Cell]:
    final = event if isinstance(event, EmotionFinal) else None
    return {
        **_place(event, kind),
        "start": event.start,
        "end": event.end,
        "label": safe(event.label),
        "confidence": event.confidence,
        **{safe(name): value for name, value in (event.scores | event.dimensions).items()},
        "voice_share": event.sources.audio,
        "words_share": event.sources.text,
        "words_how": final.text if final else "",
        "said": safe(words_to_text(final.words)) if final else "",
    }


def _word(event: EmotionFinal, word: WeighedWord) -> dict[str, Cell]:
    times: dict[str, Cell] = {"start": word.start, "end": word.end}
    return {**_place(event, "word"), **times, "said": safe(word.word), "share": word.weight}


def _place(event: EmotionFinal | EmotionInterim, kind: str) -> dict[str, Cell]:
    channel = channel_of(event)
    return {"channel": "" if channel is None else channel, "kind": kind, "utterance": event.utterance}
