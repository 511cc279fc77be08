"""A session without a screen: its events as plain lines or JSON lines on standard output."""

import os
import sys
import time

from ..protocol.events import AnyEvent, EmotionFinal, Error, SessionClosed, SessionCreated, WarningEvent, encode
from ..protocol.text import clean_lines
from ..runtime.updates import Meter, Notice
from .plain_text import final_line
from .player import Player

POLL_S = 0.05
FINISH_TIMEOUT_S = 1.7  # for what is pending after Ctrl+C
START_TIMEOUT_S = 0.1  # for a session that has not begun: there is nothing to finish

RAISED_AT_THE_END = ("device_lost", "model_failed", "invalid_audio_frame")


def print_events(player: Player, *, json: bool) -> bool:
    """Print the events of a player that was started until it is done, or until Ctrl+C. Returns whether it is done.

    json  every event as a JSON line; else a line for each final, and notices on stderr

    Raises the error that ended the session. A reader of our output that goes away (`| head`) ends the session as Ctrl+C
    does; so does an output that cannot be written (a full disk), whose OSError is raised after what was pending has
    been written to the record.
    """
    created, stopped = False, False
    deadline = float("inf")
    output_error: OSError | None = None
    while True:
        try:
            done = player.done
            for item in player.updates():
                created = created or isinstance(item, SessionCreated)
                if isinstance(item, Notice):
                    _notice(item.message)
                elif not isinstance(item, Meter) and output_error is None:
                    _print_event(item, json=json)
            if done:
                break
            if time.monotonic() > deadline:
                return False
            player.join(POLL_S)
        except KeyboardInterrupt:
            if stopped:
                return False
            stopped = True
            deadline = time.monotonic() + (FINISH_TIMEOUT_S if created else START_TIMEOUT_S)
            player.stop()
        except OSError as error:
            output_error = output_error or error
            _discard_stdout()
            player.stop()
    if player.error is not None:
        raise player.error
    if output_error is not None and not isinstance(output_error, BrokenPipeError):
        raise output_error
    return True


def json_line(event: AnyEvent) -> None:
    """One event as a line of JSON on standard output, in UTF-8 whatever the console's encoding is."""
    line = encode(event) + b"\n"
    stream = getattr(sys.stdout, "buffer", None)
    if stream is None:  # not a console but an object that takes text
        sys.stdout.write(line.decode())
    else:
        sys.stdout.flush()
        stream.write(line)
    sys.stdout.flush()


def _discard_stdout() -> None:
    """Send the rest of standard output to nowhere: Python writes what is left of a line once more when it exits."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _print_event(event: AnyEvent, *, json: bool) -> None:
    if json:
        json_line(event)
        return
    match event:
        case SessionCreated():
            _notice(event.notice)
            _notice(f"listening to {event.source}, model {event.model.id}; Ctrl+C ends")
        case EmotionFinal():
            print(final_line(event).strip(), flush=True)
        case WarningEvent():
            _notice(f"{event.code}: {event.message}")
        case SessionClosed() if event.totals.utterances == 0:
            print("no speech heard", flush=True)
        case Error() if event.code not in RAISED_AT_THE_END:
            _notice(event.message)


def _notice(message: str) -> None:
    """A line on stderr. A server or a file may have said what it repeats."""
    print(f"emoscope: {clean_lines(message)}", file=sys.stderr, flush=True)
