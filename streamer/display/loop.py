"""The screen's loop: ten times a second it handles events and keys and draws a frame. It ends within two seconds."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event, Thread
from typing import TypeVar

from rich.console import Console

from ..sources.stderr_redirect import quiet_stderr
from .keys import Keys
from .layout import draw
from .player import Player
from .state import ScreenState
from .terminal import Painter

PlayerT = TypeVar("PlayerT", bound=Player)

FRAME_S = 0.1
STOP_TIMEOUT_S = 1.7  # for the readings that are pending when the user quits
TERMINAL_TIMEOUT_S = 2.0  # for a blocked terminal to accept the last frame

HELP = [
    "q  quit: the speech so far is read, and a summary is printed",
    "p  pause and continue; no audio is read while paused",
    "b  learn my calm voice: speak calmly for ten seconds, then pause",
    "r  reset: forget the mood, the context and the voice",
    "d  devices: list the microphones",
    "?  help: show this page",
    "",
    "Bars: probabilities of this utterance so far, dim while they may change.",
    "▲ ▼: changed since the last reading. unsure: no label is probable enough.",
    "mood: all utterances; speech one half-life ago counts half.",
    "attention: the last utterance's loudness; brighter parts counted more.",
    "lag: audio received but not yet read. infer: time that a reading took.",
    "RTF: computing time per time of audio. dropped: audio that was not read.",
]


def run_screen(
    open_player: Callable[[], PlayerT],
    state: ScreenState,
    console: Console,
    devices: Callable[[], list[str]],
    keys: Keys | None = None,
) -> PlayerT:
    """Draw frames until the player is done or the user quits. `player.error` holds its error, if any.

    open_player  called after the first frame, since it may import what is slow to import; it may change the state
    """
    keys, ended = keys or Keys(), Event()
    with quiet_stderr(screen=True), Painter(console) as painter, keys, _signals(painter, keys):
        _paint(state, painter)
        player = open_player()
        try:
            player.start()
            while not _frame(player, state, painter):
                for key in keys.wait(FRAME_S):
                    if _press(key, player, state, devices):
                        raise KeyboardInterrupt
        except (KeyboardInterrupt, OSError):  # OSError: the terminal was closed
            Thread(
                target=_exit_watchdog, args=(player, keys, ended), name="emoscope exit watchdog", daemon=True
            ).start()
            _stop(player, state, painter)
    ended.set()
    return player


def _frame(player: Player, state: ScreenState, painter: Painter) -> bool:
    done = player.done
    for item in player.updates():
        state.apply(item)
    _paint(state, painter)
    return done


def _paint(state: ScreenState, painter: Painter) -> None:
    if painter.ready():
        size = painter.size()
        painter.paint(draw(state, *size), size)


def _stop(player: Player, state: ScreenState, painter: Painter) -> None:
    player.stop()
    # Before the model is loaded there is nothing to wait for, and an import cannot be interrupted.
    deadline = time.monotonic() + (STOP_TIMEOUT_S if state.phase != "starting" else FRAME_S)
    state.phase, state.overlay = "finishing", None
    try:
        while time.monotonic() < deadline:
            try:
                if _frame(player, state, painter):
                    return
            except OSError:
                pass
            player.join(FRAME_S)
    except KeyboardInterrupt:
        return  # interrupted twice: stop at once


def _exit_watchdog(player: Player, keys: Keys, ended: Event) -> None:
    """End the process if the terminal is blocked, so that quitting always works.

    Nothing is lost: every file is complete after each write.
    """
    player.join(STOP_TIMEOUT_S)
    if not ended.wait(TERMINAL_TIMEOUT_S):
        keys.leave()
        os._exit(1)


def _press(key: str, player: Player, state: ScreenState, devices: Callable[[], list[str]]) -> bool:
    """Handle a key; True to quit."""
    if state.overlay is not None:
        state.overlay = None
        return key == "q"
    match key.lower():
        case "q" | "\x03" | "\x04":
            return True
        case "?" | "h":
            state.overlay = HELP
        case "p" | " ":
            player.pause(not player.paused)
            if not state.live:
                state.phase = "running" if state.phase == "paused" else "paused"
        case "d":
            state.overlay = devices()
        case "b" if state.live:
            player.enroll()
            state.show_message("learning your calm voice: speak calmly for ten seconds, then pause")
        case "r" if state.live:
            player.reset()
            state.reset()
    return False


@contextlib.contextmanager
def _signals(painter: Painter, keys: Keys) -> Iterator[None]:
    """SIGTERM and SIGHUP quit. SIGTSTP restores the terminal until the process continues."""

    def quit_screen(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def suspend(number: int, frame: object) -> None:
        keys.leave()
        painter.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        painter.enter()
        keys.enter()

    handlers = {"SIGTERM": quit_screen, "SIGHUP": quit_screen, "SIGTSTP": suspend}
    before = {}
    for name, handler in handlers.items():
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(ValueError):  # signal handlers can only be set in the main thread
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
