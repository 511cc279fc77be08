"""A model for tests: the shape of `small`, real pooling, and features that cost next to nothing."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState, SoftmaxState
from emoscope.models.reading import Reading, decide
from emoscope.models.speaker import SpeakerSample, calmness
from emoscope.models.windows import owned_frames, part_frames

from ..protocol.config import SAMPLE_RATE
from ..protocol.events import SpokenWord
from ..session.requests import DetectVoice, Done, Encode, Read, Request, Result, Summary, Transcribe, VoiceProbabilities
from ..session.transcript.hypothesis import Hypothesis, RecognizedSegment
from ..session.vad import Samples
from ..session.voice_activity import CHUNK, CONTEXT

CONTRACT = ModelContract(
    id="fake",
    labels=("happy", "neutral", "sad"),
    dimensions=("arousal",),
    baseline=True,
    window=25_600,
    hop=12_800,
    frame=640,
    lookback=480,
    tail=4_800,
)
"""Windows that overlap, with three labels and one dimension."""

REACHING = replace(CONTRACT, id="reaching", window=64_000, hop=8_000, reach=5_760)
"""The cells, frames and reach of `small`: a frame depends on .36 s to each side, and on no more."""


class FakeEngine:
    """Answers every request at once, as a model and a recognizer would.

    The two features of a frame are its level and its rate of zero crossings; its attention score is its level. They
    are cheap and exact, and differ from frame to frame, so a reading changes when a frame is left out or pooled twice.
    With a contract that has a reach, each frame also counts those that lie so far before and after it, and nothing
    where the window ends before: so a reading changes when a frame had too little around it.

    windows  how many windows it has encoded
    """

    def __init__(self, contract: ModelContract = CONTRACT) -> None:
        self.contract = contract
        self.windows = 0

    def features(self, audio: Samples) -> npt.NDArray[np.float32]:
        """Features (T, 2) of audio (lookback + T * frame,)."""
        frames = audio[self.contract.lookback :].reshape(-1, self.contract.frame)
        level = np.log10(np.mean(frames**2, 1) + 1e-8) / 4.0
        crossings = np.mean(np.diff(np.signbit(frames).astype(np.int8), axis=1) != 0, axis=1) * 4.0
        features = np.stack([level, crossings], 1).astype(np.float32)
        if (reach := self.contract.reach // self.contract.frame) and reach < len(features):
            around = np.zeros_like(features)
            around[reach:] += features[:-reach]
            around[:-reach] += features[reach:]
            features = features + 0.5 * around
        return features

    def detect(self, request: DetectVoice) -> VoiceProbabilities:
        """A voice is probable where it is loud, as smoothed by the detector's memory: so a lost memory shows."""
        network = request.network.copy()
        probabilities = []
        for chunk in request.audio[CONTEXT:].reshape(-1, CHUNK):
            level = 10 * np.log10(float(np.mean(chunk**2)) + 1e-12)
            network[0, 0] += np.float32(0.7) * (np.float32(level / 10) - network[0, 0])
            probabilities.append(float(1 / (1 + np.exp(-2 * (float(network[0, 0]) + 5.0)))))
        return VoiceProbabilities(probabilities, network)

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Result:
        if isinstance(request, DetectVoice):
            return Done(request.id, self.detect(request))
        if isinstance(request, Transcribe):
            return Done(request.id, self.transcribe(request))
        return self._encode(request) if isinstance(request, Encode) else self._read(request)

    def transcribe(self, request: Transcribe) -> Hypothesis:
        """One word for each whole 0.4 s of the audio, made of its level and its zero crossings.

        The last word of an interim pass is always "uh" and unsure, because a real recognizer, too, often changes its
        last word in the next pass.
        """
        step = SAMPLE_RATE * 2 // 5
        words = []
        for place in range(len(request.audio) // step):
            piece = request.audio[place * step : (place + 1) * step].astype(np.float64)
            level = int(np.log2(np.abs(piece).mean() + 1))
            crossings = int(np.mean(np.diff(np.signbit(piece).astype(np.int8)) != 0) * 40)
            text = f"w{level}x{crossings}"
            words.append(SpokenWord(word=text, start=place * 0.4, end=place * 0.4 + 0.38, p=0.9))
        if words and not request.final:
            words[-1] = SpokenWord(word="uh", start=words[-1].start, end=words[-1].end, p=0.3)
        language = request.language or "en"
        segment = RecognizedSegment(words=tuple(words), no_speech_p=0.1, avg_logprob=-0.3)
        return Hypothesis(segments=(segment,), language=language, language_p=None if request.language else 0.95)

    def _encode(self, request: Encode) -> Done:
        self.windows += 1
        first, last = owned_frames(self.contract, request.window)
        features = self.features(request.audio)
        states = [self._pooled(features[begin:end]) for begin, end in part_frames(self.contract, request.window)]
        return Done(request.id, Summary(states, features[first:last, :1] * 3.0))

    def _pooled(self, features: npt.NDArray[np.float32]) -> PoolState:
        scores = features[:, :1] * 3.0
        peak = scores.max(0)
        weight = np.exp(scores - peak)
        mass = weight.sum(0)
        mean = (weight * features).sum(0) / mass
        variance = (weight * (features - mean) ** 2).sum(0) / mass
        return SoftmaxState(peak[None], mass[None], mean[None, None], variance[None, None])

    def _read(self, request: Read) -> Done:
        state = request.state
        assert isinstance(state, SoftmaxState)
        mean, variance = state.mean.reshape(-1), state.variance.reshape(-1)
        sample = None
        if request.learn:
            alone = self.reading(mean, variance)
            sample = SpeakerSample(mean, calmness(self.contract.labels, alone.scores))
        known = request.speaker
        relative = mean if known is None else mean - known.weight / (known.weight + 1) * known.mean
        return Done(request.id, replace(self.reading(relative, variance), voice=sample))

    def reading(self, mean: npt.NDArray[np.float32], variance: npt.NDArray[np.float32]) -> Reading:
        """The reading of pooled features: mean (2,), less the speaker's baseline, and variance (2,)."""
        logits = np.zeros(len(self.contract.labels), np.float64)
        pooled = [*mean.tolist(), *np.sqrt(variance).tolist()]
        for place, value in enumerate(pooled):
            logits[place % len(logits)] += (place + 1) * value
        scores = np.exp(logits - logits.max())
        scores = (scores / scores.sum()).astype(np.float32)
        dimensions = np.tanh(np.asarray(pooled[: len(self.contract.dimensions)], np.float32))
        return decide(self.contract.labels, scores, dimensions, 0.0)
