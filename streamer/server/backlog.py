"""What a server does about a stream that it cannot follow: skip interims, then drop the oldest speech, and say both."""

from typing import TYPE_CHECKING

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import WarningEvent
from ..session.session import Output
from .stream import SKIP_LAG_S, Voice, lost, span_s

if TYPE_CHECKING:
    from .link import Link


class Backlog:
    """One link's. Audio may come in a burst, after a stall of the network or a resume: that alone is no backlog.

    A `realtime` stream is behind when its audio lags and its oldest window has waited as well. One that was resumed
    catches up first: what its client kept is not lost for being sent at once.
    """

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._said = False
        self._catching_up = False

    @property
    def limit_s(self) -> float:
        """Audio that may be unprocessed, as the client was told."""
        limits = self._link.hub.options.limits
        return limits.max_backlog_s if self._realtime else limits.fast_backlog_s

    @property
    def _realtime(self) -> bool:
        return self._link.stream.config.pace == "realtime"

    @property
    def _most_s(self) -> float:
        """What is held at the very most: a client's whole ring, sent again, and a frame."""
        limits = self._link.hub.options.limits
        return limits.resume_ttl_s + self.limit_s + limits.max_frame_s

    def resumed(self) -> None:
        """The client sends again what it kept."""
        self._catching_up = True

    def relieve(self) -> None:
        """Past 2 s of lag interims are skipped; past the limit the oldest speech is."""
        link, stream = self._link, self._link.stream
        lag = stream.lag_s if self._realtime else stream.backlog_s
        if lag < SKIP_LAG_S:
            self._said = self._catching_up = False
            return
        if not self._realtime:
            allowed = self._most_s if self._catching_up else self.limit_s + link.hub.options.limits.max_frame_s
            if lag > allowed:
                message = f"{lag:.0f} s sent and not processed; keep it under {self.limit_s:g} s by `processed_s`"
                link.end("backlog_exceeded", message)
            return
        skipped = False
        for voice in stream.voices:
            if stream.behind(voice) >= SKIP_LAG_S:
                skipped = self._skip_interims(voice) or skipped
                self._drop_oldest(voice)
        if skipped and not self._said:
            self._said = True
            message = f"{lag:.1f} s behind: the server is slower than the speech; interim readings are skipped"
            link.emit(None, WarningEvent(code="lagging", message=message, start=round(stream.audio_s, 3)))

    def _skip_interims(self, voice: Voice) -> bool:
        link = self._link
        interim = voice.session.interim_requests()
        taken = link.hub.scheduler.take_back(voice, lambda request: request.id in interim)
        if taken:
            link.step(voice, link.stream.drop(voice, taken))
        return bool(taken)

    def _drop_oldest(self, voice: Voice) -> None:
        """Whole windows, the oldest first, until the rest is within the limit."""
        link, stream = self._link, self._link.stream
        behind = stream.behind(voice)
        waited = link.hub.scheduler.waited_s(voice)
        slow = behind > self.limit_s and waited > SKIP_LAG_S and not self._catching_up
        if not slow and behind <= self._most_s:
            return
        border = (stream.audio_s - self.limit_s) * SAMPLE_RATE
        taken = link.hub.scheduler.take_back(voice, lambda request: request.window.own_start < border)
        if taken:
            self._tell(voice, "the server is too slow: speech is left out", *span_s(taken))
            link.step(voice, stream.drop(voice, taken))

    def give_up(self) -> None:
        """The deadline of `finish` has passed: what is still computed is said to be missing."""
        link, stream = self._link, self._link.stream
        for voice in stream.voices:
            if not voice.session.pending():
                continue
            link.hub.scheduler.forget(voice)
            link.hub.words.forget(voice)
            start, end = voice.session.read_s, stream.audio_s
            if end > start:
                self._tell(voice, "the model was not ready in time: the last speech is left out", start, end)
            while not link.leaving and (late := voice.session.pending()):
                link.step(voice, Output(stream.expire(voice, late).events, []))

    def _tell(self, voice: Voice, message: str, start: float, end: float) -> None:
        self._link.emit(voice, lost(message, start, end))
        self._link.hub.metrics.dropped.inc(end - start)
