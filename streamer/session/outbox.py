"""Events wait here until all events before them are known, and leave in audio order."""

from dataclasses import dataclass, field
from typing import Literal

import msgspec

from ..protocol.events import AnyEvent, Durable
from .baseline import Mode
from .transcript.state import UtteranceWords


@dataclass
class PendingReading:
    """All of an emotion event but its reading, which was requested.

    start, end      of the audio that is read, samples
    segments        windows that were pooled
    attention       (start, end, share) of stretches of audio, samples
    window          length of the newest window, samples
    words           the words that the reading counts; None without a transcript
    word_attention  share of the attention of the frames under each word, sum 1 or 0
    baseline        the speaker baseline that the reading is taken against
    mood_entry      of a final: the outbox entry of the mood that follows it
    """

    kind: Literal["interim", "final", "mood"]
    utterance: int
    start: int
    end: int
    rev: int = 0
    segments: int = 0
    attention: list[tuple[int, int, float]] = field(default_factory=list)
    window: int = 0
    queue_ms: float = 0.0
    infer_ms: float = 0.0
    words: UtteranceWords | None = None
    word_attention: list[float] = field(default_factory=list)
    baseline: Mode = "off"
    mood_entry: int | None = None


@dataclass
class OutboxEntry:
    """The place of one event in audio order.

    event      None until it is known
    pending    what the event will be made of, once its reading was requested
    cancelled  there will be no event
    optional   a transcript so far: interims after it may leave first, so slow words delay no reading
    """

    id: int
    event: AnyEvent | None = None
    pending: PendingReading | None = None
    cancelled: bool = False
    optional: bool = False


@dataclass
class OutboxState:
    """The entries that have not left, in audio order; the id that was given last; the number of the next event."""

    entries: list[OutboxEntry] = field(default_factory=list)
    last_id: int = 0
    next_seq: int = 1


class Outbox:
    """Reserves places for events, and lets events leave in order. Durable events get their `seq` as they leave."""

    def __init__(self, state: OutboxState) -> None:
        self.state = state

    def add(self, event: AnyEvent) -> None:
        """Append an event that is known already."""
        self.state.entries.append(OutboxEntry(self._new_id(), event))

    def reserve(self, *, optional: bool = False) -> int:
        """Append an entry for an event that will be known later; its id."""
        entry = OutboxEntry(self._new_id(), optional=optional)
        self.state.entries.append(entry)
        return entry.id

    def insert_after(self, number: int, event: AnyEvent) -> None:
        """Insert an event right after an entry that has not left."""
        entries = self.state.entries
        place = next(place for place, entry in enumerate(entries) if entry.id == number)
        entries.insert(place + 1, OutboxEntry(self._new_id(), event))

    def find(self, number: int) -> OutboxEntry:
        """The entry with that id; it has not left, because it has no event."""
        return next(entry for entry in self.state.entries if entry.id == number)

    def fill(self, number: int, event: AnyEvent | None) -> None:
        """Set the event of a reserved entry; None when there will be none."""
        entry = self.find(number)
        entry.event, entry.cancelled, entry.pending = event, event is None, None

    def take_ready(self) -> list[AnyEvent]:
        """Remove and return the events that wait for no earlier one."""
        state = self.state
        ready: list[AnyEvent] = []
        kept: list[OutboxEntry] = []
        for place, entry in enumerate(state.entries):
            event = entry.event
            if entry.cancelled:
                continue
            if event is None and entry.optional:
                kept.append(entry)
                continue
            if event is None or (kept and isinstance(event, Durable)):
                kept += state.entries[place:]
                break
            if isinstance(event, Durable):
                event = msgspec.structs.replace(event, seq=state.next_seq)
                state.next_seq += 1
            ready.append(event)
        state.entries = kept
        return ready

    def _new_id(self) -> int:
        self.state.last_id += 1
        return self.state.last_id
