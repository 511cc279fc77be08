"""From voiced frames to utterances, complete windows and due readings; every decision is made in audio time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from emoscope.models.contract import ModelContract
from emoscope.models.windows import (
    Window,
    at_once,
    complete_at,
    complete_windows,
    next_window,
    now_window,
    owned_from,
)

from ..protocol.config import Config, to_samples
from .vad import FRAME
from .voice_gate import Decision, longest_lead

Reason = Literal["silence", "max", "flush", "finish"]

LEAD_IN = to_samples(0.3)  # an utterance begins at most this long before the frames that prove it


@dataclass(frozen=True)
class UtteranceStarted:
    """An utterance began at sample `start`.

    late    samples of its speech beyond `min_speech_s`, up to the end of the frame that proved it
    """

    utterance: int
    start: int
    late: int = 0


@dataclass(frozen=True)
class WindowComplete:
    """A grid window, or several cells, are complete, and speech was confirmed up to its end: it is pooled for good."""

    window: Window


@dataclass(frozen=True)
class InterimDue:
    """An interim reading is due at sample `at`.

    window  ends there and owns the frames that no complete window owns; None when there are no such frames. All its
            parts but the last are complete cells
    """

    at: int
    window: Window | None


@dataclass(frozen=True)
class UtteranceEnded:
    """The utterance is over.

    reason   silence, its greatest length (`max`), or a call of `flush` or `finish`
    closing  the window that owns the frames that no complete window owns; None when there are no such frames
    """

    utterance: int
    start: int
    end: int
    reason: Reason
    closing: Window | None


Action = UtteranceStarted | WindowComplete | InterimDue | UtteranceEnded


@dataclass
class SegmenterState:
    """Everything that the segmenter remembers. All but `utterances` and `speaking` are samples of the session's clock.

    position        what was judged so far; the next detector frame begins here
    utterances      how many have begun, which is also the current one's number
    speaking        inside an utterance
    start           of the current utterance
    last_voiced     end of its last voiced frame
    committed       how many of its grid windows or cells are complete, and part of an action
    interims        how many of its interim readings were due
    run_start       where the unbroken frames begin that end at `position` and may belong to the next utterance; never
                    before the end of the last one
    ended           end of the last utterance, or the last cut: no later one begins before it
    """

    position: int = 0
    utterances: int = 0
    speaking: bool = False
    start: int = 0
    last_voiced: int = 0
    committed: int = 0
    interims: int = 0
    run_start: int = 0
    ended: int = 0


class Segmenter:
    """Cuts one voice into utterances: `step` takes one detector frame, `cut` ends the current utterance.

    The rules for windows and readings are those of models/README.md.
    """

    def __init__(
        self,
        contract: ModelContract,
        config: Config,
        state: SegmenterState | None = None,
    ) -> None:
        self.contract, self.config = contract, config
        self.state = SegmenterState() if state is None else state
        self._min_speech = to_samples(config.vad.min_speech_s)
        self._longest_lead = longest_lead(self._min_speech)
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
            if c.reach:
                need = max(s.start, s.start + owned_from(c, s.committed) - c.reach)
            else:
                next_grid = s.start + s.committed * c.hop
                latest_now = max(s.start, s.last_voiced - c.window - c.frame)
                need = min(next_grid, latest_now)
        else:
            need = max(s.ended, s.position - LEAD_IN - self._longest_lead)
        return need - c.lookback

    def step(self, decision: Decision) -> Iterator[Action]:
        """Take the decision about the next 320 samples; yields what follows, in audio order."""
        s = self.state
        s.position += FRAME
        if s.speaking:
            yield from self._continue(decision.voiced)
        else:
            yield from self._wait(decision)

    def cut(self, at: int, reason: Reason) -> Iterator[Action]:
        """End the current utterance, if there is one, at sample `at`; what follows is judged afresh."""
        s = self.state
        if s.speaking:
            yield from self._end(min(s.last_voiced + self._tail, at), reason)
        s.position = s.run_start = s.ended = at

    def _wait(self, decision: Decision) -> Iterator[Action]:
        s = self.state
        if not decision.precedes:
            s.run_start = s.position
        if not decision.begins:
            return
        # An utterance must not begin longer ago than it may last.
        earliest = max(s.ended, s.position - min(decision.lead + LEAD_IN, self._max))
        start = max(earliest, min(s.run_start, s.position - decision.sure))
        yield from self._begin(start, max(0, decision.lead - self._min_speech))
        yield from self._voiced(s.position)

    def _begin(self, start: int, late: int = 0) -> Iterator[Action]:
        s = self.state
        s.speaking, s.start, s.last_voiced = True, start, start
        s.utterances += 1
        s.committed = s.interims = 0
        yield UtteranceStarted(s.utterances, start, late)

    def _continue(self, voiced: bool) -> Iterator[Action]:
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
            yield from self._begin(limit)
            yield from self._voiced(s.position)
        else:
            yield from self._end(min(s.last_voiced + self._tail, limit), "max")
            s.run_start = s.position

    def _finish_silence(self) -> Iterator[Action]:
        s = self.state
        yield from self._end(s.last_voiced + self._tail, "silence")
        s.run_start = s.position

    def _voiced(self, until: int) -> Iterator[Action]:
        """Speech is confirmed up to `until`: yield the windows that it completes and the readings that it makes due."""
        s, c = self.state, self.contract
        s.last_voiced = until
        while True:
            full = s.committed + at_once(c)
            commit_at = s.start + complete_at(c, full - 1)
            due_at = s.start + (s.interims + 1) * self._interval
            # A reading due at t belongs to the detector frame that contains t, a window that ends at t to the last one.
            if commit_at <= until and commit_at <= due_at:
                yield WindowComplete(next_window(c, s.start, s.committed))
                s.committed = full
            elif due_at < until:
                s.interims += 1
                at = s.start + s.interims * self._interval // c.frame * c.frame
                if self.config.interim and at > s.start:
                    yield InterimDue(at, now_window(c, s.start, at, s.committed))
                    s.committed = complete_windows(c, at - s.start)
            else:
                return

    def _skip_interims(self, until: int) -> None:
        """Skip the readings that are due in silence: nothing new was spoken."""
        s = self.state
        while s.start + (s.interims + 1) * self._interval < until:
            s.interims += 1

    def _end(self, at: int, reason: Reason) -> Iterator[Action]:
        s, c = self.state, self.contract
        end = s.start + (at - s.start) // c.frame * c.frame
        while complete_at(c, s.committed + at_once(c) - 1) <= end - s.start:
            yield WindowComplete(next_window(c, s.start, s.committed))
            s.committed += at_once(c)
        yield UtteranceEnded(s.utterances, s.start, end, reason, now_window(c, s.start, end, s.committed))
        s.speaking, s.ended = False, at
