"""The reliability diagram and the curve by seconds of speech, as one SVG file without external references."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from .evaluate import Report
from .tables import heading

Point = tuple[float, float]

PANEL, GAP, TOP, SIDE, FOOT, LABELS = 300, 90, 64, 60, 64, 100  # pixels; labels stand right of the curve
INK, FAINT, BLUE, ORANGE = (
    "#1f2328",
    "#c4c9d0",
    "#0072b2",
    "#d55e00",
)  # Okabe and Ito's palette for colour-blind readers


def draw(report: Report) -> str:
    """Left: accuracy of the clips' answers by confidence. Right: UAR by seconds of speech, clean and by condition."""
    width, height = SIDE + 2 * PANEL + GAP + LABELS, PANEL + TOP + FOOT
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        f"<title>{escape(heading(report))}</title>",
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(SIDE, 24, heading(report), size=13, fit=width - 2 * SIDE),
        *_reliability(report, SIDE, TOP),
        *_curve(report, SIDE + PANEL + GAP, TOP),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _reliability(report: Report, left: float, top: float) -> list[str]:
    figures = report.figures
    most = max((n for n, _, _ in figures.reliability), default=1)
    parts = _axes(left, top, "confidence", "share right", [0, 0.25, 0.5, 0.75, 1], [0, 0.25, 0.5, 0.75, 1], 1.0)
    parts.append(_line([(left, top + PANEL), (left + PANEL, top)], FAINT, dashed=True))
    points = []
    for n, confidence, accuracy in figures.reliability:
        x, y = left + PANEL * confidence, top + PANEL * (1 - accuracy)
        points.append((x, y))
        tall = 60 * n / most
        parts.append(
            f'<rect x="{x - 8:.1f}" y="{top + PANEL - tall:.1f}" width="16" height="{tall:.1f}" fill="{FAINT}">'
            f"<title>{n} clips</title></rect>"
        )
    parts.append(_line(points, BLUE))
    parts += [_dot(x, y, BLUE) for x, y in points]
    title = f"Reliability: ECE {figures.ece:.3f}, before temperature {figures.ece_before:.3f}"
    return [*parts, _text(left, top - 12, title, bold=True)]


def _curve(report: Report, left: float, top: float) -> list[str]:
    figures = report.figures
    known = [after for after in figures.by_seconds if after.seconds is not None]
    longest = max((after.seconds or 0.0 for after in known), default=1.0)
    ticks = [after.seconds or 0.0 for after in known]
    parts = _axes(left, top, "seconds of speech heard", "UAR", ticks, [0, 0.25, 0.5, 0.75, 1], longest)
    chance = 1 / max(1, len(figures.classes) - len(figures.absent))
    level = top + PANEL * (1 - chance)
    parts += [_line([(left, level), (left + PANEL, level)], FAINT, dashed=True), _text(left + 4, level - 4, "chance")]
    for name, values, colour in (
        ("UAR", [after.uar for after in known], BLUE),
        ("share unsure", [after.unsure for after in known], ORANGE),
    ):
        points = [
            (left + PANEL * (after.seconds or 0.0) / longest, top + PANEL * (1 - value))
            for after, value in zip(known, values, strict=True)
        ]
        parts += [_line(points, colour), *(_dot(x, y, colour) for x, y in points)]
        if points:
            parts.append(_text(points[-1][0] + 6, points[-1][1] + 4, name, colour=colour))
    final = top + PANEL * (1 - figures.uar)
    parts += [_line([(left, final), (left + PANEL, final)], BLUE, dashed=True)]
    parts.append(_text(left + 4, final - 4, f"everything heard: {figures.uar:.3f}", colour=BLUE))
    return [*parts, _text(left, top - 12, "While the person speaks", bold=True)]


def _axes(
    left: float, top: float, across: str, up: str, ticks: Sequence[float], levels: Sequence[float], longest: float
) -> list[str]:
    parts = [f'<rect x="{left}" y="{top}" width="{PANEL}" height="{PANEL}" fill="none" stroke="{FAINT}"/>']
    for tick in ticks:
        x = left + PANEL * tick / longest
        parts.append(_text(x, top + PANEL + 16, f"{tick:g}", anchor="middle"))
    for level in levels:
        y = top + PANEL * (1 - level)
        parts.append(_text(left - 6, y + 4, f"{level:g}", anchor="end"))
    middle = top + PANEL / 2
    parts.append(_text(left + PANEL / 2, top + PANEL + 36, across, anchor="middle"))
    parts.append(
        f'<text x="{left - 38}" y="{middle}" transform="rotate(-90 {left - 38} {middle})" '
        f'text-anchor="middle" fill="{INK}">{escape(up)}</text>'
    )
    return parts


def _line(points: Sequence[Point], colour: str, dashed: bool = False) -> str:
    place = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    dash = ' stroke-dasharray="4 4"' if dashed else ""
    return f'<polyline points="{place}" fill="none" stroke="{colour}" stroke-width="{1 if dashed else 2}"{dash}/>'


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>'


def _text(
    x: float,
    y: float,
    text: str,
    colour: str = INK,
    anchor: str = "start",
    size: int = 12,
    bold: bool = False,
    fit: int | None = None,
) -> str:
    # A letter is about half as wide as the font size; a longer line is compressed to `fit` pixels.
    squeeze = f' textLength="{fit}" lengthAdjust="spacingAndGlyphs"' if fit and len(text) * size * 0.52 > fit else ""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}" font-size="{size}"{weight}{squeeze}>'
        f"{escape(text)}</text>"
    )
