"""The report as tables for the terminal, and as one line of JSON."""

from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from .calibration_inputs import Interval
from .evaluate import Report
from .figures import Figures

NAMES = {
    "uar": "UAR (unweighted average recall)",
    "wa": "WA (accuracy)",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
}


def one_line(report: Report) -> str:
    """The report as one line of JSON without the single clips, the metrics in clean sound at the top level."""
    content: dict[str, Any] = msgspec.to_builtins(report)
    del content["clips"]
    figures = content.pop("figures")
    return msgspec.json.encode({**figures, **content}).decode()


def show(report: Report, console: Console) -> None:
    """Print the tables, the most important first."""
    if report.trained:
        _line(console, f"TRAINED ON: {', '.join(report.trained)} were in the training data; these scores are too good.")
    figures = report.figures
    _line(console, heading(report))
    for note in _notes(report):
        _line(console, note)
    console.print(_main(figures))
    console.print(_seconds(figures))
    console.print(_confusion(figures))
    groups = {**figures.by_gender, **figures.by_language}
    groups |= {f"fold {i}": group for i, group in enumerate(report.folds)}
    if len(groups) > 1:
        table = _table("", "clips", "UAR", "WA", title="groups")
        for name, group in groups.items():
            table.add_row(name, str(group.n), _three(group.uar), _three(group.wa))
        console.print(table)
    if report.conditions:
        console.print(_conditions(report))
    if report.unfinished:
        _line(console, f"stopped, not evaluated: {', '.join(report.unfinished)}")


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def heading(report: Report) -> str:
    """What was measured, in one line."""
    models = ", ".join(dict.fromkeys(report.model))
    how = "through the stream" if report.how == "stream" else "whole recordings at once"
    session = f"one session a {report.session}" + (f", {report.order}" if report.order else "")
    baseline = "" if report.how == "whole" else f"; {session}; baseline {report.baseline}"
    folds = f" ({len(report.folds)} folds)" if report.folds else ""
    return (
        f"{models}{folds} on {report.corpus}: {report.figures.n} clips of {len(report.speakers)} speakers, "
        f"{report.protocol}, {how}{baseline}"
    )


def _notes(report: Report) -> list[str]:
    figures, notes = report.figures, []
    if report.left_out:
        notes.append(f"{report.left_out} clips left out: the protocol excludes their classes")
    if report.not_enrolled:
        notes.append(f"not scored, without a calm clip for enrolment: {', '.join(report.not_enrolled)}")
    if figures.absent:
        notes.append(f"no clip of {', '.join(figures.absent)}: left out of every mean")
    return notes


def _main(figures: Figures) -> Table:
    table = _table("", "", f"95 % (bootstrap by {figures.ci95_by})")
    for name, title in NAMES.items():
        table.add_row(title, _three(getattr(figures, name)), _span(figures.intervals[name]))
    for name, value in figures.ccc.items():
        table.add_row(f"CCC {name}", _three(value), _span(figures.ccc_ci95[name]))
    table.add_row("ECE", _three(figures.ece), f"chance alone gives {_three(figures.ece_chance)}")
    table.add_row("ECE before temperature", _three(figures.ece_before), "")
    table.add_row("ECE over all labels", _three(figures.ece_all_labels), "")
    table.add_row("unsure", _three(figures.unsure.said), "of the clips")
    table.add_row("accuracy otherwise", _three(figures.unsure.accuracy_otherwise), "")
    table.add_row("no prediction", _three(figures.silent), "of the clips; they count as wrong")
    table.add_row("another label than these", _three(figures.outside), "of the answers, before they are restricted")
    return table


def _seconds(figures: Figures) -> Table:
    table = _table(
        "after", "UAR", "WA", "predicted", "unsure", "ECE", "before", "chance", "readings", title="by seconds of speech"
    )
    buckets = {bucket.seconds: bucket for bucket in figures.calibration}
    for after in figures.by_seconds:
        name = "all" if after.seconds is None else f"{after.seconds:g} s"
        row = [name, _three(after.uar), _three(after.wa), _three(after.heard), _three(after.unsure)]
        bucket = buckets.get(after.seconds)
        if bucket is not None:
            row += [_three(bucket.ece), _three(bucket.ece_before), _three(bucket.ece_chance), str(bucket.n)]
        table.add_row(*row)
    return table


def _confusion(figures: Figures) -> Table:
    table = _table("true \\ predicted", *(name[:5] for name in figures.classes), "none", "recall", title="confusion")
    for name, row in zip(figures.classes, figures.confusion, strict=True):
        table.add_row(name, *(str(count) if count else "·" for count in row), _three(figures.recall.get(name)))
    return table


def _conditions(report: Report) -> Table:
    table = _table(
        "condition", "UAR", "95 %", "WA", "ECE", "unsure", "no prediction", *report.figures.ccc, title="sound"
    )
    for name, figures in {"clean": report.figures, **report.conditions}.items():
        table.add_row(
            name,
            _three(figures.uar),
            _span(figures.ci95),
            _three(figures.wa),
            _three(figures.ece),
            _three(figures.unsure.said),
            _three(figures.silent),
            *(_three(value) for value in figures.ccc.values()),
        )
    return table


def _table(first: str, *others: str, title: str | None = None) -> Table:
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, show_header=any((first, *others)))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="left" if name.startswith("95 % (") else "right", no_wrap=True)
    return table


def _three(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def _span(interval: Interval) -> str:
    return f"{_three(interval[0])} to {_three(interval[1])}"
