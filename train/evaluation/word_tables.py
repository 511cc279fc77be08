"""Reports of words as a table for the terminal: a column for each corpus."""

from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from .calibration_inputs import Interval
from .words import Spread, WordReport, WordTimes


def show(reports: Sequence[WordReport], console: Console) -> None:
    """Print what was measured, a table, and the clips with the most errors."""
    first = reports[0]
    told = f"told {first.language}" if first.language else "detected"
    _line(console, f"{first.recognizer} through the live path; --vad {first.vad}; language {told}; 95 % intervals")
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for report in reports:
        table.add_column(report.corpus, justify="right")
    for name, cell in ROWS:
        table.add_row(name, *(cell(report) for report in reports))
    console.print(table)
    for report in reports:
        for clip, said, got in report.worst:
            _line(console, f"{report.corpus} {clip}\n  said {said}\n  got  {got or '-'}")
        for clip, got in report.texts:
            _line(console, f"{report.corpus} {clip}\n  got  {got}")


def _rate(errors: float | None, ci95: Interval | None) -> str:
    return "-" if errors is None or ci95 is None else f"{errors:.3f} ({ci95[0]:.3f} to {ci95[1]:.3f})"


def _languages(report: WordReport) -> str:
    return ", ".join(f"{name} {count}" for name, count in report.languages.items()) or "-"


def _seconds(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.median:.2f}, {spread.p90:.2f} ({spread.count})"


def _time(times: WordTimes | None, which: str) -> str:
    if times is None:
        return "-"
    return f"{_seconds(getattr(times, which))}, bias {getattr(times, f'{which}_bias'):+.2f}"


def _cost(report: WordReport) -> str:
    return "-" if report.processor_s is None else f"{report.processor_s[0]:.1f} ({report.processor_s[1]:.2f})"


def _uar(report: WordReport) -> str:
    found = report.readings
    return "-" if found.voice is None else f"{found.voice:.3f}, {found.both:.3f} ({found.scored} clips)"


def _gain(report: WordReport) -> str:
    found = report.readings
    if found.gain is None or found.gain_ci95 is None:
        return "-"
    return f"{found.gain:+.3f} ({found.gain_ci95[0]:+.3f} to {found.gain_ci95[1]:+.3f})"


ROWS: tuple[tuple[str, Callable[[WordReport], str]], ...] = (
    ("clips, utterances", lambda r: f"{r.clips}, {r.utterances}"),
    ("minutes of speech", lambda r: f"{r.minutes:.1f}"),
    ("words that were said", lambda r: str(r.words) if r.errors is not None else "-"),
    ("words recognized", lambda r: str(r.recognized)),
    ("word error rate", lambda r: _rate(r.errors, r.ci95)),
    ("  of one pass over the clip", lambda r: _rate(r.offline, r.offline_ci95)),
    ("languages", _languages),
    ("right language", lambda r: "-" if r.right_language is None else f"{r.right_language:.2f}"),
    ("changes in sessions", lambda r: f"{r.changes} in {r.sessions}"),
    ("begin off, s: median, p90", lambda r: _time(r.times, "begin")),
    ("end off, s: median, p90", lambda r: _time(r.times, "end")),
    ("lag of words, s: median, p90", lambda r: _seconds(r.lag)),
    ("processor s a clip (a second)", _cost),
    ("share of words: mean, most", lambda r: f"{r.readings.share:.2f}, {r.readings.greatest:.2f}"),
    ("labels that words changed", lambda r: f"{r.readings.changed} of {r.readings.finals}"),
    ("UAR: voice, with words", _uar),
    ("  gain", _gain),
)


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, soft_wrap=True)
