"""One voice, from samples to events, in audio time. No I/O, no model, no clock but the sample counter."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.voice import VoiceProfile
from emoscope.models.windows import Window

from .assembly import Assembly
from .config import SECOND, Config, checked
from .detector import FRAME, Samples, VoiceState
from .errors import ConfigInvalid, RecordInvalid, UsageError
from .events import AnyEvent, Error, SpeechEnded, SpeechStarted
from .intake import Intake, IntakeState
from .requests import Done, Encode, Failed, Read, Request, Result
from .saving import from_bytes, to_bytes
from .segmenter import Action, Commit, Due, Ended, Reason, Segmenter, SegmenterState, Started
from .steps import AssemblyState, Begin, Close, Enrol, Forget, Merge, Show

ENROLL_S = (1.0, 120.0)


class Output(NamedTuple):
    """What one call brings: events in audio order, and requests that each want exactly one result."""

    events: list[AnyEvent]
    requests: list[Request]


@dataclass
class SessionState:
    """All that a session is; `Session.save` writes it.

    audio      session-clock samples that a later window may still need; the first is number `audio_start`
    open       requests without a result yet, by id
    """

    contract: ModelContract
    config: Config
    intake: IntakeState = field(default_factory=IntakeState)
    voice: VoiceState = field(default_factory=VoiceState)
    segmenter: SegmenterState = field(default_factory=SegmenterState)
    assembly: AssemblyState = field(default_factory=AssemblyState)
    audio: Samples = field(default_factory=lambda: np.zeros(0, np.float32))
    audio_start: int = 0
    encodes: dict[int, Encode] = field(default_factory=dict)
    reads: dict[int, Read] = field(default_factory=dict)
    finished: bool = False
    failed: bool = False


class Session:
    """One voice, from samples to events.

    >>> session = Session(model.contract)                              # doctest: +SKIP
    >>> events, requests = session.feed(samples)                       # doctest: +SKIP
    >>> events, requests = session.apply(engine(requests))             # doctest: +SKIP

    `feed` takes any number of samples at any time; `apply` takes results in any order. `drive` loops the two for one
    recording. A session that was saved goes on in another process with the same events.
    """

    def __init__(
        self, contract: ModelContract, config: Config | None = None, voice: VoiceProfile | None = None
    ) -> None:
        """ConfigInvalid names an option out of range, or one that this version or this model cannot meet.

        voice  what an earlier session of this voice and this model knew; readings begin with it
        """
        config = checked(msgspec.to_builtins(Config() if config is None else config))
        # Words are not there yet: the effective config says so, whatever was asked for.
        self._open(SessionState(contract, msgspec.structs.replace(config, transcript=False)))
        baseline = self.state.assembly.baseline
        baseline.mode = config.baseline
        if voice is not None:
            baseline.profile = voice
            baseline.mode = "enrolled" if config.baseline == "off" else config.baseline

    def _open(self, state: SessionState) -> None:
        config = state.config
        if state.contract.sample_rate != SECOND:
            raise ConfigInvalid(
                f"model {state.contract.id} wants {state.contract.sample_rate} Hz; sessions run at {SECOND} Hz"
            )
        if config.baseline != "off" and not state.contract.baseline:
            raise ConfigInvalid(
                f"model {state.contract.id} learns no voice, so baseline {config.baseline!r} has no meaning; use 'off'",
                "baseline",
            )
        if config.channel_mode == "split":
            raise ConfigInvalid("a session hears one voice; 'split' opens one session a channel", "channel_mode")
        self.state = state
        restored = state.intake if state.intake.accepted else None
        self._intake = Intake(config.sample_rate, config.channels, restored)
        state.intake = self._intake.state
        self._segmenter = Segmenter(state.contract, config, state.segmenter, state.voice)
        self._assembly = Assembly(state.contract, config, state.assembly)

    @property
    def contract(self) -> ModelContract:
        return self.state.contract

    @property
    def config(self) -> Config:
        return self.state.config

    @property
    def audio_s(self) -> float:
        """Audio accepted, in seconds."""
        return self._intake.seconds

    @property
    def processed_s(self) -> float:
        """Audio up to which everything that it brings has left."""
        unpooled = [request.window.own_start for request in self.state.encodes.values()]
        unread = [slot.draft.end for slot in self.state.assembly.slots if slot.draft is not None]
        return min([self.state.segmenter.position, *unpooled, *unread]) / SECOND

    @property
    def level_dbfs(self) -> float:
        """Level of the newest audio, dBFS."""
        return self._intake.level_dbfs

    @property
    def dropped_s(self) -> float:
        """Speech that was heard but could not be read, in seconds."""
        return self.state.assembly.dropped / SECOND

    def feed(self, samples: npt.NDArray[np.generic]) -> Output:
        """More audio: (n,) or (n, channels) float in [-1, 1] or int16, at the config's rate.

        InputError when a sample is no finite number; whole seconds of `samples` before it are heard, and what they ask
        for is among `pending()`.
        """
        self._refuse_if_finished()
        requests: list[Request] = []
        piece = self.config.sample_rate  # a second at a time, so that no buffer grows with the caller's block
        for begin in range(0, len(samples), piece):
            requests += self._hear(self._intake.feed(samples[begin : begin + piece]))
        return self._output(requests)

    def flush(self) -> Output:
        """End the current utterance now; go on listening."""
        return self._output(self._cut("flush"))

    def reset(self) -> Output:
        """End the current utterance, forget mood and baseline; clock and numbers go on."""
        requests = self._cut("flush")
        self._assembly.state.steps.append(Forget())
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
        self._assembly.state.steps.append(Enrol(round(seconds * SECOND)))
        return self._output(requests)

    @property
    def enrolment(self) -> tuple[float, float] | None:
        """Seconds of calm speech heard and wanted, while a voice is enrolled."""
        baseline, segmenter = self.state.assembly.baseline, self.state.segmenter
        if not baseline.wanted:
            return None
        now = segmenter.position - segmenter.start if segmenter.speaking else 0
        return (baseline.heard + now) / SECOND, baseline.wanted / SECOND

    @property
    def voice(self) -> VoiceProfile | None:
        """What is known of the voice: to keep, and to begin another session with."""
        return self.state.assembly.baseline.known

    def finish(self) -> Output:
        """No more audio: everything that is pending is read out, `session.closed` comes last."""
        requests = self._cut("finish")
        slot = self._assembly.reserve()
        self._assembly.state.steps.append(Close(slot, self._intake.clock))
        self.state.finished = True
        return self._output(requests)

    def apply(self, results: Iterable[Result]) -> Output:
        """Results of requests, in any order; each request gets exactly one."""
        told = [event for result in results for event in self._settle(result)]
        events, requests = self._output([])
        return Output([*told, *events], requests)

    def pending(self) -> list[Request]:
        """Requests without a result: after a restore they must be answered, as if just issued."""
        return [*self.state.encodes.values(), *self.state.reads.values()]

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
        _check(state)
        session = cls.__new__(cls)
        session._open(state)
        return session

    def _refuse_if_finished(self) -> None:
        if self.state.finished:
            raise UsageError("this session is finished; open another for more audio")

    def _hear(self, audio: Samples) -> list[Request]:
        state, segmenter = self.state, self._segmenter
        state.audio = np.concatenate([state.audio, audio])
        end = state.audio_start + len(state.audio)
        requests: list[Request] = []
        while segmenter.state.position + FRAME <= end:
            at = segmenter.state.position - state.audio_start
            for action in segmenter.step(state.audio[at : at + FRAME]):
                requests += self._follow(action)
        self._trim()
        return requests

    def _trim(self) -> None:
        state = self.state
        surplus = self._segmenter.keep_from - state.audio_start
        if surplus > 0:
            state.audio = state.audio[surplus:].copy()
            state.audio_start += surplus

    def _cut(self, reason: Reason) -> list[Request]:
        self._refuse_if_finished()
        requests = self._hear(self._intake.drain())
        for action in self._segmenter.cut(self._intake.clock, reason):
            requests += self._follow(action)
        self._trim()
        return requests

    def _follow(self, action: Action) -> Sequence[Request]:
        assembly = self._assembly
        steps = assembly.state.steps
        match action:
            case Started(utterance, start):
                assembly.put(SpeechStarted(seq=0, utterance=utterance, start=start / SECOND))
                steps.append(Begin(utterance, start))
                return []
            case Commit(window):
                request = self._encode(window)
                steps.append(Merge(request.id, window))
                return [request]
            case Due(at, now):
                asked = [] if now is None else [self._encode(now)]
                steps.append(Show(assembly.reserve(), at, asked[0].id if asked else None, now, final=False))
                return asked
            case Ended(utterance, start, end, reason, closing):
                asked = [] if closing is None else [self._encode(closing)]
                assembly.put(
                    SpeechEnded(seq=0, utterance=utterance, start=start / SECOND, end=end / SECOND, reason=reason)
                )
                steps.append(Show(assembly.reserve(), end, asked[0].id if asked else None, closing, final=True))
                assembly.reserve()  # for the mood
                return asked

    def _encode(self, window: Window) -> Encode:
        state = self.state
        begin = window.start - self.contract.lookback
        missing = max(0, -begin)  # before the recording there is silence
        first = begin + missing - state.audio_start
        assert first >= 0, "audio that a window needs was let go"
        audio = state.audio[first : window.end - state.audio_start]
        whole = np.concatenate([np.zeros(missing, np.float32), audio])
        request = Encode(self._assembly.request_id(), window, whole)
        state.encodes[request.id] = request
        return request

    def _settle(self, result: Result) -> list[AnyEvent]:
        """Hand a result on; the first failure of a session is told at once, ahead of what waits in the outbox."""
        state = self.state
        if result.id not in state.encodes and result.id not in state.reads:
            raise UsageError(f"request {result.id} was never made or has its result already")
        state.encodes.pop(result.id, None)
        state.reads.pop(result.id, None)
        if isinstance(result, Done):
            self._assembly.answer(result.id, result.value, result.queue_ms, result.infer_ms)
            return []
        self._assembly.answer(result.id, None, 0.0, 0.0)
        if not isinstance(result, Failed) or state.failed:
            return []
        state.failed = True
        return [Error(code="model_failed", message=result.message, fatal=True)]

    def _output(self, requests: list[Request]) -> Output:
        reads = self._assembly.advance()
        self.state.reads |= {read.id: read for read in reads}
        return Output(self._assembly.leave(), [*requests, *reads])


def _check(state: SessionState) -> None:
    """RecordInvalid unless the numbers of a saved state can belong together; its types were checked when decoded."""
    i, g = state.intake, state.segmenter
    end = state.audio_start + len(state.audio)
    counts = (i.origin, g.run_start, g.strict, g.start, g.committed, g.interims, g.utterances, state.audio_start)
    possible = (
        min(counts) >= 0
        and i.origin <= i.renewed <= i.fed <= i.accepted
        and (state.config.sample_rate == SECOND or len(i.kept) == i.accepted - i.origin)
        and len(state.voice.heard) % (2 * FRAME) == 0
        and all(array.ndim == 1 and array.dtype == np.float32 for array in (i.kept, state.audio))
        and state.audio_start <= g.position <= end == i.produced
        and max(g.start, g.last_voiced, g.run_start, g.renewed) <= g.position
        and g.committed * state.contract.hop <= max(0, g.position - g.start)
        and g.interims * FRAME <= end
    )
    if not possible:
        raise RecordInvalid("a saved session whose numbers do not fit together; start a new session")
