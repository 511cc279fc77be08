"""One voice, from samples to events, in audio time: no I/O, no model, and no clock but the count of samples."""

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.reading import Reading
from emoscope.models.speaker import SpeakerProfile

from ..protocol.config import SAMPLE_RATE, Config, checked, to_samples
from ..protocol.errors import ConfigInvalid, UsageError
from ..protocol.events import AnyEvent, Error, WarningEvent
from .assembly import Assembly
from .front import Front
from .intake import Intake
from .open_requests import OpenDetection, OpenPass, OpenReading, OpenRequests, OpenWindow
from .options_check import check_options
from .outbox import Outbox
from .pooling import Pooling
from .requests import Done, Failed, Request, Result, Summary, VoiceProbabilities
from .saved_check import check_saved
from .saving import from_bytes, to_bytes
from .segmenter import Reason, Segmenter
from .skipping import Skipping
from .state import SessionState
from .steps import EncodedWindow, ReadingDue
from .transcript.hypothesis import Hypothesis
from .transcript.rolling import Transcript
from .voice_activity import VoiceActivity

ENROLL_S = (1.0, 120.0)
"""The shortest and the longest enrollment, in seconds of speech."""


class Output(NamedTuple):
    """What one call brings: events in audio order, and new requests, each of which wants exactly one result."""

    events: list[AnyEvent]
    requests: list[Request]


class Session:
    """One voice, from samples to events.

    >>> session = Session(model.contract)                              # doctest: +SKIP
    >>> events, requests = session.feed(samples)                       # doctest: +SKIP
    >>> events, requests = session.apply(engine(requests))             # doctest: +SKIP

    `feed` takes any number of samples at any time; `apply` takes results in any order. `runtime.drive` loops the two
    for one recording. A session that was saved goes on in another process with the same events.
    """

    def __init__(
        self,
        contract: ModelContract,
        config: Config | None = None,
        speaker: SpeakerProfile | None = None,
        *,
        transcribe: bool = False,
    ) -> None:
        """ConfigInvalid names an option that is out of range, or that this model cannot meet.

        speaker     what an earlier session of this speaker and this model learnt; readings begin with it
        transcribe  a recognizer will answer `Transcribe` requests; without one, the effective config has no transcript
        """
        config = checked(msgspec.to_builtins(Config() if config is None else config))
        config = msgspec.structs.replace(config, transcript=config.transcript and transcribe)
        state = SessionState(contract, config)
        self._open(state)
        state.baseline.mode = config.baseline
        if speaker is not None:
            state.baseline.profile = speaker
            state.baseline.mode = "enrolled" if config.baseline == "off" else config.baseline

    def _open(self, state: SessionState) -> None:
        contract, config = state.contract, state.config
        check_options(contract, config)
        self.state = state
        self._requests = OpenRequests(state.requests)
        self._outbox = Outbox(state.outbox)
        self._pooling = Pooling(contract, config, state.pooling)
        self._assembly = Assembly(
            contract, config, state.assembly, self._pooling, state.baseline, self._outbox, self._requests
        )
        self._transcript = Transcript(config, state.transcript, self._outbox, self._requests)
        self._intake = Intake(config.sample_rate, config.channels, state.intake)
        vad = config.vad
        activity = VoiceActivity(vad.backend, vad.threshold, to_samples(vad.min_speech_s), state.vad)
        segmenter = Segmenter(contract, config, state.segmenter)
        self._front = Front(
            state.front,
            self._intake,
            activity,
            segmenter,
            state.audio,
            self._assembly,
            self._transcript,
            self._requests,
        )

    @property
    def contract(self) -> ModelContract:
        """The model that the session was made for."""
        return self.state.contract

    @property
    def config(self) -> Config:
        """The effective config."""
        return self.state.config

    @property
    def finished(self) -> bool:
        """True once `finish` was called: the session accepts no more audio."""
        return self.state.finished

    @property
    def next_seq(self) -> int:
        """The `seq` that the next durable event will carry."""
        return self.state.outbox.next_seq

    @property
    def audio_s(self) -> float:
        """Audio accepted, in seconds."""
        return self._intake.seconds

    @property
    def processed_s(self) -> float:
        """Audio of which every event has left, in seconds."""
        due = [step.end for step in self.state.assembly.steps if isinstance(step, ReadingDue)]
        return min([self.read_s, self.transcribed_s, *(end / SAMPLE_RATE for end in due)])

    @property
    def read_s(self) -> float:
        """Audio whose windows and readings have their results, in seconds, whatever words are still to come."""
        windows = [one.request.window.own_start for one in self.state.requests.windows.values()]
        readings = [entry.pending.end for entry in self.state.outbox.entries if entry.pending is not None]
        return min([self.state.segmenter.position, *windows, *readings]) / SAMPLE_RATE

    @property
    def transcribed_s(self) -> float:
        """Audio whose transcript passes have finished, in seconds."""
        return min([self.state.segmenter.position, *(made.due for made in self.state.transcript.passes)]) / SAMPLE_RATE

    @property
    def dropped_s(self) -> float:
        """Speech that no reading counts, because its windows were dropped, late or failed; in seconds."""
        return self.state.pooling.dropped / SAMPLE_RATE

    @property
    def level_dbfs(self) -> float:
        """Level of the newest audio, dBFS."""
        return self._intake.level_dbfs

    @property
    def enrollment(self) -> tuple[float, float] | None:
        """Seconds of calm speech collected and wanted; None unless an enrollment is under way."""
        baseline, segmenter = self.state.baseline, self.state.segmenter
        if not baseline.wanted:
            return None
        current = segmenter.position - segmenter.start if segmenter.speaking else 0
        return (baseline.collected + current) / SAMPLE_RATE, baseline.wanted / SAMPLE_RATE

    @property
    def speaker(self) -> SpeakerProfile | None:
        """What is known of the speaker: to keep, and to begin another session with."""
        return self.state.baseline.known

    def feed(self, samples: npt.NDArray[np.generic]) -> Output:
        """More audio: (n,) or (n, channels) float in [-1, 1] or int16, at the config's rate.

        InputError when a sample is not a number or absurdly large. The whole seconds of `samples` before it are
        accepted all the same, and their requests are among `pending()`.
        """
        self._refuse_if_finished()
        piece = self.config.sample_rate  # a second at a time, so that no buffer grows with the caller's block
        try:
            for begin in range(0, len(samples), piece):
                self._front.feed(samples[begin : begin + piece])
        except Exception:
            self._requests.take_new()  # the caller gets them from `pending()`, and must not get them twice
            raise
        return self._output()

    def flush(self) -> Output:
        """End the current utterance now; the session goes on."""
        self._cut("flush")
        return self._output()

    def reset(self) -> Output:
        """End the current utterance, and forget mood, baseline and language; clock and numbers go on."""
        self._cut("flush", "forget")
        return self._output()

    def enroll(self, seconds: float) -> Output:
        """End the current utterance; the next `seconds` of speech are calm, and become the speaker's baseline.

        An `enrolled` event says when it is complete. From then on readings are taken against it, whatever the config's
        `baseline` is, until `reset`. ConfigInvalid when the model has no baseline or `seconds` is out of range.
        """
        if not self.contract.baseline:
            raise ConfigInvalid(f"model {self.contract.id} learns no voice; it cannot enroll one", "seconds")
        if not ENROLL_S[0] <= seconds <= ENROLL_S[1]:
            raise ConfigInvalid(f"enroll: {seconds:g} s; from {ENROLL_S[0]:g} to {ENROLL_S[1]:g} s", "seconds")
        self._cut("flush", "enroll", to_samples(seconds))
        return self._output()

    def finish(self) -> Output:
        """No more audio: the last utterance ends, and `session.closed` follows the last reading."""
        self._cut("finish", "close")
        self.state.finished = True
        return self._output()

    def apply(self, results: Iterable[Result]) -> Output:
        """Results of requests, in any order; UsageError for a second result of one request."""
        reported = [event for result in results for event in self._accept(result)]
        events, requests = self._output()
        return Output([*reported, *events], requests)

    def pending(self) -> list[Request]:
        """Every request without a result. Whoever restores a session answers them as if they were new."""
        return self._requests.pending()

    def interim_requests(self) -> set[int]:
        """Ids of the open windows that end where an interim reading is due: what `skip_interims` takes."""
        return self._requests.interim_windows()

    def skip_interims(self, ids: Collection[int]) -> Output:
        """Give up the interims of these windows, none of which was begun, because the model is slow.

        They get no result any more. Speech that they hold for good is among the new requests.
        """
        unknown = set(ids) - self._requests.interim_windows()
        if unknown:
            raise UsageError(f"no interim waits for request {min(unknown)}; skip those of `interim_requests`")
        Skipping(self.contract, self.state.assembly, self._requests).skip(ids)
        return self._output()

    def save(self) -> bytes:
        """Everything that is needed to go on in another process."""
        return to_bytes(self.state)

    @classmethod
    def restore(cls, saved: bytes, contract: ModelContract) -> "Session":
        """The session that `save` wrote.

        RecordInvalid when the bytes are not a session of this version; ConfigInvalid when it is of another model.
        """
        state = from_bytes(saved, SessionState)
        if state.contract != contract:
            raise ConfigInvalid(
                f"the session was made for model {state.contract.id}, this one is {contract.id} or differs in shape"
            )
        check_saved(state)
        session = cls.__new__(cls)
        session._open(state)
        return session

    def _refuse_if_finished(self) -> None:
        if self.state.finished:
            raise UsageError("this session is finished; open another for more audio")

    def _cut(self, reason: Reason, then: Literal["", "forget", "enroll", "close"] = "", samples: int = 0) -> None:
        self._refuse_if_finished()
        self._front.cut(reason, then, samples)

    def _accept(self, result: Result) -> list[AnyEvent]:
        """Hand one result on. A failure is reported at once, ahead of the events that wait, and only once."""
        value = result.value if isinstance(result, Done) else None
        queue_ms, infer_ms = (result.queue_ms, result.infer_ms) if isinstance(result, Done) else (0.0, 0.0)
        match self._requests.close(result.id):
            case OpenDetection():
                self._front.answer(value if isinstance(value, VoiceProbabilities) else None)
                return self._report_detector(result.message) if isinstance(result, Failed) else []
            case OpenPass(request):
                self._transcript.accept(request, value if isinstance(value, Hypothesis) else None)
                return self._disable_transcript(result.message) if isinstance(result, Failed) else []
            case OpenWindow():
                summary = value if isinstance(value, Summary) else None
                self._assembly.accept_window(result.id, EncodedWindow(summary, queue_ms, infer_ms))
            case OpenReading() as reading:
                self._assembly.accept_reading(
                    reading, value if isinstance(value, Reading) else None, queue_ms, infer_ms
                )
        if not isinstance(result, Failed) or self.state.failed:
            return []
        self.state.failed = True
        return [Error(code="model_failed", message=result.message, fatal=True)]

    def _report_detector(self, reason: str) -> list[AnyEvent]:
        """No answer of the network: webrtcvad decides alone about that audio. The network is asked again, as it may
        be back."""
        if self.state.vad_failed:
            return []
        self.state.vad_failed = True
        message = f"{reason}; without Silero webrtcvad decides alone, and takes many other sounds for a voice"
        return [WarningEvent(code="vad_failed", message=message)]

    def _disable_transcript(self, reason: str) -> list[AnyEvent]:
        """The recognizer failed: no more words, but emotions go on."""
        if self.state.transcript.disabled_reason:
            return []
        self._transcript.disable(reason)
        return [WarningEvent(code="text_disabled", message=f"transcription is disabled: {reason}")]

    def _output(self) -> Output:
        for pass_id, words in self._transcript.take_finished():
            self._assembly.accept_words(pass_id, words)
        self._transcript.issue()
        self._assembly.advance()
        return Output(self._outbox.take_ready(), self._requests.take_new())
