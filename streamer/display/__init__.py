"""The screen: a state folded from events, drawn by pure functions, painted by one thread."""

from .layout import draw
from .player import Player, RecordPlayer
from .show import show
from .state import ScreenState
from .summary import summary

__all__ = ["Player", "RecordPlayer", "ScreenState", "draw", "show", "summary"]
