"""Sequence numbers of the durable events received, and how much audio the server acknowledged as processed."""

from dataclasses import dataclass, field

from ..protocol.events import Durable, EmotionFinal, Event, SessionClosed, SpeechStarted, Status


@dataclass
class ChannelProgress:
    """What one channel's events have reached. A session has one channel, unless its channels are split.

    last_seq  sequence number of the last durable event
    open_s    start of the utterance that has no final yet
    final_s   end of the last utterance that has one
    closed    its `session.closed` has arrived
    """

    last_seq: int = 0
    open_s: float | None = None
    final_s: float = 0.0
    closed: bool = False


@dataclass
class ReceiveState:
    """What a session's events have reached. Times are on the session's clock.

    processed_s     audio that the server processed and stored
    unacknowledged  durable events received since the client's last acknowledgement
    """

    channels: list[ChannelProgress] = field(default_factory=lambda: [ChannelProgress()])
    processed_s: float = 0.0
    unacknowledged: int = 0

    @property
    def last_seq(self) -> int | list[int]:
        """The acknowledgement in the protocol's form: one number, or one for each split channel."""
        numbers = [channel.last_seq for channel in self.channels]
        return numbers if len(numbers) > 1 else numbers[0]

    @property
    def closed(self) -> bool:
        """Every channel's `session.closed` has arrived."""
        return all(channel.closed for channel in self.channels)

    def accept(self, event: Event) -> bool:
        """Note an event; False for a durable event that was received before. ValueError when one is missing."""
        if isinstance(event, Status):
            self.processed_s = max(self.processed_s, event.processed_s)
        if not isinstance(event, Durable):
            return True
        number = event.channel if isinstance(event.channel, int) else None
        if not self.accept_seq(event.seq, number):
            return False
        channel = self._channel(number)
        if isinstance(event, SpeechStarted):
            channel.open_s = event.start
        elif isinstance(event, EmotionFinal):
            channel.open_s, channel.final_s = None, event.end
        elif isinstance(event, SessionClosed):
            channel.closed = True
        return True

    def accept_seq(self, seq: int | None, channel: int | None) -> bool:
        """Count a sequence number; False when it was received before. ValueError when one before it is missing."""
        if seq is None:
            return True
        progress = self._channel(channel)
        if seq <= progress.last_seq:
            return False
        if seq > progress.last_seq + 1:
            raise ValueError(f"the durable events {progress.last_seq + 1} to {seq - 1} are missing")
        progress.last_seq = seq
        self.unacknowledged += 1
        return True

    def complete_s(self, min_speech_s: float) -> float:
        """The time before which all events have arrived: a new session does not need the audio before it.

        min_speech_s  speech shorter than this may have begun without a `speech.started`
        """
        return min(self._complete_s(channel, min_speech_s) for channel in self.channels)

    def _complete_s(self, channel: ChannelProgress, min_speech_s: float) -> float:
        if channel.open_s is not None:
            return channel.open_s
        return max(channel.final_s, self.processed_s - min_speech_s)

    def _channel(self, number: int | None) -> ChannelProgress:
        return self.channels[number or 0] if (number or 0) < len(self.channels) else self.channels[0]
