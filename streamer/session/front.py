"""The front of a session: from samples to what the voice detector and the segmenter find in them."""

import numpy as np
import numpy.typing as npt

from emoscope.models.windows import Window

from .assembly import Assembly
from .audio_buffer import AudioBuffer
from .intake import Intake
from .open_requests import OpenRequests
from .requests import Encode
from .segmenter import Action, InterimDue, Reason, Segmenter, UtteranceEnded, UtteranceStarted, WindowComplete
from .transcript.rolling import Transcript
from .vad import FRAME, Samples


class Front:
    """Resamples, detects speech and cuts it into utterances; hands what it finds to the assembly and the transcript."""

    def __init__(
        self,
        intake: Intake,
        segmenter: Segmenter,
        buffer: AudioBuffer,
        assembly: Assembly,
        transcript: Transcript,
        requests: OpenRequests,
    ) -> None:
        self._intake, self._segmenter, self._buffer = intake, segmenter, buffer
        self._assembly, self._transcript, self._requests = assembly, transcript, requests
        self._lookback = segmenter.contract.lookback
        self._transcribes = segmenter.config.transcript

    def feed(self, samples: npt.NDArray[np.generic]) -> None:
        """More audio: (n,) or (n, channels), at the config's rate. InputError as `Intake.feed`."""
        self._process(self._intake.feed(samples))

    def cut(self, reason: Reason) -> None:
        """Process all audio so far, and end the current utterance where it stands."""
        self._process(self._intake.drain())
        for action in self._segmenter.cut(self._intake.clock, reason):
            self._plan(action)
        self._discard()

    def _process(self, audio: Samples) -> None:
        buffer, state = self._buffer, self._segmenter.state
        buffer.append(audio)
        while state.position + FRAME <= buffer.end:
            for action in self._segmenter.step(buffer.between(state.position, state.position + FRAME)):
                self._plan(action)
            self._plan_interim_pass()
        self._discard()

    def _discard(self) -> None:
        """Forget the audio that no later window and no later pass needs."""
        keep_from, state = self._segmenter.keep_from, self._segmenter.state
        if self._transcribes and state.speaking:
            keep_from = min(keep_from, state.start)
        self._buffer.discard_before(keep_from)

    def _plan(self, action: Action) -> None:
        assembly, transcript = self._assembly, self._transcript
        match action:
            case UtteranceStarted(utterance, start):
                assembly.plan_utterance(utterance, start)
                transcript.begin()
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
        return Encode(self._requests.new_id(), window, audio.copy())

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
