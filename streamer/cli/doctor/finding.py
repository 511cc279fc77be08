"""What a check found, and how it is shown."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["green", "yellow", "red"]
SIGNS: dict[State, str] = {"green": "ok", "yellow": "note", "red": "FAULT"}


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    state  green: it works; yellow: something is missing that nobody asked for; red: something that was asked for, or
           that everything needs, cannot work
    found  what there is
    todo   what to do; "" where there is nothing
    """

    name: str
    state: State
    found: str
    todo: str = ""


def show(findings: Sequence[Finding]) -> None:
    """Print a table on a terminal, and a line for each finding elsewhere."""
    if not sys.stdout.isatty():
        for finding in findings:
            todo = f" -> {finding.todo}" if finding.todo else ""
            print(f"{SIGNS[finding.state]:<5}  {finding.name}: {finding.found}{todo}")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for finding in findings:
        about = Text(finding.found)
        if finding.todo:
            about.append(f"\n{finding.todo}", style=finding.state)
        table.add_row(Text(SIGNS[finding.state], style=finding.state), Text(finding.name, style="bold"), about)
    Console(highlight=False).print(table)
