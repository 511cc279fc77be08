"""The differences of a study as a picture: a point and a 95 % interval for each row and corpus."""

import io
from collections.abc import Sequence
from pathlib import Path

from emoscope.models.cards import replace_file
from emoscope.models.errors import UsageError
from emoscope.streamer.display.pictures.theme import LIGHT, drawing, require

from ..errors import TrainingError
from .tables import Line, Report, name_of

ENDINGS = (".png", ".svg")
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#1f2328")  # Okabe and Ito's, for colour-blind readers


def check_picture(path: Path, rows: Sequence[str], reference: str) -> None:
    """UsageError for an ending that no picture has, or rows without a difference; EmoscopeError without matplotlib."""
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"--picture {path}: its name must end in {' or '.join(ENDINGS)}")
    if rows and not set(rows) - {reference}:
        raise UsageError(f"--picture {path}: {reference} alone leaves nothing to compare; name another row too")
    require()


def draw(report: Report, path: Path) -> None:
    """Write the picture, PNG or SVG by its ending; a difference whose interval excludes zero is a filled point.

    TrainingError where it cannot be written.
    """
    compared = [line for line in report.lines if line.difference is not None]
    content = _drawn(report, compared, path.suffix.lower().removeprefix("."))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}; the table is whole") from None


def _drawn(report: Report, compared: Sequence[Line], kind: str) -> bytes:
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name_of(line) for line in compared))
    corpora = list(dict.fromkeys(line.corpus for line in compared))
    with drawing():
        figure = Figure(figsize=(7.0, 0.8 + 0.13 * len(names) * (len(corpora) + 1)), layout="constrained")
        axes = figure.subplots()
        axes.axvline(0.0, color=LIGHT.soft, linewidth=0.6)
        for line in compared:
            number, one = corpora.index(line.corpus), line.difference
            assert one is not None
            colour = COLOURS[number % len(COLOURS)]
            place = names.index(name_of(line)) + (number + 1) / (len(corpora) + 1) - 0.5
            axes.plot([one.low, one.high], [place, place], color=colour, linewidth=1.2)
            filled = colour if one.excludes_zero else LIGHT.paper
            axes.plot(one.value, place, "o", color=colour, markerfacecolor=filled, markersize=4)
        for number, corpus in enumerate(corpora):
            axes.plot([], [], "o-", color=COLOURS[number % len(COLOURS)], markersize=4, linewidth=1.2, label=corpus)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel(f"{report.metric}: difference from {report.reference}, 95 % interval (filled: without zero)")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
        content = io.BytesIO()
        # Without a date, so that the same report gives the same file.
        figure.savefig(content, format=kind, dpi=150, metadata={"Date": None} if kind == "svg" else None)
    return content.getvalue()
