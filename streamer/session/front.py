"""From samples to requests: the detector's frames, and what each thing that begins, is due or ends asks for."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emoscope.models.windows import Window

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import SpeechEnded, SpeechStarted
from .assembly import Assembly
from .intake import Intake
from .requests import Encode, Request
from .segmenter import Action, Commit, Due, Ended, Reason, Segmenter, Started
from .state import SessionState
from .steps import Begin, Merge, Show
from .transcript.rolling import Transcript, to_int16
from .transcript.state import Pass
from .vad import FRAME, Samples


class Hearing:
    """Works on a session's state: keeps the audio that is still needed, and hands what is heard to assembly and
    transcript, which make events of it.
    """

    def __init__(self, state: SessionState, assembly: Assembly, transcript: Transcript) -> None:
        self._state, self._assembly, self._transcript = state, assembly, transcript
        self._contract, self._config = state.contract, state.config
        restored = state.intake if state.intake.accepted else None
        self.intake = Intake(state.config.sample_rate, state.config.channels, restored)
        state.intake = self.intake.state
        self._segmenter = Segmenter(state.contract, state.config, state.segmenter, state.voice)

    def feed(self, samples: npt.NDArray[np.generic]) -> list[Request]:
        """More audio: (n,) or (n, channels), at the config's rate. InputError as `Intake.feed`."""
        return self._hear(self.intake.feed(samples))

    def cut(self, reason: Reason) -> list[Request]:
        """No more of this utterance: all audio so far is heard, and what is being said ends here."""
        requests = self._hear(self.intake.drain())
        for action in self._segmenter.cut(self.intake.clock, reason):
            requests += self._follow(action)
        self._trim()
        return requests

    def _hear(self, audio: Samples) -> list[Request]:
        state, segmenter = self._state, self._segmenter
        state.audio = np.concatenate([state.audio, audio])
        end = state.audio_start + len(state.audio)
        requests: list[Request] = []
        while segmenter.state.position + FRAME <= end:
            at = segmenter.state.position - state.audio_start
            for action in segmenter.step(state.audio[at : at + FRAME]):
                requests += self._follow(action)
            self._hear_words()
        self._trim()
        return requests

    def _trim(self) -> None:
        state = self._state
        keep_from = self._segmenter.keep_from
        if self._config.transcript and state.segmenter.speaking:
            keep_from = min(keep_from, state.segmenter.start)
        surplus = keep_from - state.audio_start
        if surplus > 0:
            state.audio = state.audio[surplus:].copy()
            state.audio_start += surplus

    def _follow(self, action: Action) -> Sequence[Request]:
        assembly = self._assembly
        steps = assembly.state.steps
        match action:
            case Started(utterance, start):
                assembly.put(SpeechStarted(seq=0, utterance=utterance, start=start / SAMPLE_RATE))
                steps.append(Begin(utterance, start))
                self._transcript.begin()
                return []
            case Commit(window):
                request = self._encode(window)
                steps.append(Merge(request.id, window))
                return [request]
            case Due(at, now):
                asked = [] if now is None else [self._encode(now)]
                text = self._transcript.for_reading(at)
                steps.append(Show(assembly.reserve(), at, asked[0].id if asked else None, now, final=False, text=text))
                return asked
            case Ended(utterance, start, end, reason, closing):
                asked = [] if closing is None else [self._encode(closing)]
                assembly.put(
                    SpeechEnded(
                        seq=0, utterance=utterance, start=start / SAMPLE_RATE, end=end / SAMPLE_RATE, reason=reason
                    )
                )
                said = self._plan(utterance, start, start, end, final=True) if self._config.transcript else None
                show = Show(assembly.reserve(), end, asked[0].id if asked else None, closing, final=True, text=said)
                steps.append(show)
                assembly.reserve()  # for the mood
                return asked

    def _encode(self, window: Window) -> Encode:
        state = self._state
        begin = window.start - self._contract.lookback
        missing = max(0, -begin)  # before the recording there is silence
        first = begin + missing - state.audio_start
        assert first >= 0, "audio that a window needs was let go"
        audio = state.audio[first : window.end - state.audio_start]
        whole = np.concatenate([np.zeros(missing, np.float32), audio])
        request = Encode(self._assembly.request_id(), window, whole)
        state.encodes[request.id] = request
        return request

    def _hear_words(self) -> None:
        """An interim pass over the words so far, when enough was spoken since the last."""
        s = self._state.segmenter
        if not (self._config.transcript and s.speaking and s.last_voiced == s.position):
            return
        if self._transcript.voiced(FRAME):
            self._plan(s.utterances, s.start, self._transcript.pass_from(s.start, s.position), s.position, final=False)

    def _plan(self, utterance: int, start: int, begin: int, end: int, *, final: bool) -> int:
        """A pass of the recognizer over samples `begin` to `end` of an utterance; its request's id."""
        state = self._state
        made = Pass(
            id=self._assembly.request_id(),
            utterance=utterance,
            start=start,
            begin=begin,
            due=state.segmenter.position,
            slot=self._assembly.reserve(loose=not final),
            epoch=state.transcript.epoch,
            final=final,
            audio=to_int16(state.audio[begin - state.audio_start : end - state.audio_start]),
        )
        self._transcript.plan(made)
        return made.id
