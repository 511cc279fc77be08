"""What to do about a stream that falls behind, and about one that does not finish in time.

A `realtime` stream is never blocked. More than 2 s behind, queued interims are skipped; more than
`max_backlog_s` behind, whole windows are dropped, the oldest first, until the rest is within the limit, and
`audio_dropped` says which speech that was (`streamer/protocol.md`, "Back-pressure"). A `fast` stream drops nothing: its
client keeps the backlog under `fast_backlog_s`, and a client that does not is disconnected with `backlog_exceeded`.

- Only windows that are older than the limit are dropped.
- Audio that arrives in a burst, after a stall or while a model was loading, is no backlog: speech is dropped only when
  the audio lags and the oldest queued window has waited for more than 2 s as well.
- `lagging` is emitted once an episode, and only when an interim window is skipped. An episode ends when the lag falls
  below 2 s. A client that resumes its session, and a microphone whose model has just been loaded, catch up first, which
  is reported as no `lagging`.
- The deadline of `finish` only ever comes nearer: a request to stop leaves 1.2 s from then on.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...protocol.config import SAMPLE_RATE
from ...protocol.events import Limits, WarningEvent
from .view import ChannelView, StreamView

SKIP_LAG_S = 2.0  # with more lag than that, interim readings are skipped


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedWindow:
    """A window that is queued for the engine and was not begun.

    own_start, own_end  the samples that it would pool, on the session's clock
    queued_at           `now` when it was queued
    interim             it ends where an interim reading is due
    """

    id: int
    own_start: int
    own_end: int
    queued_at: float
    interim: bool = False


@dataclass(frozen=True)
class ChannelShedding:
    """Ids of the queued windows of one channel that are to be cancelled: skipped interims, and dropped speech."""

    skip: frozenset[int] = frozenset()
    drop: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Shedding:
    """What to give up now.

    channels           one entry a channel, in the order of the view
    lagging            to be emitted, at the beginning of an episode
    backlog_exceeded   message of the error that ends a `fast` stream; empty while it is within its limit
    """

    channels: Sequence[ChannelShedding]
    lagging: WarningEvent | None = None
    backlog_exceeded: str = ""


@dataclass
class StreamRules:
    """Belongs to one stream.

    processor          who does the work, for messages: "the model", "the server"
    catching_up        a client has resumed and sends again what it kept: nothing of it is dropped for coming at once
    lagging_reported   this episode of lag was reported, or needs no report; true for a microphone that begins, because
                       what waited while the model was loaded does not show that the model is slow
    """

    limits: Limits = field(default_factory=Limits)
    pace: Literal["realtime", "fast"] = "realtime"
    processor: str = "the model"
    catching_up: bool = False
    lagging_reported: bool = False

    @property
    def limit_s(self) -> float:
        """Seconds of audio that may be unprocessed, as `session.created` states it."""
        return self.limits.max_backlog_s if self.pace == "realtime" else self.limits.fast_backlog_s

    @property
    def capacity_s(self) -> float:
        """Seconds of audio that are held at most while a client catches up: its whole ring buffer, and a frame."""
        return self.limits.resume_ttl_s + self.limit_s + self.limits.max_frame_s

    def resumed(self) -> None:
        """The client has resumed its session and sends again what it kept."""
        self.catching_up = True

    def shed(self, now: float, view: StreamView, queued: Sequence[Iterable[QueuedWindow]]) -> Shedding:
        """What to give up at `now`; `queued` holds the queued windows of each channel of the view."""
        nothing = Shedding([ChannelShedding()] * len(view.channels))
        lag_s = view.lag_s if self.pace == "realtime" else view.backlog_s
        if lag_s < SKIP_LAG_S:
            self.lagging_reported = self.catching_up = False
            return nothing
        if self.pace == "fast":
            allowed_s = self.capacity_s if self.catching_up else self.limit_s + self.limits.max_frame_s
            if lag_s <= allowed_s:
                return nothing
            message = f"{lag_s:.0f} s sent and not processed; keep it under {self.limit_s:g} s by `processed_s`"
            return Shedding(nothing.channels, backlog_exceeded=message)
        channels = [
            self._shed_channel(now, view, channel, list(windows))
            for channel, windows in zip(view.channels, queued, strict=True)
        ]
        lagging = None
        if any(channel.skip for channel in channels) and not self.lagging_reported and not self.catching_up:
            self.lagging_reported = True
            message = f"{lag_s:.1f} s behind: {self.processor} is slower than the speech; interim readings are skipped"
            lagging = WarningEvent(code="lagging", message=message, start=round(view.audio_s, 3))
        return Shedding(channels, lagging)

    def _shed_channel(
        self, now: float, view: StreamView, channel: ChannelView, queued: Sequence[QueuedWindow]
    ) -> ChannelShedding:
        behind_s = view.behind_s(channel)
        if behind_s < SKIP_LAG_S:
            return ChannelShedding()
        skip = frozenset(window.id for window in queued if window.interim)
        speech = [window for window in queued if not window.interim]
        waited_s = max((now - window.queued_at for window in speech), default=0.0)
        slow = behind_s > self.limit_s and waited_s > SKIP_LAG_S and not self.catching_up
        if not slow and behind_s <= self.capacity_s:
            return ChannelShedding(skip)
        oldest_kept = (view.captured_s - self.limit_s) * SAMPLE_RATE
        return ChannelShedding(skip, frozenset(window.id for window in speech if window.own_start < oldest_kept))

    def dropped(self, windows: Iterable[tuple[int, int]]) -> WarningEvent | None:
        """`audio_dropped` for windows that were cancelled, given as (own_start, own_end) in samples."""
        spans = list(windows)
        if not spans:
            return None
        starts, ends = zip(*spans, strict=True)
        message = f"{self.processor} is too slow: speech is left out"
        return audio_dropped(message, min(starts) / SAMPLE_RATE, max(ends) / SAMPLE_RATE)

    def left_out(self, audio_s: float, channel: ChannelView) -> WarningEvent | None:
        """`audio_dropped` for what a channel has not read when the deadline of `finish` passes."""
        if channel.read_s >= audio_s:
            return None
        message = "the model was not ready in time: the last speech is left out"
        return audio_dropped(message, channel.read_s, audio_s)


@dataclass
class FinishDeadline:
    """When a stream that finishes stops waiting for what is still computed; infinite until `within` is called."""

    at: float = math.inf

    def within(self, now: float, seconds: float) -> None:
        """Wait no longer than `seconds` from `now`; a deadline that comes earlier stays."""
        self.at = min(self.at, now + seconds)

    def passed(self, now: float) -> bool:
        """Whether the time is over."""
        return now > self.at


def audio_dropped(message: str, start_s: float, end_s: float | None) -> WarningEvent:
    """Speech that nobody reads, from `start_s` to `end_s` on the session's clock; None where the end is not known."""
    end = None if end_s is None else round(end_s, 3)
    return WarningEvent(code="audio_dropped", message=message, start=round(start_s, 3), end=end)


def may_read_on(view: StreamView) -> bool:
    """Whether more of a recording may be read: it waits while its voice or its words are 2 s behind."""
    return max(view.lag_s, view.words_lag_s) <= SKIP_LAG_S
