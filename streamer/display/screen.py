"""Whether there is a terminal to draw on; and the screen there, from its first frame to the summary."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from rich.console import Console

from ..protocol.errors import EmoscopeError
from .loop import PlayerT, run_screen
from .state import ScreenState
from .terminal import can_paint

JOIN_TIMEOUT_S = 0.1


def can_show() -> bool:
    """Whether standard output is a terminal that a screen can be drawn on."""
    return sys.stdout.isatty() and can_paint(_console())


def show_screen(open_player: Callable[[], PlayerT], state: ScreenState) -> PlayerT:
    """Show a player until its end, or until the person leaves; then print the summary.

    Raises the error that ended the session, after the summary. The first frame is there before the player is opened.
    """
    files = state.files  # those that cannot be written to their end leave the state's list
    player = run_screen(open_player, state, _console(), device_lines)
    from ..sinks.outputs import remove_empty
    from .summary import summary

    finished = player.join(JOIN_TIMEOUT_S)
    written = remove_empty(files)
    if player.error is None or state.phase != "starting":
        print("\n".join(summary(state, written)))
    if player.error is not None:
        raise player.error
    if not finished:
        exit_now()
    return player


def exit_now(files: Sequence[str] = ()) -> NoReturn:
    """End the process although a thread cannot be interrupted, such as one that loads a model or waits for a device.

    Nothing is closed on this way; those of our `files` that are still empty are deleted here.
    """
    from ..sinks.outputs import remove_empty

    remove_empty(files)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def device_lines() -> list[str]:
    """The list of microphones that the key `d` shows."""
    from ..sources.devices import devices_now

    try:
        found = devices_now()
    except EmoscopeError as error:
        return str(error).splitlines()
    title = "Input devices; listen --input takes the number or a part of the name."
    return [title, "", *(device.line() for device in found)]


def _console() -> Console:
    return Console(highlight=False, markup=False)
