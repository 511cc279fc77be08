"""What has come from the server: each durable event once, and up to where the audio has been answered."""

from dataclasses import dataclass, field

from ..protocol.events import Durable, EmotionFinal, Event, SessionClosed, SpeechStarted, Status


@dataclass
class Channel:
    """One voice's side of it; a session has one, unless its channels are split.

    open_s   where the utterance began that has no final yet
    final_s  end of the last utterance that has one
    closed   its last event has come
    """

    last_seq: int = 0
    open_s: float | None = None
    final_s: float = 0.0
    closed: bool = False


@dataclass
class Received:
    """Of one session. Times are its own.

    fresh  durable events since the last acknowledgement
    """

    channels: list[Channel] = field(default_factory=lambda: [Channel()])
    processed_s: float = 0.0
    fresh: int = 0

    @property
    def last_seq(self) -> int | list[int]:
        """As the protocol wants it: a number, or one a channel."""
        numbers = [channel.last_seq for channel in self.channels]
        return numbers if len(numbers) > 1 else numbers[0]

    @property
    def closed(self) -> bool:
        """Every voice has had its last event."""
        return all(channel.closed for channel in self.channels)

    def accept(self, event: Event) -> bool:
        """Whether an event is new; a durable one that was here before is not. ValueError when one was left out."""
        if isinstance(event, Status):
            self.processed_s = max(self.processed_s, event.processed_s)
        if not isinstance(event, Durable):
            return True
        number = event.channel if isinstance(event.channel, int) else None
        if not self.number(event.seq, number):
            return False
        channel = self._channel(number)
        if isinstance(event, SpeechStarted):
            channel.open_s = event.start
        elif isinstance(event, EmotionFinal):
            channel.open_s, channel.final_s = None, event.end
        elif isinstance(event, SessionClosed):
            channel.closed = True
        return True

    def settled_s(self, onset_s: float) -> float:
        """Audio before this time has brought all that it will: a new session need not hear it again.

        onset_s  speech shorter than this may be under way without having been told
        """
        return min(self._settled(channel, onset_s) for channel in self.channels)

    def _settled(self, channel: Channel, onset_s: float) -> float:
        if channel.open_s is not None:
            return channel.open_s
        return max(channel.final_s, self.processed_s - onset_s)

    def number(self, seq: int | None, channel: int | None) -> bool:
        """Count a durable event of a channel; false when it was here before. ValueError when one was left out."""
        if seq is None:
            return True
        at = self._channel(channel)
        if seq <= at.last_seq:
            return False
        if seq > at.last_seq + 1:
            raise ValueError(f"durable events {at.last_seq + 1} to {seq - 1} never came")
        at.last_seq = seq
        self.fresh += 1
        return True

    def _channel(self, number: int | None) -> Channel:
        return self.channels[number or 0] if (number or 0) < len(self.channels) else self.channels[0]
