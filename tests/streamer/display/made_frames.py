"""Screens that have seen the made record up to a second."""

from emoscope.streamer.display import ScreenState, draw
from emoscope.streamer.display.screenshot import text_of

from . import made_record


def state_at(seconds: float, *, words: bool = False) -> ScreenState:
    """A screen that has seen the made record up to a second, and nothing of the wall's time."""
    from emoscope.streamer.sinks.record import event_time

    state = ScreenState(live=True)
    for event in made_record.events(words=words):
        if (event_time(event) or 0.0) > seconds:
            break
        state.apply(event)
    return state


def frame(seconds: float, width: int, height: int, *, words: bool = False) -> str:
    return text_of(draw(state_at(seconds, words=words), width, height))
