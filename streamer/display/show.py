"""The loop behind the screen: news in, keys in, a frame out, ten times a second; and out within two seconds."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from threading import Event as Flag
from threading import Thread

from rich.console import Console

from ..sources.stderr import quiet_stderr
from .keys import Keys
from .layout import draw
from .paint import Painter
from .player import Player
from .state import ScreenState

FRAME_S = 0.1
LEAVE_S = 1.7  # what is pending may take so long after a wish to stop
STALLED_S = 2.0  # and so long the terminal, to take the last frame and to be given back

HELP = [
    "q  quit: what was said is read out, and a summary stays",
    "p  pause and go on; nothing is heard meanwhile",
    "b  learn my calm voice: speak calmly for ten seconds, then pause",
    "r  reset: forget the mood, the context and the voice",
    "d  devices: which microphones there are",
    "?  this page",
    "",
    "Bars: probabilities of this utterance so far, dim while they may change.",
    "▲ ▼: moved since the reading before. unsure: no label is likely enough.",
    "mood: all utterances, a moment one half-life ago counts half.",
    "attention: the last utterance's loudness; bright moments counted more.",
    "lag: audio heard but not yet read. infer: time that a reading took.",
    "RTF: computing time per time of audio. dropped: audio that was not read.",
]


def show(
    player: Player, state: ScreenState, console: Console, devices: Callable[[], list[str]], keys: Keys | None = None
) -> None:
    """Start the player and draw until it is done, or the person wants to leave. Errors stay with the player."""
    keys, left = keys or Keys(), Flag()
    with quiet_stderr(screen=True), Painter(console) as painter, keys, _signals(painter, keys):
        try:
            _frame(player, state, painter)
            player.start()
            while not _frame(player, state, painter):
                for key in keys.wait(FRAME_S):
                    if _press(key, player, state, devices):
                        raise KeyboardInterrupt
        except (KeyboardInterrupt, OSError):  # OSError: the terminal has gone
            Thread(target=_watch, args=(player, keys, left), name="emoscope leaving", daemon=True).start()
            _leave(player, state, painter)
    left.set()


def _frame(player: Player, state: ScreenState, painter: Painter) -> bool:
    over = player.done
    for item in player.news():
        state.absorb(item)
    if painter.ready():
        size = painter.size()
        painter.paint(draw(state, *size), size)
    return over


def _leave(player: Player, state: ScreenState, painter: Painter) -> None:
    player.stop()
    # Before the model is loaded there is nothing to read out, and an import cannot be interrupted.
    until = time.monotonic() + (LEAVE_S if state.phase != "starting" else FRAME_S)
    state.phase, state.overlay = "finishing", None
    try:
        while time.monotonic() < until:
            try:
                if _frame(player, state, painter):
                    return
            except OSError:
                pass
            player.join(FRAME_S)
    except KeyboardInterrupt:
        return  # asked twice: now


def _watch(player: Player, keys: Keys, left: Flag) -> None:
    """Whoever asked to leave does leave, also when the terminal takes not one sign more and all writing waits for it.

    What was heard is in the files by then: each of them is whole after every write.
    """
    player.join(LEAVE_S)
    if not left.wait(STALLED_S):
        keys.leave()
        os._exit(1)


def _press(key: str, player: Player, state: ScreenState, devices: Callable[[], list[str]]) -> bool:
    """What a key does; true to leave."""
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
            player.learn_voice()
            state.say("learning your calm voice: speak calmly for ten seconds, then pause")
        case "r" if state.live:
            player.reset()
            state.reset()
    return False


@contextlib.contextmanager
def _signals(painter: Painter, keys: Keys) -> Iterator[None]:
    """Being told to end is a wish to leave; being stopped gives the terminal back until we go on."""

    def leave(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    def suspend(number: int, frame: object) -> None:
        keys.leave()
        painter.leave()
        os.kill(os.getpid(), signal.SIGSTOP)
        painter.enter()
        keys.enter()

    wanted = {"SIGTERM": leave, "SIGHUP": leave, "SIGTSTP": suspend}
    before = {}
    for name, handler in wanted.items():
        number = getattr(signal, name, None)
        if number is not None:
            with contextlib.suppress(ValueError):  # not the main thread: signals are not ours
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, handler_before)
