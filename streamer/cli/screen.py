"""From a player to the person: the screen where there is one, else plain lines or JSON. Shared by listen and replay."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..protocol.errors import EmoscopeError
from ..protocol.events import AnyEvent, EmotionFinal, Error, SessionClosed, SessionCreated, WarningEvent, encode
from ..sinks.event_file import written

if TYPE_CHECKING:
    from rich.console import Console

    from ..display import Player, ScreenState


def console() -> "Console":
    """Standard output, as rich sees it."""
    from rich.console import Console

    return Console(highlight=False, markup=False)


def can_show() -> bool:
    """Standard output is a terminal that a screen can be drawn on."""
    if not sys.stdout.isatty():
        return False
    from ..display.terminal import can_paint

    return can_paint(console())


def on_screen(player: "Player", state: "ScreenState", files: Sequence[str], devices: Callable[[], list[str]]) -> None:
    """Show until the end; the summary stays. What broke is raised after it. `files` are those being written."""
    from ..display import run_screen, summary

    run_screen(player, state, console(), devices)
    ended = player.join(0.1)
    kept = written(files)
    if player.error is None or state.phase != "starting":
        print("\n".join(summary(state, kept)))
    if player.error is not None:
        raise player.error
    if not ended:
        leave_now()


def leave_now(files: Sequence[str] = ()) -> None:
    """A thread is inside something that cannot be interrupted (a model that loads, a device that hangs): go anyway.

    Nothing is closed on this way; of our `files`, those that nothing came into are taken away here.
    """
    written(files)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def as_lines(live: "Player", *, json: bool) -> bool:
    """Plain text or JSON on standard output until the end or Ctrl+C; whether all of it came to its end.

    The last thing that broke is raised. A reader that goes away ends the session as Ctrl+C does, and so does an output
    that takes no more (a full disk): what is pending still comes into the record before that is raised.
    """
    from ..runtime.news import Note, Tick

    begun, stopped, gone = False, False, False
    until = float("inf")
    broken: OSError | None = None
    while True:
        try:
            over = live.done
            for item in live.news():
                begun = begun or isinstance(item, SessionCreated)
                if isinstance(item, Note):
                    print(f"emoscope: {item.message}", file=sys.stderr, flush=True)
                elif not isinstance(item, Tick) and not gone:
                    _tell(item, json=json)
            if over:
                break
            if time.monotonic() > until:
                return False
            live.join(0.05)
        except KeyboardInterrupt:
            if stopped:
                return False
            stopped, until = True, time.monotonic() + (1.7 if begun else 0.1)
            live.stop()
        except OSError as error:
            gone, broken = True, broken or error
            _into_nothing()
            live.stop()
    if live.error is not None:
        raise live.error
    if broken is not None and not isinstance(broken, BrokenPipeError):
        raise broken
    return True


def _into_nothing() -> None:
    """Python flushes once more at exit, what is left of a line that nobody took: into nothing, then."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, sys.stdout.fileno())
    os.close(nothing)


def _tell(event: AnyEvent, *, json: bool) -> None:
    from ..display.plain_text import final_line

    if json:
        print(encode(event).decode(), flush=True)
        return
    match event:
        case SessionCreated():
            print(f"emoscope: {event.notice}", file=sys.stderr, flush=True)
            print(f"emoscope: listening to {event.source}, model {event.model.id}; Ctrl+C ends", file=sys.stderr,
                  flush=True)  # fmt: skip
        case EmotionFinal():
            print(final_line(event).strip(), flush=True)
        case WarningEvent():
            print(f"emoscope: {event.code}: {event.message}", file=sys.stderr, flush=True)
        case SessionClosed() if event.totals.utterances == 0:
            print("no speech heard", flush=True)
        case Error() if event.code not in ("device_lost", "model_failed", "invalid_audio_frame"):
            print(f"emoscope: {event.message}", file=sys.stderr, flush=True)  # the others are raised at the end


def device_lines() -> list[str]:
    """What the key `d` shows."""
    from ..sources.devices import devices

    try:
        found = devices()
    except EmoscopeError as error:
        return str(error).splitlines()
    return ["Input devices; listen --device takes the number or a part of the name.", ""] + [d.line() for d in found]
