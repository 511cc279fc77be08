"""What an observer who comes late must be told of a session. No socket, no clock."""

import msgspec

from ...protocol.events import (
    AnyEvent,
    Durable,
    EmotionFinal,
    Error,
    SessionCreated,
    SessionResumed,
    WarningEvent,
    encode,
)

OVER_WITH_FINAL = ("speech.started", "speech.ended", "emotion.interim", "transcript.interim")
"""Types of an utterance's events that its final reading replaces."""

Key = tuple[str, int | None]
"""Type of an event, and its channel where it has one."""


class LastState:
    """The newest event of each type and channel, in the order in which they came."""

    def __init__(self) -> None:
        self._newest: dict[Key, tuple[AnyEvent, bytes]] = {}
        self._seq: dict[int | None, int] = {}

    def accept(self, event: AnyEvent, data: bytes) -> bytes | None:
        """What observers are sent of a new event; None for one that they have had.

        A session that is resumed on this server repeats events after its last checkpoint. The token with which a
        session is resumed is its owner's alone.
        """
        channel = event.channel if isinstance(event.channel, int) else None
        if isinstance(event, SessionCreated) and (event.type, channel) in self._newest:
            return None
        if isinstance(event, Durable):
            if event.seq <= self._seq.get(channel, 0):
                return None
            self._seq[channel] = event.seq
        if isinstance(event, SessionCreated) and event.resume_token is not None:
            event = msgspec.structs.replace(event, resume_token=None)
            data = encode(event)
        if isinstance(event, EmotionFinal):
            for kind in OVER_WITH_FINAL:
                self._newest.pop((kind, channel), None)
        if not isinstance(event, Error | WarningEvent | SessionResumed):  # these tell of a moment, not of a state
            self._newest.pop((event.type, channel), None)
            self._newest[event.type, channel] = (event, data)
        return data

    def events(self) -> list[tuple[AnyEvent, bytes]]:
        """What is sent to an observer who comes now: the session first, then the newest of each kind."""
        return sorted(self._newest.values(), key=lambda kept: not isinstance(kept[0], SessionCreated))
