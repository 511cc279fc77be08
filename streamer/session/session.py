"""One voice, from samples to events, in audio time. No I/O, no model, no clock but the sample counter."""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.speaker import SpeakerProfile

from ..protocol.config import SAMPLE_RATE, Config, checked
from ..protocol.errors import ConfigInvalid, UsageError
from ..protocol.events import AnyEvent, Error, WarningEvent
from .assembly import Assembly
from .front import Hearing
from .requests import Done, Failed, Request, Result
from .saving import from_bytes, to_bytes
from .segmenter import Reason
from .state import SessionState, check_saved
from .steps import Close, Enrol, Forget, Show
from .transcript.hypothesis import Hypothesis
from .transcript.rolling import Transcript

ENROLL_S = (1.0, 120.0)


class Output(NamedTuple):
    """What one call brings: events in audio order, and requests that each want exactly one result."""

    events: list[AnyEvent]
    requests: list[Request]


class Session:
    """One voice, from samples to events.

    >>> session = Session(model.contract)                              # doctest: +SKIP
    >>> events, requests = session.feed(samples)                       # doctest: +SKIP
    >>> events, requests = session.apply(engine(requests))             # doctest: +SKIP

    `feed` takes any number of samples at any time; `apply` takes results in any order. `drive` loops the two for one
    recording. A session that was saved goes on in another process with the same events.
    """

    def __init__(
        self,
        contract: ModelContract,
        config: Config | None = None,
        speaker: SpeakerProfile | None = None,
        *,
        transcribe: bool = False,
    ) -> None:
        """ConfigInvalid names an option out of range, or one that this version or this model cannot meet.

        speaker     what an earlier session of this speaker and this model learnt; readings begin with it
        transcribe  a recognizer will answer `Transcribe` requests; without one, the effective config has no transcript
        """
        config = checked(msgspec.to_builtins(Config() if config is None else config))
        config = msgspec.structs.replace(config, transcript=config.transcript and transcribe)
        self._open(SessionState(contract, config))
        baseline = self.state.assembly.baseline
        baseline.mode = config.baseline
        if speaker is not None:
            baseline.profile = speaker
            baseline.mode = "enrolled" if config.baseline == "off" else config.baseline

    def _open(self, state: SessionState) -> None:
        config = state.config
        if state.contract.sample_rate != SAMPLE_RATE:
            raise ConfigInvalid(
                f"model {state.contract.id} wants {state.contract.sample_rate} Hz; sessions run at {SAMPLE_RATE} Hz"
            )
        if config.baseline != "off" and not state.contract.baseline:
            raise ConfigInvalid(
                f"model {state.contract.id} learns no voice, so baseline {config.baseline!r} has no meaning; use 'off'",
                "baseline",
            )
        if config.channel_mode == "split":
            raise ConfigInvalid("a session hears one voice; 'split' opens one session a channel", "channel_mode")
        self.state = state
        self._assembly = Assembly(state.contract, config, state.assembly)
        self._transcript = Transcript(config, state.transcript)
        self._hearing = Hearing(state, self._assembly, self._transcript)

    @property
    def contract(self) -> ModelContract:
        return self.state.contract

    @property
    def config(self) -> Config:
        return self.state.config

    @property
    def audio_s(self) -> float:
        """Audio accepted, in seconds."""
        return self._hearing.intake.seconds

    @property
    def processed_s(self) -> float:
        """Audio up to which everything that it brings has left."""
        unshown = [step.end for step in self.state.assembly.steps if isinstance(step, Show)]
        unsaid = [made.due for made in self.state.transcript.passes]
        return min([round(self.read_s * SAMPLE_RATE), *unshown, *unsaid]) / SAMPLE_RATE

    @property
    def read_s(self) -> float:
        """Audio up to which the voice was read, whatever words are still to come."""
        unpooled = [request.window.own_start for request in self.state.encodes.values()]
        unread = [slot.draft.end for slot in self.state.assembly.slots if slot.draft is not None]
        return min([self.state.segmenter.position, *unpooled, *unread]) / SAMPLE_RATE

    @property
    def transcribed_s(self) -> float:
        """Audio up to which the words that were wanted are there."""
        return min([self.state.segmenter.position, *(made.due for made in self.state.transcript.passes)]) / SAMPLE_RATE

    @property
    def next_seq(self) -> int:
        """The `seq` that the next durable event will carry."""
        return self.state.assembly.next_seq

    @property
    def finished(self) -> bool:
        """True once `finish` was called: the session accepts no more audio."""
        return self.state.finished

    @property
    def level_dbfs(self) -> float:
        """Level of the newest audio, dBFS."""
        return self._hearing.intake.level_dbfs

    @property
    def dropped_s(self) -> float:
        """Speech that was heard but could not be read, in seconds."""
        return self.state.assembly.dropped / SAMPLE_RATE

    def feed(self, samples: npt.NDArray[np.generic]) -> Output:
        """More audio: (n,) or (n, channels) float in [-1, 1] or int16, at the config's rate.

        InputError when a sample is no finite number; whole seconds of `samples` before it are heard, and what they ask
        for is among `pending()`.
        """
        self._refuse_if_finished()
        requests: list[Request] = []
        piece = self.config.sample_rate  # a second at a time, so that no buffer grows with the caller's block
        for begin in range(0, len(samples), piece):
            requests += self._hearing.feed(samples[begin : begin + piece])
        return self._output(requests)

    def flush(self) -> Output:
        """End the current utterance now; go on listening."""
        return self._output(self._cut("flush"))

    def reset(self) -> Output:
        """End the current utterance, forget mood and baseline; clock and numbers go on."""
        requests = self._cut("flush")
        self._assembly.state.steps.append(Forget())
        self._transcript.forget()
        return self._output(requests)

    def enroll(self, seconds: float) -> Output:
        """End the current utterance; the next `seconds` of speech are calm, and become the voice's baseline.

        Readings are taken against it from then on, whatever the config's `baseline` was, until `reset`. `enrolled`
        tells when it is known. ConfigInvalid when the model learns no voice or `seconds` is out of range.
        """
        if not self.contract.baseline:
            raise ConfigInvalid(f"model {self.contract.id} learns no voice; it cannot enroll one", "seconds")
        if not ENROLL_S[0] <= seconds <= ENROLL_S[1]:
            raise ConfigInvalid(f"enroll: {seconds:g} s; from {ENROLL_S[0]:g} to {ENROLL_S[1]:g} s", "seconds")
        requests = self._cut("flush")
        self._assembly.state.steps.append(Enrol(round(seconds * SAMPLE_RATE)))
        return self._output(requests)

    @property
    def enrollment(self) -> tuple[float, float] | None:
        """Seconds of calm speech heard and wanted, while a voice is enrolled."""
        baseline, segmenter = self.state.assembly.baseline, self.state.segmenter
        if not baseline.wanted:
            return None
        now = segmenter.position - segmenter.start if segmenter.speaking else 0
        return (baseline.heard + now) / SAMPLE_RATE, baseline.wanted / SAMPLE_RATE

    @property
    def speaker(self) -> SpeakerProfile | None:
        """What is known of the speaker: to keep, and to begin another session with."""
        return self.state.assembly.baseline.known

    def finish(self) -> Output:
        """No more audio: everything that is pending is read out, `session.closed` comes last."""
        requests = self._cut("finish")
        slot = self._assembly.reserve()
        self._assembly.state.steps.append(Close(slot, self._hearing.intake.clock))
        self.state.finished = True
        return self._output(requests)

    def apply(self, results: Iterable[Result]) -> Output:
        """Results of requests, in any order; each request gets exactly one."""
        told = [event for result in results for event in self._settle(result)]
        events, requests = self._output([])
        return Output([*told, *events], requests)

    def pending(self) -> list[Request]:
        """Requests without a result: after a restore they must be answered, as if just issued."""
        return [*self.state.encodes.values(), *self.state.reads.values(), *self._transcript.open()]

    def interim_requests(self) -> set[int]:
        """Ids of the open requests that only an interim reading waits for: what an edge that lags may drop."""
        steps = self._assembly.state.steps
        wanted = {step.encode for step in steps if isinstance(step, Show) and not step.final}
        return {request for request in self.state.encodes if request in wanted}

    def save(self) -> bytes:
        """Everything that is needed to go on elsewhere."""
        return to_bytes(self.state)

    @classmethod
    def restore(cls, saved: bytes, contract: ModelContract) -> "Session":
        """A saved session; its `pending()` requests are issued again by whoever restores it.

        RecordInvalid when the bytes are not a session; ConfigInvalid when it was made for another model.
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

    def _cut(self, reason: Reason) -> list[Request]:
        self._refuse_if_finished()
        return self._hearing.cut(reason)

    def _settle(self, result: Result) -> list[AnyEvent]:
        """Hand a result on; the first failure of a session is told at once, ahead of what waits in the outbox."""
        state = self.state
        value = result.value if isinstance(result, Done) else None
        if self._transcript.answer(result.id, value if isinstance(value, Hypothesis) else None):
            return self._words_off(result.message) if isinstance(result, Failed) else []
        if result.id not in state.encodes and result.id not in state.reads:
            raise UsageError(f"request {result.id} was never made or has its result already")
        state.encodes.pop(result.id, None)
        state.reads.pop(result.id, None)
        if isinstance(result, Done):
            assert not isinstance(result.value, Hypothesis)
            self._assembly.answer(result.id, result.value, result.queue_ms, result.infer_ms)
            return []
        self._assembly.answer(result.id, None, 0.0, 0.0)
        if not isinstance(result, Failed) or state.failed:
            return []
        state.failed = True
        return [Error(code="model_failed", message=result.message, fatal=True)]

    def _words_off(self, why: str) -> list[AnyEvent]:
        """The recognizer broke: no more words, said once; emotions go on."""
        if self.state.transcript.off:
            return []
        self._transcript.turn_off(why)
        return [WarningEvent(code="text_disabled", message=f"words are off: {why}")]

    def _output(self, requests: list[Request]) -> Output:
        for settled in self._transcript.settle():
            self._assembly.fill(settled.slot, settled.event)
            self._assembly.state.spoken[settled.pass_id] = settled.spoken
        texts = self._transcript.issue()
        reads = self._assembly.advance()
        self.state.reads |= {read.id: read for read in reads}
        return Output(self._assembly.leave(), [*requests, *texts, *reads])
