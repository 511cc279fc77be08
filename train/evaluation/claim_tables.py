"""The report of claims as tables for the terminal, and as one line of JSON."""

import msgspec
from rich.console import Console
from rich.table import Table

from .claims import NO_CLAIM, ClaimGroup, ClaimReport


def one_line(report: ClaimReport) -> str:
    """The report as one line of JSON."""
    return msgspec.json.encode(report).decode()


def show(report: ClaimReport, console: Console) -> None:
    """Print what was measured, then a row for each group."""
    models = ", ".join(dict.fromkeys(report.model))
    everything = report.groups[0]
    left_out = f"; {report.unreadable} that cannot be read are left out" if report.unreadable else ""
    console.print(
        f"{models} on {report.corpus}: {everything.clips} recordings, {everything.minutes:.1f} min, "
        f"through the stream; baseline {report.baseline}; voice detector {report.vad}{left_out}",
        markup=False,
        soft_wrap=True,
    )
    console.print(
        f"a claim is a final that says anything but {', '.join(NO_CLAIM)}; no emotion is played here",
        markup=False,
        soft_wrap=True,
    )
    table = Table(box=None, pad_edge=False)
    for column in ("", "recordings", "finals", "finals a minute", "claims", "95 %", "claims a minute"):
        table.add_column(column, justify="left" if not column else "right")
    for group in report.groups:
        table.add_row(*_cells(group))
    console.print(table)
    said = ", ".join(f"{answer} {count}" for answer, count in report.answers.items())
    console.print(f"answers: {said or 'none'}", markup=False, soft_wrap=True)


def _cells(group: ClaimGroup) -> list[str]:
    share = "-" if group.claims is None else f"{group.claims:.3f}"
    interval = "" if group.ci95 is None else f"{group.ci95[0]:.3f} to {group.ci95[1]:.3f}"
    return [
        group.name,
        str(group.clips),
        str(group.finals),
        f"{group.finals_a_minute:.1f}",
        share,
        interval,
        f"{group.claims_a_minute:.1f}",
    ]
