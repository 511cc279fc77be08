"""The phases of a connection."""

from enum import Enum


class Phase(Enum):
    """What a connection is doing. `streamer/protocol.md` describes the messages."""

    GREETING = "greeting"
    """The client has not sent anything yet: it can still resume an earlier session."""

    RESUMING = "resuming"
    """The earlier session is being fetched: no `status` is sent until it is here."""

    ACTIVE = "active"
    """Audio and messages are accepted."""

    FINISHING = "finishing"
    """The client has sent `finish`: what is pending is read out, and more audio is refused."""

    DRAINING = "draining"
    """The server shuts down and finishes the session itself: more audio is ignored."""

    CLOSING = "closing"
    """The closing handshake is under way: nothing is accepted or sent any more."""

    @property
    def accepts_audio(self) -> bool:
        """Whether audio, and commands about it, are carried out."""
        return self in (Phase.GREETING, Phase.ACTIVE)

    @property
    def is_final(self) -> bool:
        """Whether the session is being finished, or the connection closed."""
        return self in (Phase.FINISHING, Phase.DRAINING, Phase.CLOSING)
