"""What a server does about a stream that falls behind: it applies `runtime.rules` and emits what they decide."""

from typing import TYPE_CHECKING

from ..protocol.events import WarningEvent
from ..runtime.load_shedding import expire_all, shed_load
from ..runtime.rules import ChannelView, StreamRules
from ..session.session import Output
from .stream import Voice

if TYPE_CHECKING:
    from .link import Link


class Backlog:
    """One link's."""

    def __init__(self, link: "Link") -> None:
        self._link = link
        self._rules = StreamRules(limits=link.hub.options.limits, processor="the server")

    @property
    def rules(self) -> StreamRules:
        """The rules at the pace of the stream as it is now."""
        self._rules.pace = self._link.stream.config.pace
        return self._rules

    @property
    def limit_s(self) -> float:
        """Audio that may be unprocessed, as the client was told."""
        return self.rules.limit_s

    def resumed(self) -> None:
        """The client sends again what it kept."""
        self.rules.resumed()

    def shed(self) -> None:
        """Skip interims, or drop the oldest speech, as the rules say, and report it."""
        link, stream = self._link, self._link.stream
        sessions = [(voice, voice.session) for voice in stream.voices]
        shed = shed_load(self.rules, link.hub.scheduler, stream.view, sessions)
        if shed.backlog_exceeded:
            link.end("backlog_exceeded", shed.backlog_exceeded)
            return
        for voice, channel in zip(stream.voices, shed.channels, strict=True):
            self._report(voice, channel.dropped)
            link.step(voice, channel.output)
        if shed.lagging is not None:
            link.emit(None, shed.lagging)

    def time_out(self) -> None:
        """The deadline of `finish` has passed: what is still computed is reported as missing."""
        link, stream = self._link, self._link.stream
        for voice in stream.voices:
            if not voice.session.pending():
                continue
            link.hub.scheduler.forget(voice)
            link.hub.words.forget(voice)
            self._report(voice, self.rules.left_out(stream.audio_s, ChannelView.of(voice.session)))
            link.step(voice, Output(expire_all(voice.session), []))

    def _report(self, voice: Voice, dropped: WarningEvent | None) -> None:
        if dropped is not None:
            assert dropped.start is not None and dropped.end is not None
            self._link.emit(voice, dropped)
            self._link.hub.metrics.dropped.inc(dropped.end - dropped.start)
