"""The front of a session: from samples to what the voice activity detection and the segmenter find in them."""

from dataclasses import dataclass, field
from secrets import token_hex
from typing import Literal

import numpy as np
import numpy.typing as npt

from emoscope.models.windows import Window

from .assembly import Assembly
from .audio_buffer import AudioBuffer
from .intake import Intake
from .open_requests import OpenRequests
from .requests import Encode, VoiceProbabilities
from .segmenter import Action, InterimDue, Reason, Segmenter, UtteranceEnded, UtteranceStarted, WindowComplete
from .transcript.rolling import Transcript
from .vad import FRAME, Samples
from .voice_activity import VoiceActivity


@dataclass
class Cut:
    """The current utterance ends at sample `at`, and then something else happens.

    then     forget mood, baseline and language; enroll the next `samples` of speech; or close the session
    """

    at: int
    reason: Reason
    then: Literal["", "forget", "enroll", "close"] = ""
    samples: int = 0


@dataclass
class FrontState:
    """Cuts that wait until all frames before them are judged, oldest first; saved with the session."""

    cuts: list[Cut] = field(default_factory=list)


class Front:
    """Resamples, detects speech and cuts it into utterances; hands what it finds to the assembly and the transcript.

    Frames are judged in audio order, and some wait for an answer of the voice detector; what follows from them waits
    too.
    """

    def __init__(
        self,
        state: FrontState,
        intake: Intake,
        activity: VoiceActivity,
        segmenter: Segmenter,
        buffer: AudioBuffer,
        assembly: Assembly,
        transcript: Transcript,
        requests: OpenRequests,
    ) -> None:
        self.state, self._intake, self._activity, self._segmenter, self._buffer = (
            state, intake, activity, segmenter, buffer
        )  # fmt: skip
        self._assembly, self._transcript, self._requests = assembly, transcript, requests
        self._lookback = segmenter.contract.lookback
        self._transcribes = segmenter.config.transcript
        self._name = token_hex(8)  # not saved: whoever restores a session may get other audio than was heard already

    def feed(self, samples: npt.NDArray[np.generic]) -> None:
        """More audio: (n,) or (n, channels), at the config's rate. InputError as `Intake.feed`."""
        self._accept(self._intake.feed(samples))
        self._advance()

    def cut(self, reason: Reason, then: Literal["", "forget", "enroll", "close"] = "", samples: int = 0) -> None:
        """End the current utterance after all audio so far, then do what `then` says."""
        self._accept(self._intake.drain())
        self.state.cuts.append(Cut(self._intake.clock, reason, then, samples))
        self._activity.cut(self._intake.clock)
        self._advance()

    def answer(self, value: VoiceProbabilities | None) -> None:
        """The result of the open request for probabilities; None when it was dropped, late or failed."""
        self._activity.answer(value)
        self._advance()

    def _accept(self, audio: Samples) -> None:
        buffer, judged = self._buffer, self._activity.state.judged
        buffer.append(audio)
        whole = (buffer.end - judged) // FRAME * FRAME
        if whole > 0:
            self._activity.accept(buffer.between(judged, judged + whole))

    def _advance(self) -> None:
        """Take every frame and every cut that need not wait, and ask for what the next frames wait for."""
        segmenter, cuts = self._segmenter, self.state.cuts
        while True:
            until = cuts[0].at if cuts else self._activity.state.judged
            for decision in self._activity.decide(segmenter.state.position, until):
                for action in segmenter.step(decision):
                    self._plan(action)
                self._plan_interim_pass()
            if not cuts or segmenter.state.position + FRAME <= cuts[0].at:
                break
            self._cut(cuts.pop(0))
        request = self._activity.ask(self._requests.new_id)
        if request is not None:
            self._requests.add_detection(request)
        self._discard()

    def _cut(self, cut: Cut) -> None:
        for action in self._segmenter.cut(cut.at, cut.reason):
            self._plan(action)
        self._activity.gate.restart()
        match cut.then:
            case "forget":
                self._assembly.plan_forget()
                self._transcript.forget_language()
            case "enroll":
                self._assembly.plan_enrollment(cut.samples)
            case "close":
                self._assembly.plan_close(cut.at)

    def _discard(self) -> None:
        """Forget the audio that no later window and no later pass needs."""
        keep_from, state = min(self._segmenter.keep_from, self._activity.state.judged), self._segmenter.state
        if self._transcribes and state.speaking:
            keep_from = min(keep_from, state.start)
        self._buffer.discard_before(keep_from)

    def _plan(self, action: Action) -> None:
        assembly, transcript = self._assembly, self._transcript
        match action:
            case UtteranceStarted(utterance, start, late):
                assembly.plan_utterance(utterance, start)
                transcript.begin(late)
            case WindowComplete(window):
                assembly.plan_merge(self._encode(window))
            case InterimDue(at, window):
                request = None if window is None else self._encode(window)
                assembly.plan_interim(at, request, transcript.newest_pass(at))
            case UtteranceEnded(utterance, start, end, reason, closing):
                request = None if closing is None else self._encode(closing)
                assembly.plan_speech_end(utterance, start, end, reason)
                words_from = self._plan_pass(utterance, start, start, end, final=True) if self._transcribes else None
                assembly.plan_final(end, request, words_from)

    def _encode(self, window: Window) -> Encode:
        audio = self._buffer.between(window.start - self._lookback, window.end)
        return Encode(self._requests.new_id(), window, audio.copy(), self._name, self._segmenter.state.utterances)

    def _plan_interim_pass(self) -> None:
        """Transcribe the utterance so far, when enough was spoken since the last pass."""
        state = self._segmenter.state
        if not (self._transcribes and state.speaking and state.last_voiced == state.position):
            return
        if self._transcript.interim_due(FRAME):
            begin = self._transcript.interim_start(state.start, state.position)
            self._plan_pass(state.utterances, state.start, begin, state.position, final=False)

    def _plan_pass(self, utterance: int, start: int, begin: int, end: int, *, final: bool) -> int:
        """Plan a transcript pass over samples `begin` to `end` of an utterance that began at `start`; its id."""
        audio = self._buffer.between(begin, end)
        return self._transcript.plan(utterance, start, begin, self._segmenter.state.position, audio, final=final)
