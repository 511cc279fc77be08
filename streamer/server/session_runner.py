"""Runs one client's session: its requests are queued, its results applied, and a backlog is reduced."""

from collections.abc import Hashable, Sequence
from typing import Any

from ..protocol.events import AnyEvent, Error, SessionClosed, SessionUpdated
from ..protocol.messages import AnyMessage, Enroll, Flush, Reset, SessionUpdate
from ..runtime.load_shedding import expire_all, shed_load
from ..runtime.rules import ChannelView, StreamRules
from ..session.requests import Result
from ..session.session import Output, Session
from .client_session import ChannelSession, ClientSession, Outputs
from .context import ServerContext
from .inference import ResultReceiver
from .input_check import InputCheck

SHED_EVERY_S = 0.5  # of audio; the rules give nothing up before a stream is seconds behind
PROGRESS_STEPS = 4  # so many `status` events while a `fast` client's allowed backlog is processed

Events = list[tuple[ChannelSession | None, AnyEvent]]
"""Events to send, in order, each with its channel. A fatal `Error` among them ends the connection."""


class SessionRunner:
    """No sockets, no phases, no clock: every method returns the events that it brings.

    receiver  takes the results of the requests, and hands them to `apply`
    """

    def __init__(self, session: ClientSession, context: ServerContext, receiver: ResultReceiver) -> None:
        self.session = session
        self._configs, self._inference, self._receiver = context.configs, context.inference, receiver
        self._input_check: InputCheck | None = None
        self._resumed = False
        self._text_disabled_reported = False
        self._next_progress_s = self._next_shed_s = 0.0
        self._rules = StreamRules(context.options.limits, session.config.pace, processor="the server")

    # --- messages and audio

    def command(self, message: AnyMessage) -> Events:
        """Carry out a message about the session; after `finish` those about its audio have no effect.

        ConfigInvalid when an option is out of range, or the model learns no speaker.
        """
        if isinstance(message, SessionUpdate):
            return self._configure(message.config)
        if not self.session.finished:
            match message:
                case Flush():
                    return self._advance(self.session.flush())
                case Reset():
                    return self._advance(self.session.reset())
                case Enroll(seconds=seconds):
                    return self._advance(self.session.enroll(seconds))
        return []

    def feed(self, samples: Any) -> Events:
        """Audio (n, channels) from `ClientSession.decode`."""
        return self._advance(self.session.feed(samples))

    def check_input(self, samples: Any, now: float) -> Events:
        """Warnings about the client's audio (n, channels), which arrived at `now`."""
        self._input_check = self._input_check or InputCheck(self.session.config, resumed=self._resumed)
        return [(None, warning) for warning in self._input_check.accept(samples, now)]

    def end_utterances(self) -> Events:
        """End the utterances that are open: no audio comes that would."""
        if self.session.finished or not self.session.speaking:
            return []
        return self._advance(self.session.flush())

    def finish(self) -> Events:
        """No more audio comes."""
        return self._advance(self.session.finish())

    def _configure(self, values: dict[str, Any]) -> Events:
        session, configs = self.session, self._configs
        if session.begun:
            message = "audio has come already: options are fixed until the session ends"
            return [(None, Error(code="config_locked", message=message, fatal=False))]
        wants_text = values.get("transcript", session.config.transcript)
        session.config = configs.changed(session.config, values)
        self._rules.pace = session.config.pace
        events: Events = [(None, SessionUpdated(config=session.config))]
        if wants_text:
            events += self.text_disabled()
        return events + [(None, event) for event in configs.channels_created(session.id, session.config)]

    def text_disabled(self) -> Events:
        """Says once that there are no transcripts, where the server offers some in general."""
        if self._text_disabled_reported:
            return []
        warnings = self._configs.offer().warnings(self.session.config.language)
        self._text_disabled_reported = bool(warnings)
        return [(None, warning) for warning in warnings]

    # --- requests and results

    def resume(self) -> Events:
        """Queue again what the restored session waits for. Its client sends again what it kept."""
        self._rules.resumed()
        self._resumed = True
        return self._advance([(channel, Output([], channel.session.pending())) for channel in self.session.channels])

    def apply(self, channel: ChannelSession, results: Sequence[Result], busy_s: float = 0.0) -> Events:
        """Results of a channel's requests, and the engine's time that they took."""
        session = self.session
        events = self._advance([(channel, session.apply(channel, results, busy_s))])
        if session.config.pace == "fast" and (processed_s := session.view.processed_s) >= self._next_progress_s:
            self._next_progress_s = processed_s + self._rules.limit_s / PROGRESS_STEPS
            events.append((None, session.status()))
        return events

    def cancel(self) -> None:
        """Nobody waits for the results any more; the requests stay open in the session."""
        for channel in self.session.channels:
            self._inference.cancel(channel)

    def _advance(self, outputs: Outputs) -> Events:
        events: Events = []
        for channel, output in outputs:
            if output.requests:
                self._inference.submit(channel, output.requests, self._receiver)
            events += self._events(channel, output)
        return events

    @staticmethod
    def _events(channel: ChannelSession, output: Output) -> Events:
        channel.closed = channel.closed or any(isinstance(event, SessionClosed) for event in output.events)
        return [(channel, event) for event in output.events]

    # --- a stream that falls behind

    def shed_load_in_turn(self) -> Events:
        """As `shed_load`, to be called after each message of audio: every `SHED_EVERY_S` of it something is done."""
        if self.session.audio_s < self._next_shed_s:
            return []
        self._next_shed_s = self.session.audio_s + SHED_EVERY_S
        return self.shed_load()

    def shed_load(self) -> Events:
        """Skip interim readings, drop the oldest speech, or end a `fast` stream: see `runtime.rules`."""
        session = self.session
        channels: list[tuple[Hashable, Session]] = [(channel, channel.session) for channel in session.channels]
        shed = shed_load(self._rules, self._inference.scheduler, session.view, channels)
        if shed.backlog_exceeded:
            return [(None, Error(code="backlog_exceeded", message=shed.backlog_exceeded, fatal=True))]
        events: Events = []
        for channel, given_up in zip(session.channels, shed.channels, strict=True):
            if given_up.dropped is not None:
                events.append((channel, given_up.dropped))
            events += self._advance([(channel, given_up.output)])
        if shed.lagging is not None:
            events.append((None, shed.lagging))
        return events

    def time_out(self) -> Events:
        """The deadline of `finish` has passed: requests without a result are given up, and reported."""
        events: Events = []
        for channel in self.session.channels:
            if not channel.session.pending():
                continue
            self._inference.cancel(channel)
            left_out = self._rules.left_out(self.session.audio_s, ChannelView.of(channel.session))
            if left_out is not None:
                events.append((channel, left_out))
            events += self._events(channel, Output(expire_all(channel.session), []))
        return events
