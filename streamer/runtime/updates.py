"""What a player hands to whoever shows it: the events of its session, and what is no event and in no record."""

from dataclasses import dataclass

from ..protocol.events import AnyEvent


@dataclass(frozen=True)
class Meter:
    """Level and lag for a display, several times a second.

    envelope    levels of the newest stretches of 50 ms, dBFS; the last one ends at `audio_s`
    dropped_s   speech that was accepted and could not be read, so far
    lost_s      captured audio that was not read in time and was replaced by silence, so far
    enrollment  seconds of calm speech that were heard and that are wanted, while a voice is enrolled
    """

    audio_s: float
    envelope: tuple[float, ...]
    lag_s: float
    dropped_s: float
    paused: bool
    lost_s: float = 0.0
    enrollment: tuple[float, float] | None = None


@dataclass(frozen=True)
class Notice:
    """A message for the person: what a key did, or that a file cannot be written.

    ended    path of a file that is written no further
    lasting  it concerns the whole session: one that comes before the session is open is still to be read then
    """

    message: str
    serious: bool = False
    ended: str = ""
    lasting: bool = False


Update = AnyEvent | Meter | Notice
