"""What the rules see of a stream at one moment: how much audio came in, and how far each channel has got with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ...session.session import Session


@dataclass(frozen=True, kw_only=True)
class ChannelView:
    """Progress of one channel's session, in seconds of its audio clock.

    read_s         audio up to which the voice was read
    transcribed_s  audio up to which the requested words have arrived
    processed_s    audio up to which every event has been emitted
    dropped_s      speech that was accepted and could not be read
    """

    read_s: float
    transcribed_s: float
    processed_s: float
    dropped_s: float = 0.0
    level_dbfs: float = -120.0

    @classmethod
    def of(cls, session: Session) -> Self:
        """The progress of this session now."""
        return cls(
            read_s=session.read_s,
            transcribed_s=session.transcribed_s,
            processed_s=session.processed_s,
            dropped_s=session.dropped_s,
            level_dbfs=session.level_dbfs,
        )


@dataclass(frozen=True, kw_only=True)
class StreamView:
    """One stream: a session, or a session a channel.

    audio_s    audio accepted, the same for all channels
    waiting_s  audio that is known to have been captured and that the session has not accepted yet (a microphone's
               queue); 0 where nobody can tell, as on a network
    """

    audio_s: float
    channels: Sequence[ChannelView]
    waiting_s: float = 0.0

    @property
    def captured_s(self) -> float:
        """The newest moment of audio that is known to exist."""
        return self.audio_s + self.waiting_s

    @property
    def lag_s(self) -> float:
        """Audio that was captured and not read yet, of the channel that is furthest behind."""
        return max((self.behind_s(channel) for channel in self.channels), default=self.waiting_s)

    @property
    def words_lag_s(self) -> float:
        """Audio that was accepted and of which requested words have not arrived yet."""
        return max((max(0.0, self.audio_s - channel.transcribed_s) for channel in self.channels), default=0.0)

    @property
    def processed_s(self) -> float:
        """Audio up to which every event of every channel has been emitted."""
        return min((channel.processed_s for channel in self.channels), default=0.0)

    @property
    def backlog_s(self) -> float:
        """Audio that was accepted and of which some event is still to come, words included."""
        return max(0.0, self.audio_s - self.processed_s)

    @property
    def dropped_s(self) -> float:
        """Speech that could not be read, of all channels together."""
        return sum(channel.dropped_s for channel in self.channels)

    def behind_s(self, channel: ChannelView) -> float:
        """Lag of one channel."""
        return max(0.0, self.captured_s - channel.read_s)
