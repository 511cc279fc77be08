"""From samples to one decision a frame: webrtcvad at once, Silero's probabilities as soon as they are answered.

webrtcvad costs little and judges each frame when it arrives. Silero is a network, and a session calls no model: it asks
for probabilities by a `DetectVoice` request, for the stretches in which webrtcvad detects something. Frames wait here,
in audio order, until their probability is there. What is asked depends on the audio alone, never on when answers come.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from .requests import DetectVoice, VoiceProbabilities
from .second_look import AUDIO, slowed
from .vad import FRAME, Samples, VadState, VoiceDetector, Voicing
from .voice_gate import Backend, Decision, GateState, VoiceGate

CHUNK = 512  # samples that Silero judges at once
CONTEXT = 64  # samples before a chunk that it also sees
RUN_IN = 16 * FRAME  # a stretch begins so long before the first frame in which webrtcvad detects a beginning
QUIET = 25 * FRAME  # a stretch ends after so much in which webrtcvad detects none
LONGEST = 1_000 * FRAME  # 20 s: then the network's memory starts afresh, as it loses confidence without a reset
RENEW = 500 * FRAME  # 10 s of silence, after which webrtcvad starts afresh
VOICINGS = [Voicing(bool(bits & 1), bool(bits & 2), bool(bits & 4)) for bits in range(8)]  # by `frames` of the state


def fresh_network() -> npt.NDArray[np.float32]:
    """The network's memory (2, 128) at the beginning of a stretch."""
    return np.zeros((2, 128), np.float32)


@dataclass
class Stretch:
    """Audio from sample `start` to `end` (None while it goes on) in which the network listens.

    first          from this sample on its probabilities count; what comes before lets its memory adapt
    asked          chunks that were asked for
    probabilities  of the chunks answered so far; None where there was no answer
    network        its memory after those
    """

    start: int
    first: int
    end: int | None = None
    asked: int = 0
    probabilities: list[float | None] = field(default_factory=list)
    network: npt.NDArray[np.float32] = field(default_factory=fresh_network)

    def chunks(self, judged: int) -> int:
        """Chunks that are complete when webrtcvad has judged up to `judged`; of an ended stretch the last is padded."""
        if self.end is not None:
            return -(-(self.end - self.start) // CHUNK)
        return (judged - self.start) // CHUNK


@dataclass
class Look:
    """A second look at the audio before sample `end`, for which the frame that ends there waits.

    asked  its request was made
    found  whether it shows a voice; None as long as there is no answer
    """

    end: int
    asked: bool = False
    found: bool | None = None


@dataclass
class VoiceActivityState:
    """What the voice activity detection remembers; saved with the session.

    judged     samples that webrtcvad has judged
    frames     its decisions from the next frame to be taken up to `judged`: starts, continues, precedes as bits 1, 2, 4
    quiet      unbroken samples before `judged` that webrtcvad does not take for a voice
    idle       unbroken samples before `judged` in which no utterance can begin
    levelled   16-bit samples up to `judged`, brought to a common level as webrtcvad gets them: the network, too, misses
               a voice that is too quiet
    renewed    sample at which it was last made anew
    stretches  in which the network listens, oldest first; those that are used up are gone
    waiting    a request is open: for a look, else for the chunks of a stretch that were asked for and not answered
    decided    samples whose decisions were given
    look       for which the next frame waits
    """

    judged: int = 0
    frames: list[int] = field(default_factory=list)
    quiet: int = 0
    idle: int = 0
    levelled: bytearray = field(default_factory=bytearray)
    renewed: int = 0
    stretches: list[Stretch] = field(default_factory=list)
    waiting: bool = False
    decided: int = 0
    look: Look | None = None
    webrtc: VadState = field(default_factory=VadState)
    gate: GateState = field(default_factory=GateState)


class VoiceActivity:
    """Owned by a session's front: `accept` takes audio, `decide` gives the decisions that can be made."""

    def __init__(self, backend: Backend, threshold: float, min_speech: int, state: VoiceActivityState) -> None:
        self.backend, self.state = backend, state
        self._detector = VoiceDetector(threshold, state.webrtc)
        self.gate = VoiceGate(backend, threshold, min_speech, state.gate)

    def accept(self, audio: Samples) -> None:
        """The next whole frames of 320 samples, from `state.judged` on."""
        s = self.state
        network = self.backend != "webrtc"
        for voicing, pcm in self._detector.judge(audio):
            starts, continues, precedes = voicing
            begin, s.judged = s.judged, s.judged + FRAME
            s.frames.append(starts + 2 * continues + 4 * precedes)
            s.quiet = 0 if continues else s.quiet + FRAME
            if network:
                s.levelled += pcm
                # Frames that only keep an utterance going are left out: webrtcvad takes many a room for those.
                active = starts or (precedes and continues) or self.backend == "silero"
                s.idle = 0 if active else s.idle + FRAME
                self._stretch(begin)
            if s.quiet == QUIET or s.judged - s.renewed >= (RENEW if s.quiet else 2 * RENEW):
                self._renew()

    def cut(self, at: int) -> None:
        """Audio goes on afresh at sample `at`, which may lie within a frame."""
        s = self.state
        if s.stretches and s.stretches[-1].end is None:
            s.stretches[-1].end = s.judged
        s.levelled += bytes(2 * (at - s.judged) if self.backend != "webrtc" else 0)
        s.judged, s.quiet, s.idle = at, 0, 0
        self._renew()

    def decide(self, position: int, until: int) -> Iterator[Decision]:
        """Decisions of the frames from sample `position` to `until`, as far as they can be made, in audio order."""
        s = self.state
        s.decided = position
        while s.frames and position + FRAME <= until:
            known, probability = self._probability(position + FRAME // 2)
            if not known:
                return
            voicing = VOICINGS[s.frames[0]]
            if s.look is None and self.gate.doubts(voicing, probability):
                s.look = Look(position + FRAME)
            if s.look is not None and s.look.found is None:
                return
            found = None if s.look is None else s.look.found
            s.look = None
            s.frames.pop(0)
            s.decided = position = position + FRAME
            yield self.gate.judge(voicing, probability, found)

    def ask(self, new_id: Callable[[], int]) -> DetectVoice | None:
        """The next request, with an id of `new_id`, if none is open and a chunk is complete."""
        s = self.state
        if s.waiting:
            return None
        if s.look is not None and not s.look.asked:
            s.waiting = s.look.asked = True
            audio = slowed(self._between(max(0, s.look.end - AUDIO), s.look.end), CHUNK)
            return DetectVoice(new_id(), np.concatenate([np.zeros(CONTEXT, np.float32), audio]), fresh_network())
        self._discard()
        stretch = next((x for x in s.stretches if x.asked < x.chunks(s.judged)), None)
        if stretch is None:
            return None
        first, last = stretch.asked, stretch.chunks(s.judged)
        begin, end = stretch.start + first * CHUNK, stretch.start + last * CHUNK
        context = CONTEXT if first else 0  # before the beginning of a stretch there is silence
        samples = self._between(begin - context, min(end, s.judged if stretch.end is None else stretch.end))
        whole = np.zeros(CONTEXT + end - begin, np.float32)
        whole[CONTEXT - context : CONTEXT - context + len(samples)] = samples
        stretch.asked = last
        s.waiting = True
        return DetectVoice(new_id(), whole, stretch.network)

    def answer(self, value: VoiceProbabilities | None) -> None:
        """The result of the open request; None when there is none, and webrtcvad decides alone."""
        s = self.state
        s.waiting = False
        if s.look is not None and s.look.asked and s.look.found is None:
            s.look.found = value is not None and self.gate.look.shows_voice(value.probabilities, CHUNK)
            return
        stretch = next(x for x in s.stretches if x.asked > len(x.probabilities))
        if value is None:
            stretch.probabilities += [None] * (stretch.asked - len(stretch.probabilities))
            stretch.network = fresh_network()
        else:
            stretch.probabilities += value.probabilities
            stretch.network = value.network

    def _between(self, begin: int, end: int) -> Samples:
        """Levelled samples `begin` to `end`, in [-1, 1]."""
        s = self.state
        first = s.judged - len(s.levelled) // 2
        assert first <= begin, "audio that is still needed was discarded"
        samples = np.frombuffer(s.levelled[2 * (begin - first) : 2 * (end - first)], "<i2")
        return samples.astype(np.float32) / np.float32(32_768)

    def _discard(self) -> None:
        """Forget the samples that no later request needs."""
        s = self.state
        unasked = [x.start + x.asked * CHUNK for x in s.stretches if x.end is None or x.asked < x.chunks(s.judged)]
        oldest = min([s.judged - RUN_IN, s.decided + FRAME - AUDIO, *unasked])
        surplus = len(s.levelled) // 2 - (s.judged - oldest + CONTEXT)
        if surplus > 0:
            del s.levelled[: 2 * surplus]

    def _probability(self, at: int) -> tuple[bool, float | None]:
        """Whether the probability at sample `at` is known, and what it is; 0 where the network does not listen."""
        s = self.state
        while s.stretches and (end := s.stretches[0].end) is not None and at >= end and self._answered(s.stretches[0]):
            s.stretches.pop(0)
        if self.backend == "webrtc":
            return True, None
        for stretch in s.stretches:
            if stretch.first <= at and (stretch.end is None or at < stretch.end):
                chunk = (at - stretch.start) // CHUNK
                if chunk >= len(stretch.probabilities):
                    return False, None
                return True, stretch.probabilities[chunk]
        return True, 0.0

    def _answered(self, stretch: Stretch) -> bool:
        return len(stretch.probabilities) >= stretch.chunks(self.state.judged)

    def _stretch(self, begin: int) -> None:
        """Begin, go on with, or end the stretch in which the network listens, after the frame at sample `begin`."""
        s = self.state
        current = s.stretches[-1] if s.stretches and s.stretches[-1].end is None else None
        if current is None:
            if s.idle == 0:
                s.stretches.append(Stretch(max(0, begin - RUN_IN), begin))
        elif s.idle >= QUIET:
            current.end = s.judged
        elif s.judged - current.start >= LONGEST:
            current.end = s.judged
            s.stretches.append(Stretch(s.judged - RUN_IN, s.judged))

    def _renew(self) -> None:
        self._detector.reset()
        self.state.renewed = self.state.judged
