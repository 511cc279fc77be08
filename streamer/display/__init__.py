"""The terminal screen: a state computed from events, pure functions that draw it, and one thread that writes it."""

from .layout import draw
from .loop import run_screen
from .player import Player, RecordPlayer
from .state import ScreenState

__all__ = ["Player", "RecordPlayer", "ScreenState", "draw", "run_screen"]
