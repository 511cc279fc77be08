"""Durable events that a client has not acknowledged: they are kept, and sent again when it resumes its session."""

from collections.abc import Iterable
from dataclasses import dataclass

from ..protocol.errors import InvalidJson
from ..protocol.messages import LastSeq

MAX_EVENTS = 1_000

Entry = tuple[int, int, bytes]
"""Channel, seq, JSON."""


@dataclass
class ChannelNumbers:
    """Sequence numbers of one channel.

    produced      the newest event's
    acknowledged  up to here the client has confirmed its events
    received      up to here the client had events when it resumed: they are not sent again
    """

    produced: int = 0
    acknowledged: int = 0
    received: int = 0


class UnacknowledgedEvents:
    """The events of all channels of one client's session, at most `MAX_EVENTS` of them."""

    def __init__(self) -> None:
        self.channels: list[ChannelNumbers] = []
        self.entries: list[Entry] = []
        self.lost = False
        """Whether events were discarded because there were too many."""

    def open(self, channels: int) -> None:
        """Begin to count for that many channels."""
        self.channels = [ChannelNumbers() for _ in range(channels)]

    def restore(self, entries: Iterable[Entry], produced: list[int], *, lost: bool) -> None:
        """What a checkpoint holds, with the newest sequence number of each channel."""
        self.entries, self.lost = list(entries), lost
        self.channels = []
        for channel, newest in enumerate(produced):
            oldest = min((seq for kept, seq, _ in self.entries if kept == channel), default=newest + 1)
            self.channels.append(ChannelNumbers(produced=newest, acknowledged=oldest - 1))

    def add(self, channel: int, seq: int, data: bytes) -> bool:
        """Keep a new event; false when the client has it already, so that it must not be sent."""
        numbers = self.channels[channel]
        numbers.produced = seq
        if seq <= max(numbers.received, numbers.acknowledged):
            return False
        self.entries.append((channel, seq, data))
        if len(self.entries) > MAX_EVENTS:
            del self.entries[0]
            self.lost = True
        return True

    def acknowledge(self, last_seq: LastSeq) -> None:
        """Events up to `last_seq` have arrived. InvalidJson when the numbers are not one a channel."""
        for numbers, seq in zip(self.channels, self._one_each(last_seq), strict=True):
            numbers.acknowledged = max(numbers.acknowledged, min(seq, numbers.produced))
        self.entries = [entry for entry in self.entries if entry[1] > self.channels[entry[0]].acknowledged]

    def resume(self, last_seq: LastSeq) -> list[bytes]:
        """The events after `last_seq`, which a returning client has not received. InvalidJson as in `acknowledge`."""
        for numbers, seq in zip(self.channels, self._one_each(last_seq), strict=True):
            numbers.received = seq
        self.acknowledge(last_seq)
        return [data for _, _, data in self.entries]

    @property
    def incomplete(self) -> bool:
        """Whether a client that has resumed misses events that are no longer kept."""
        first = {channel: seq for channel, seq, _ in reversed(self.entries)}
        missing = (n.received + 1 < first.get(channel, n.produced + 1) for channel, n in enumerate(self.channels))
        return self.lost and any(missing)

    def _one_each(self, last_seq: LastSeq) -> list[int]:
        count = len(self.channels)
        numbers = last_seq if isinstance(last_seq, list) else [last_seq] * count
        if count and len(numbers) != count:
            raise InvalidJson(f"last_seq holds {len(numbers)} numbers; this session has {count} channel(s)", "last_seq")
        if count > 1 and isinstance(last_seq, int) and last_seq:
            raise InvalidJson("last_seq must be a list with one number a channel: each counts its own", "last_seq")
        return numbers if count else []
