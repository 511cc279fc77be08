"""The numbers of records as a table for the terminal, as a line of JSON, and as a CSV file."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from emoscope.models.reading import UNSURE

from ..display.palette import colour
from ..display.pictures.totals import Moment, Totals
from ..display.plain_text import clock
from ..display.shapes import probability, signed
from ..protocol.errors import InputError
from ..protocol.text import clean
from ..sinks.table import safe

NARROWEST = 140  # columns of a table that is not for a terminal
SHOWN = 4  # labels


def one_line(totals: Totals) -> str:
    """The numbers as one line of JSON."""
    return msgspec.json.encode({**msgspec.to_builtins(totals), "unsure": totals.unsure}).decode()


def show(found: Sequence[Totals]) -> None:
    """Print a row for each."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=max(NARROWEST, console.width))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for name in ("record", "speech / audio", "said", "read as, by seconds of speech", "A / V", "strongest moments"):
        table.add_column(name, justify="right" if name == "said" else "left", overflow="fold")
    for one in found:
        table.add_row(
            Text(clean(one.name) + ("" if one.whole else "\n(breaks off)")),
            f"{clock(one.speech_s)} / {clock(one.audio_s)}",
            str(one.utterances),
            _shares(one),
            "\n".join("-" if value is None else signed(value) for value in (one.arousal, one.valence)),
            Text("\n").join(_moment(moment) for moment in one.moments) or Text("-"),
        )
    console.print(table)
    console.print("A arousal, V valence, -1 to 1 · strongest: the surest finals that claim an emotion", style="dim")


def _shares(one: Totals) -> Text:
    """The largest shares, and that of `unsure`."""
    if not one.shares:
        return Text("no speech" if not one.utterances else "no reading")
    ranked = list(one.shares.items())
    shown = ranked[:SHOWN] + [item for item in ranked[SHOWN:] if item[0] == UNSURE]
    parts = [Text(f"{clean(label)} {round(100 * share)} %", colour(label, ())) for label, share in shown]
    rest = 1 - sum(share for _, share in shown)
    if len(shown) < len(ranked):
        parts.append(Text(f"others {round(100 * rest)} %", "dim"))
    return Text(" · ").join(parts)


def _moment(moment: Moment) -> Text:
    words = f' "{clean(moment.words)}"' if moment.words else ""
    line = Text(f"{clock(moment.start)} ")
    line.append(f"{clean(moment.label)} {probability(moment.confidence)}", colour(moment.label, ()))
    line.append(words)
    return line


def create_csv(path: Path) -> None:
    """Create the table's file; InputError where it exists already or cannot be created."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("xb").close()
    except OSError as error:
        if isinstance(error, FileExistsError) and path.parent.is_dir():
            raise InputError(f"{path}: exists already; tables are never overwritten") from None
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


def write_csv(path: Path, found: Sequence[Totals]) -> None:
    """Write a row for each: its numbers, a column for the share of every label, and the strongest moments."""
    labels = sorted({label for one in found for label in one.shares})
    columns = [
        "record", "source", "session", "channel", "model", "whole", "audio_s", "speech_s", "utterances", "unread",
        "dropped_s", "arousal", "valence", *(f"share_{safe(label)}" for label in labels), "strongest",
    ]  # fmt: skip
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for one in found:
        moments = "; ".join(f"{clock(m.start)} {m.label} {m.confidence:.2f} {m.words}".strip() for m in one.moments)
        numbers = [one.audio_s, one.speech_s, one.utterances, one.unread, one.dropped_s, one.arousal, one.valence]
        writer.writerow([
            safe(one.record), safe(one.source), one.session, "" if one.channel is None else one.channel,
            safe(one.model), "yes" if one.whole else "no", *("" if value is None else value for value in numbers),
            *(one.shares.get(label, 0.0) for label in labels), safe(moments),
        ])  # fmt: skip
    try:
        path.write_bytes(text.getvalue().encode())
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
