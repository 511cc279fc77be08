"""What a live session tells whoever shows it: its events, and what is no event and in no record."""

from dataclasses import dataclass

from ..protocol.events import AnyEvent


@dataclass(frozen=True)
class Tick:
    """What a display wants to know more often than once a second; no event, and in no record.

    envelope  levels of the newest stretches of 50 ms, dBFS, the last one ending at `audio_s`
    lost_s    audio that came in but was not taken in time, so far; speech that could not be read is in `dropped_s`
    learning  seconds of calm speech heard and wanted, while the voice is learnt
    """

    audio_s: float
    envelope: tuple[float, ...]
    lag_s: float
    dropped_s: float
    paused: bool
    lost_s: float = 0.0
    learning: tuple[float, float] | None = None


@dataclass(frozen=True)
class Note:
    """Something the person should know that is no event: what a key did, or a file that cannot be written.

    ended  path of a file that is not written any further
    """

    message: str
    serious: bool = False
    ended: str = ""


News = AnyEvent | Tick | Note
