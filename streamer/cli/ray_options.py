"""The option `--ray [ADDRESS]` of commands that can run on a Ray cluster."""

from collections.abc import Sequence
from typing import Annotated

from cyclopts import Group, Parameter

from ..distributed.cluster import LOCAL, is_address

RAY = Group("More than one machine", sort_key=7)
FLAG = "--ray"

RayAddress = Annotated[
    str | None,
    Parameter(
        group=RAY,
        help="run on a Ray cluster: HOST:PORT of its head; auto, the one that this machine is a node of; alone or "
        "local, one for this run on this machine (pip install 'emoscope[ray]')",
        metavar="[ADDRESS]",
    ),
]


def with_address(arguments: Sequence[str]) -> list[str]:
    """The arguments with `local` after a `--ray` that no address follows, because a parser needs a value there."""
    completed: list[str] = []
    for place, argument in enumerate(arguments):
        completed.append(argument)
        if argument == FLAG and not (place + 1 < len(arguments) and is_address(arguments[place + 1])):
            completed.append(LOCAL)
    return completed
