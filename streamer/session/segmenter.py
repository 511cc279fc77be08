"""From voiced frames to utterances, windows and readings that are due: all of it decided in audio time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from emoscope.models.contract import ModelContract
from emoscope.models.windows import Window, complete_windows, grid_window, now_window

from ..protocol.config import Config, to_samples
from .vad import FRAME, Samples, VadState, VoiceDetector

Reason = Literal["silence", "max", "flush", "finish"]

LEAD = to_samples(0.3)  # an utterance begins at most so long before the frames that prove it
RENEW = to_samples(10.0)  # of silence, after which the detector starts afresh


@dataclass(frozen=True)
class Started:
    """Speech began at sample `start`."""

    utterance: int
    start: int


@dataclass(frozen=True)
class Commit:
    """A grid window is complete, and speech went on to its end: its owned frames are pooled for good."""

    window: Window


@dataclass(frozen=True)
class Due:
    """An interim reading is due at sample `at`; `now` is None when the committed windows own every frame."""

    at: int
    now: Window | None


@dataclass(frozen=True)
class Ended:
    """The utterance is over; `closing` owns the frames that no committed window owns."""

    utterance: int
    start: int
    end: int
    reason: Reason
    closing: Window | None


Action = Started | Commit | Due | Ended


@dataclass
class SegmenterState:
    """Everything the segmenter remembers, in samples of the session's clock.

    position     what was judged so far; the next detector frame begins here
    utterances   begun so far; the current one's number
    speaking     inside an utterance
    start        of the current utterance
    last_voiced  end of its last voiced frame
    committed    its grid windows committed so far
    interims     its interims that were due so far
    run_start    of the unbroken frames that lead up to `position` and may begin a voice, never before the last
                 utterance's end
    strict       unbroken strictly voiced samples that lead up to `position`
    renewed      where the detector was last made anew
    """

    position: int = 0
    utterances: int = 0
    speaking: bool = False
    start: int = 0
    last_voiced: int = 0
    committed: int = 0
    interims: int = 0
    run_start: int = 0
    strict: int = 0
    renewed: int = 0


class Segmenter:
    """Cuts one voice into utterances. `step` takes one detector frame, `cut` ends what is going on."""

    def __init__(
        self,
        contract: ModelContract,
        config: Config,
        state: SegmenterState | None = None,
        voice: VadState | None = None,
    ) -> None:
        self.contract, self.config = contract, config
        self.state = SegmenterState() if state is None else state
        self.detector = VoiceDetector(config.vad.threshold, voice)
        self._min_speech = to_samples(config.vad.min_speech_s)
        self._min_silence = to_samples(config.vad.min_silence_s)
        self._tail = min(contract.tail, self._min_silence)
        self._interval = to_samples(config.interval_s)
        frame = contract.frame
        self._max = to_samples(config.vad.max_utterance_s) // frame * frame

    @property
    def keep_from(self) -> int:
        """First sample that a later window may still need, lookback included."""
        s, c = self.state, self.contract
        if s.speaking:
            next_grid = s.start + s.committed * c.hop
            latest_now = max(s.start, s.last_voiced - c.window - c.frame)
            need = min(next_grid, latest_now)
        else:
            need = max(s.run_start, s.position - LEAD - self._min_speech)
        return need - c.lookback

    def step(self, frame: Samples) -> Iterator[Action]:
        """Judge the next 320 samples; yields what follows from them, in audio order."""
        s = self.state
        voicing = self.detector.judge(frame)
        begin, s.position = s.position, s.position + FRAME
        if s.speaking:
            yield from self._go_on(begin, voicing.loose)
        else:
            yield from self._wait(voicing.onset, voicing.strict)

    def cut(self, at: int, reason: Reason) -> Iterator[Action]:
        """End the current utterance, if any, at sample `at`, and start listening afresh from there."""
        s = self.state
        if s.speaking:
            yield from self._end(min(s.last_voiced + self._tail, at), reason)
        s.position = s.run_start = at
        s.strict = 0
        self._renew()

    def _wait(self, onset: bool, strict: bool) -> Iterator[Action]:
        s = self.state
        if not onset:
            s.run_start = s.position
        s.strict = s.strict + FRAME if strict else 0
        if s.strict < self._min_speech:
            quiet = s.run_start == s.position
            if s.position - s.renewed >= (RENEW if quiet else 2 * RENEW):
                self._renew()
            return
        # Never longer than an utterance may be, or it would be over before it began.
        start = max(s.run_start, s.position - min(s.strict + LEAD, self._max))
        yield from self._begin(start)
        yield from self._voiced(s.position)

    def _begin(self, start: int) -> Iterator[Action]:
        s = self.state
        s.speaking, s.start, s.last_voiced = True, start, start
        s.utterances += 1
        s.committed = s.interims = s.strict = 0
        yield Started(s.utterances, start)

    def _go_on(self, begin: int, voiced: bool) -> Iterator[Action]:
        s = self.state
        limit = s.start + self._max
        if s.position < limit:
            if voiced:
                yield from self._voiced(s.position)
            else:
                self._skip_interims(s.position)
                if s.position - s.last_voiced >= self._min_silence:
                    yield from self._finish_silence()
            return
        if voiced:
            yield from self._voiced(limit)
            yield from self._end(limit, "max")
            self._renew()
            yield from self._begin(limit)
            yield from self._voiced(s.position)
        else:
            yield from self._end(min(s.last_voiced + self._tail, limit), "max")
            s.run_start = s.position
            self._renew()

    def _finish_silence(self) -> Iterator[Action]:
        s = self.state
        yield from self._end(s.last_voiced + self._tail, "silence")
        s.run_start = s.position
        self._renew()

    def _voiced(self, until: int) -> Iterator[Action]:
        """Speech is confirmed up to `until`: commit what it completes, read what it makes due."""
        s, c = self.state, self.contract
        s.last_voiced = until
        while True:
            commit_at = s.start + s.committed * c.hop + c.window
            due_at = s.start + (s.interims + 1) * self._interval
            # A reading due at t belongs to the detector frame that contains t, a window ends with the frame before.
            if commit_at <= until and commit_at <= due_at:
                yield Commit(grid_window(c, s.start, s.committed))
                s.committed += 1
            elif due_at < until:
                s.interims += 1
                at = s.start + s.interims * self._interval // c.frame * c.frame
                if self.config.interim and at > s.start:
                    yield Due(at, now_window(c, s.start, at, s.committed))
            else:
                return

    def _skip_interims(self, until: int) -> None:
        """Readings due in silence are not made: nothing new was said."""
        s = self.state
        while s.start + (s.interims + 1) * self._interval < until:
            s.interims += 1

    def _end(self, at: int, reason: Reason) -> Iterator[Action]:
        s, c = self.state, self.contract
        end = s.start + (at - s.start) // c.frame * c.frame
        for k in range(s.committed, complete_windows(c, end - s.start)):
            yield Commit(grid_window(c, s.start, k))
            s.committed += 1
        yield Ended(s.utterances, s.start, end, reason, now_window(c, s.start, end, s.committed))
        s.speaking = False

    def _renew(self) -> None:
        self.detector.renew()
        self.state.renewed = self.state.position
