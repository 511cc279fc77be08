"""For tests of whatever is built on a session: a model without torch, a clock that does not wait, voices that are made.

>>> from emoscope.streamer import Session
>>> events = run(Session(CONTRACT), FakeEngine(), [voice(2.0)])
>>> [event.type for event in events if event.type.startswith("speech")]
['speech.started', 'speech.ended']
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import sleep

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import SoftmaxState
from emoscope.models.reading import Reading, decide
from emoscope.models.speaker import SpeakerSample, calmness
from emoscope.models.windows import owned_frames

from .protocol.config import SAMPLE_RATE
from .protocol.events import AnyEvent, Event, SessionCreated, SpokenWord, Status
from .session.requests import Done, Encode, Read, Request, Result, Summary, Transcribe
from .session.session import Session
from .session.transcript.hypothesis import Hypothesis, RecognizedSegment
from .session.vad import Samples
from .sources.microphone import Captured

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
"""The shape of `small` with three labels."""


class FakeEngine:
    """Answers every request at once, with real pooling over features that are plain functions of each frame's samples.

    A frame's features are its level and its zero crossings, its attention score is its level: cheap, exact, and
    different for every frame, so that a frame left out, or counted twice, shows.
    """

    def __init__(self, contract: ModelContract = CONTRACT) -> None:
        self.contract = contract
        self.windows = 0

    def features(self, audio: Samples) -> npt.NDArray[np.float32]:
        """Features (T, 2) of audio (lookback + T * frame,)."""
        frames = audio[self.contract.lookback :].reshape(-1, self.contract.frame)
        level = np.log10(np.mean(frames**2, 1) + 1e-8) / 4.0
        crossings = np.mean(np.diff(np.signbit(frames).astype(np.int8), axis=1) != 0, axis=1) * 4.0
        return np.stack([level, crossings], 1).astype(np.float32)

    def __call__(self, requests: Sequence[Request]) -> list[Result]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Request) -> Result:
        if isinstance(request, Transcribe):
            return Done(request.id, self.hear(request))
        return self._encode(request) if isinstance(request, Encode) else self._read(request)

    def hear(self, request: Transcribe) -> Hypothesis:
        """A word for each whole 0.4 s of the audio, by its level and its crossings: what was said in it, in a way.

        The last word of a pass is doubtful, as a real recognizer's: it is another one in the next pass.
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
        features = self.features(request.audio)[first:last]
        scores = features[:, :1] * 3.0
        peak = scores.max(0)
        weight = np.exp(scores - peak)
        mass = weight.sum(0)
        mean = (weight * features).sum(0) / mass
        variance = (weight * (features - mean) ** 2).sum(0) / mass
        state = SoftmaxState(peak[None], mass[None], mean[None, None], variance[None, None])
        return Done(request.id, Summary(state, scores))

    def _read(self, request: Read) -> Done:
        state = request.state
        assert isinstance(state, SoftmaxState)
        mean, variance = state.mean.reshape(-1), state.variance.reshape(-1)
        sample = None
        if request.learn:
            alone = self.reading(mean, variance)
            sample = SpeakerSample(mean, calmness(self.contract.labels, alone.scores))
        known = request.speaker
        heard = mean if known is None else mean - known.weight / (known.weight + 1) * known.mean
        return Done(request.id, replace(self.reading(heard, variance), voice=sample))

    def reading(self, mean: npt.NDArray[np.float32], variance: npt.NDArray[np.float32]) -> Reading:
        """What pooled features (2,) say, the voice's baseline taken away."""
        logits = np.zeros(len(self.contract.labels), np.float64)
        pooled = [*mean.tolist(), *np.sqrt(variance).tolist()]
        for place, value in enumerate(pooled):
            logits[place % len(logits)] += (place + 1) * value
        scores = np.exp(logits - logits.max())
        scores = (scores / scores.sum()).astype(np.float32)
        dimensions = np.tanh(np.asarray(pooled[: len(self.contract.dimensions)], np.float32))
        return decide(self.contract.labels, scores, dimensions, 0.0)


class FakeClock:
    """A clock that goes on only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def voice(seconds: float, pitch_hz: float = 140.0, level: float = 0.1, seed: int = 0) -> Samples:
    """A made voice that the detector takes for one: a pulse train through three resonances, swelling by syllables."""
    count = round(seconds * SAMPLE_RATE)
    time = np.arange(count) / SAMPLE_RATE
    random = np.random.default_rng(seed)
    wobble = pitch_hz * (1 + 0.05 * np.sin(2 * np.pi * 0.7 * time + random.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(wobble) / SAMPLE_RATE
    sound = np.zeros(count)
    for harmonic in range(1, int(4_000 / pitch_hz)):
        hz = harmonic * pitch_hz
        gain = sum(1 / (1 + ((hz - centre) / 120.0) ** 2) for centre in (550.0, 1_400.0, 2_500.0))
        sound += gain * np.sin(harmonic * phase)
    swell = 0.55 + 0.45 * np.sin(2 * np.pi * 3.5 * time + random.uniform(0, 6))
    sound = sound * swell + 0.002 * random.standard_normal(count)
    scaled: Samples = (level * sound / (np.abs(sound).max(initial=0.0) + 1e-9)).astype(np.float32)
    return scaled


def silence(seconds: float, noise: float = 1e-4, seed: int = 0) -> Samples:
    """A quiet room."""
    count = round(seconds * SAMPLE_RATE)
    return (noise * np.random.default_rng(seed).standard_normal(count)).astype(np.float32)


def run(
    session: Session, engine: FakeEngine, blocks: Iterable[npt.NDArray[np.generic]], finish: bool = True
) -> list[AnyEvent]:
    """All events of a session that hears `blocks`, each request answered at once."""
    events: list[AnyEvent] = []
    for block in blocks:
        events += settle(session, engine, *session.feed(block))
    if finish:
        events += settle(session, engine, *session.finish())
    return events


def settle(session: Session, engine: FakeEngine, events: list[AnyEvent], requests: list[Request]) -> list[AnyEvent]:
    """Answer requests until there are none; all events that this brings."""
    events = list(events)
    while requests:
        more, requests = session.apply(engine(requests))
        events += more
    return events


def differences(one: Iterable[Event], other: Iterable[Event], tolerance: float = 1e-5) -> list[str]:
    """How two runs differ, in words; empty when they are the same events.

    Wall time (`session.created`, `status`, `latency`) does not count. A label may differ only where the best two
    scores are within the tolerance.
    """
    ours, theirs = ([e for e in events if not isinstance(e, SessionCreated | Status)] for events in (one, other))
    if len(ours) != len(theirs):
        return [f"{len(ours)} events against {len(theirs)}"]
    return [line for a, b in zip(ours, theirs, strict=True) for line in _differ(a, b, tolerance)]


def _differ(a: Event, b: Event, tolerance: float) -> list[str]:
    import msgspec

    if a.type != b.type:
        return [f"{a.type} against {b.type}"]
    return [f"{a.type}{path}" for path in _paths(msgspec.to_builtins(a), msgspec.to_builtins(b), tolerance)]


def _paths(a: object, b: object, tolerance: float) -> list[str]:
    """Where two plain values differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return [f": fields {sorted(a)} against {sorted(b)}"]
        tied = False
        if isinstance(a.get("scores"), dict):
            first, second = sorted(a["scores"].values())[-2:]
            tied = first - second <= 2 * tolerance or second - first <= 2 * tolerance
        skip = {"latency"} | ({"label"} if tied else set())
        return [f".{key}{path}" for key in a if key not in skip for path in _paths(a[key], b[key], tolerance)]
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return [f": {len(a)} items against {len(b)}"]
        return [f"[{i}]{path}" for i, (x, y) in enumerate(zip(a, b, strict=True)) for path in _paths(x, y, tolerance)]
    if isinstance(a, float) and isinstance(b, float):
        return [] if abs(a - b) <= tolerance else [f": {a} against {b}"]
    return [] if a == b else [f": {a!r} against {b!r}"]


class FakeSource:
    """A live source that gives its blocks as fast as they are asked for, then ends, goes on in silence, or breaks.

    audio    (n,) samples at 16 kHz
    then     "silence", or what is raised after the last block; None ends
    block    samples in one block
    pause_s  wall time that each block takes
    """

    def __init__(
        self, audio: Samples, *, then: BaseException | str | None = None, block: int = 800, pause_s: float = 0.0
    ) -> None:
        self.name, self.sample_rate, self.channels, self.waiting_s = "fake", SAMPLE_RATE, 1, 0.0
        self.blocks = [audio[i : i + block, None] for i in range(0, len(audio), block)]
        self.then, self.pause_s, self.closed, self.held = then, pause_s, False, False

    def read(self, timeout_s: float) -> Captured | None:
        """The next block."""
        if self.pause_s:
            sleep(self.pause_s)
        if self.blocks:
            return Captured(self.blocks.pop(0))
        if isinstance(self.then, BaseException):
            raise self.then
        if self.then == "silence":
            sleep(min(timeout_s, 0.01))
            return Captured(np.zeros((160, 1), np.float32))
        return None

    def hold(self, held: bool) -> None:
        """Remembered in `held`."""
        self.held = held

    def close(self) -> None:
        """Remembered in `closed`."""
        self.closed = True
