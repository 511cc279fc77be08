"""Windows in, summaries out; states in, readings out: one model, many requests in a forward pass.

Answers do not depend on earlier ones but for rounding, where a model keeps what it made of earlier windows. A model
that reads words itself keeps its text of the last transcripts.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from emoscope.models.errors import ModelError, UsageError
from emoscope.models.graph.kept import Start
from emoscope.models.pool_state import PoolState, stack
from emoscope.models.reading import Reading, decide
from emoscope.models.speaker import SpeakerProfile, SpeakerProfiles, SpeakerSample, calmness
from emoscope.models.text import WordReader
from emoscope.models.windows import usual_window

from ..session.requests import DetectVoice, Done, Encode, Failed, Read, Request, Result, Summary, Transcribe
from ..session.voice_activity import CHUNK, CONTEXT, fresh_network
from .array_model import BATCH, Array, ArrayModel
from .fusing import read_with_words, shipped_branch
from .voice_activity import DetectorMissing, available, detect_voices

if TYPE_CHECKING:
    from .own_words import Answer

R = TypeVar("R", Encode, Read)
Planned = tuple[Encode, Start | None]
"""A window, and what its model can go on from."""


class BatchEngine:
    """Answers a list of requests with one model, in batches of windows of one length, or of one step.

    batch        the most windows in one forward pass
    text_branch  returns what reads the words where the model brings nothing for it; called when the first reading with
                 words is asked for, and may return None
    buckets      lengths in samples to which shorter windows are padded, so that more of them share a pass; only for
                 models whose `padding_is_exact`. None: windows of different lengths never share one
    """

    def __init__(
        self,
        model: ArrayModel,
        batch: int = BATCH,
        *,
        text_branch: Callable[[], WordReader | None] = shipped_branch,
        buckets: Sequence[int] | None = None,
    ) -> None:
        self.model, self.batch = model, batch
        self._text_branch = text_branch if model.words is None else lambda: model.words
        self._buckets = sorted(buckets or ())
        self._own_words = model.own_words

    def warm(self) -> None:
        """Encode and read a window of silence, so that the first reading does not wait for lazy initialisation.

        ModelError when the model cannot. A voice detector that fails is told by the first session that asks it.
        """
        contract = self.model.contract
        window = usual_window(contract)
        silence = np.zeros(contract.lookback + window.end - window.start, np.float32)
        encoded = self._tried(Encode(0, window, silence))
        if isinstance(encoded.value, Summary):
            self._tried(Read(0, encoded.value.state, contract.window_s, text="yes"))
        if available():
            self([DetectVoice(0, np.zeros(CONTEXT + CHUNK, np.float32), fresh_network())])

    def _tried(self, request: Request) -> Done:
        [result] = self([request])
        if isinstance(result, Done):
            return result
        assert isinstance(result, Failed), "an engine answers with a value, or says why it cannot"
        raise ModelError(f"{result.message}; it cannot read a window of silence")

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        """One result a request, in any order."""
        windows: list[Encode] = []
        reads: list[Read] = []
        for request in requests:
            if isinstance(request, Encode):
                windows.append(request)
            elif isinstance(request, Read):
                reads.append(request)
        results: list[Result] = [
            Failed(request.id, "no recognizer is here") for request in requests if isinstance(request, Transcribe)
        ]
        # First: everything else that a session will ask for follows from these.
        results += _detected([request for request in requests if isinstance(request, DetectVoice)])
        for together in _in_turn(windows) if self.model.keeps_frames else [windows]:
            results += self._encode_all(together)
        if reads:
            results += self._guard(self._read, reads)
        return results

    def _encode_all(self, requests: Sequence[Encode]) -> list[Result]:
        groups: dict[Hashable, list[Planned]] = defaultdict(list)
        for request in requests:
            start = self.model.start(request)
            groups[self._padded(request) if start is None else start.step].append((request, start))
        results: list[Result] = []
        for group in groups.values():
            for begin in range(0, len(group), self.batch):
                windows, starts = zip(*group[begin : begin + self.batch], strict=True)
                results += self._guard(partial(self._encode, starts=starts), list(windows))
        return results

    def _guard(self, work: Callable[[list[R]], list[Result]], requests: list[R]) -> list[Result]:
        try:
            return work(requests)
        except UsageError:  # not a breakdown: this model was never made for a stream, and says what to do
            raise
        except Exception as error:  # whatever a model or a device can do wrong must not end the other sessions
            return [Failed(request.id, f"{self.model.contract.id}: {error}") for request in requests]

    def _padded(self, request: Encode) -> int:
        """Samples of a window with its padding, without the lookback."""
        length = len(request.audio) - self.model.contract.lookback
        return next((bucket for bucket in self._buckets if bucket >= length), length)

    def _encode(self, requests: list[Encode], starts: Sequence[Start | None]) -> list[Result]:
        began = time.perf_counter()
        length = max(self._padded(request) for request in requests)
        encoded = self.model.encode(requests, length, starts)
        spent = (time.perf_counter() - began) * 1e3
        return [
            Done(request.id, Summary(one.states, one.scores), infer_ms=spent)
            for request, one in zip(requests, encoded, strict=True)
        ]

    def _read(self, requests: list[Read]) -> list[Result]:
        began = time.perf_counter()
        state = stack([request.state for request in requests])
        seconds = np.array([request.seconds for request in requests], np.float32)
        voices = _voices(requests)
        scores, dimensions = self.model.read(state, seconds, voices)
        samples = self._samples(requests, state, seconds, scores if voices is None else None)
        both = scores, dimensions
        if self._own_words is not None:
            both = self._own_words.read(requests, state, seconds, voices) or both
        sound = np.logical_and.reduce([np.isfinite(array).all(1) for array in (scores, dimensions, *both)])
        readings: list[Reading | None] = [None] * len(requests)
        for row in np.flatnonzero(sound):
            reading = self._decide(requests[row], (scores[row], dimensions[row]), (both[0][row], both[1][row]))
            readings[row] = replace(reading, voice=samples[row])
        spent = (time.perf_counter() - began) * 1e3
        broken = f"{self.model.contract.id}: scores that are no numbers; the weights are broken"
        return [
            Failed(request.id, broken) if reading is None else Done(request.id, reading, infer_ms=spent)
            for request, reading in zip(requests, readings, strict=True)
        ]

    def _samples(
        self, requests: Sequence[Read], state: PoolState, seconds: Array, alone: Array | None
    ) -> list[SpeakerSample | None]:
        """What each utterance teaches about its voice, where asked. `alone`: scores without a baseline, if known."""
        if not any(request.learn for request in requests):
            return [None] * len(requests)
        embeddings = self.model.embed(state)
        if alone is None:
            alone = self.model.read(state, seconds)[0]
        labels = self.model.contract.labels
        return [
            SpeakerSample(embeddings[row].copy(), calmness(labels, alone[row])) if request.learn else None
            for row, request in enumerate(requests)
        ]

    def _decide(self, request: Read, voice: "Answer", both: "Answer") -> Reading:
        """The reading of scores (L,) and dimensions (D,), of the voice alone and of voice and words by the model."""
        contract, unsure_below = self.model.contract, self.model.calibration.unsure_below
        if self._own_words is not None:
            return self._own_words.decide(request, voice, both)
        if request.words and (branch := self._text_branch()) is not None:
            return read_with_words(contract, *voice, request, branch, unsure_below)
        return decide(contract.labels, *voice, unsure_below)


def _in_turn(requests: Sequence[Encode]) -> Iterator[Sequence[Encode]]:
    """The windows of each voice one after the other, so that each can go on from the one before."""
    while requests:
        voices: set[str] = set()
        now: list[Encode] = []
        later: list[Encode] = []
        for request in requests:
            (later if request.voice in voices else now).append(request)
            voices |= {request.voice} - {""}
        yield now
        requests = later


def _voices(requests: Sequence[Read]) -> SpeakerProfiles | None:
    """Profiles of a batch; None where no voice is known. A voice that is not known has weight 0."""
    known = [request.speaker for request in requests if request.speaker is not None]
    if not known:
        return None
    unknown = SpeakerProfile(np.zeros_like(known[0].mean), 0.0)
    profiles = [request.speaker or unknown for request in requests]
    return SpeakerProfiles(
        np.stack([profile.mean for profile in profiles]).astype(np.float32),
        np.array([profile.weight for profile in profiles], np.float32),
    )


def _detected(requests: list[DetectVoice]) -> list[Result]:
    if not requests:
        return []
    began = time.perf_counter()
    try:
        found = detect_voices(requests)
    except DetectorMissing as error:
        return [Failed(request.id, str(error), detector=True) for request in requests]
    except Exception as error:  # whatever the network or its library does wrong, the sessions go on without it
        message = f"the voice detector: {type(error).__name__}: {error}"
        return [Failed(request.id, message, detector=True) for request in requests]
    spent = (time.perf_counter() - began) * 1e3
    return [Done(request.id, one, infer_ms=spent) for request, one in zip(requests, found, strict=True)]
