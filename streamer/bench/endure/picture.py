"""The picture of `emoscope bench endure`: the curves of each part, one panel beside another."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from ...display.pictures.output import check_writable, write
from ...display.pictures.theme import LIGHT, drawing, require
from ...protocol.errors import InputError
from .report import Curve, PartReport

FORMATS = ("png", "svg")
COLUMNS, WIDTH_IN, HEIGHT_IN = 3, 3.6, 2.5


def check(path: Path) -> None:
    """EmoscopeError without matplotlib; InputError where the picture could not be written there."""
    require()
    if path.suffix.lower().lstrip(".") not in FORMATS:
        raise InputError(f"{path}: a picture ends in .png or .svg")
    check_writable(path)


def draw(reports: Sequence[PartReport], path: Path) -> None:
    """Draw all curves so far; nothing where there is none."""
    from matplotlib.figure import Figure

    panels: dict[str, list[Curve]] = {}
    for report in reports:
        for curve in report.curves:
            panels.setdefault(f"{report.part}: {curve.panel}", []).append(curve)
    if not panels:
        return
    with drawing():
        rows = -(-len(panels) // COLUMNS)
        figure = Figure(figsize=(WIDTH_IN * COLUMNS, HEIGHT_IN * rows), facecolor=LIGHT.paper, layout="constrained")
        for place, (title, curves) in enumerate(panels.items(), 1):
            axes = figure.add_subplot(rows, COLUMNS, place)
            for curve in curves:
                axes.plot(curve.x, curve.y, ".-" if len(curve.x) < 30 else "-", linewidth=0.9, label=curve.name)
            axes.set_title(title, fontsize=9, loc="left")
            axes.set_xlabel(curves[0].x_label)
            axes.set_ylabel(curves[0].y_label)
            axes.set_ylim(bottom=0)
            axes.spines[["top", "right"]].set_visible(False)
            if len(curves) > 1:
                axes.legend(frameon=False, fontsize=7)
        content = BytesIO()
        figure.savefig(content, format=path.suffix.lower().lstrip("."), dpi=150)
    write(path, content.getvalue())
