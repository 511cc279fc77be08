"""From window summaries to readings: steps are planned in audio order, and taken as their results arrive."""

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Reading

from ..protocol.config import SAMPLE_RATE, Config
from ..protocol.events import Enrolled, SessionClosed, SpeechEnded, SpeechStarted, Totals, words_to_text
from .attention import frame_shares, spans, under_words
from .baseline import BaselineState
from .open_requests import OpenReading, OpenRequests
from .outbox import Outbox, PendingReading
from .pooling import Pooled, Pooling
from .reading_events import reading_event
from .requests import Encode, Read
from .segmenter import Reason
from .steps import (
    AssemblyState,
    BeginUtterance,
    CloseSession,
    EncodedWindow,
    EnrollSpeaker,
    ForgetSpeaker,
    MergeWindow,
    ReadingDue,
    Step,
)
from .transcript.state import UtteranceWords


class Assembly:
    """Turns what the segmenter found, and the results of requests, into events.

    A step is planned when the audio calls for it, and taken when it is the first one and its results are there. So
    results may arrive in any order, and the events depend on the audio and on the values of the results alone.
    """

    def __init__(
        self,
        contract: ModelContract,
        config: Config,
        state: AssemblyState,
        pooling: Pooling,
        baseline: BaselineState,
        outbox: Outbox,
        requests: OpenRequests,
    ) -> None:
        self.contract, self.config, self.state = contract, config, state
        self._pooling, self._baseline, self._outbox, self._requests = pooling, baseline, outbox, requests

    def plan_utterance(self, utterance: int, start: int) -> None:
        """Speech began at sample `start`."""
        self._outbox.add(SpeechStarted(seq=0, utterance=utterance, start=start / SAMPLE_RATE))
        self.state.steps.append(BeginUtterance(utterance, start))

    def plan_merge(self, request: Encode) -> None:
        """A window is complete: merge its parts into the utterance."""
        self._requests.add_window(request, interim=False)
        self.state.steps.append(MergeWindow(request.id, request.window))

    def plan_interim(self, end: int, request: Encode | None, words_from: int | None) -> None:
        """Read the utterance up to sample `end`, with the words of pass `words_from`, if any.

        request  for the window that holds the frames that no merged window owns; None when there are none. All its
                 parts but the last are merged into the utterance
        """
        if request is not None:
            self._requests.add_window(request, interim=True)
        self.state.steps.append(_reading_due(self._outbox.reserve(), end, request, words_from))

    def plan_speech_end(self, utterance: int, start: int, end: int, reason: Reason) -> None:
        """The utterance ended at sample `end`; its transcript and `plan_final` follow."""
        start_s, end_s = start / SAMPLE_RATE, end / SAMPLE_RATE
        self._outbox.add(SpeechEnded(seq=0, utterance=utterance, start=start_s, end=end_s, reason=reason))

    def plan_final(self, end: int, request: Encode | None, words_from: int | None) -> None:
        """Read the whole utterance, then the mood; the arguments are those of `plan_interim`."""
        if request is not None:
            self._requests.add_window(request, interim=False)
        entry = self._outbox.reserve()
        self.state.steps.append(_reading_due(entry, end, request, words_from, mood_entry=self._outbox.reserve()))

    def plan_forget(self) -> None:
        """Start mood and baseline afresh, after everything that is planned already."""
        self.state.steps.append(ForgetSpeaker())

    def plan_enrollment(self, samples: int) -> None:
        """Learn the speaker from the next `samples` of speech."""
        self.state.steps.append(EnrollSpeaker(samples))

    def plan_close(self, audio: int) -> None:
        """End the session after `audio` samples."""
        self.state.steps.append(CloseSession(self._outbox.reserve(), audio))

    def accept_window(self, request: int, encoded: EncodedWindow) -> None:
        """The result of a request to encode, kept until its step is taken."""
        self.state.encoded[request] = encoded

    def accept_words(self, pass_id: int, words: UtteranceWords) -> None:
        """The words of a transcript pass, kept while a reading may count them."""
        self.state.words[pass_id] = words

    def accept_reading(
        self, open_reading: OpenReading, reading: Reading | None, queue_ms: float, infer_ms: float
    ) -> None:
        """The result of a request to read; None when it was dropped, late or failed."""
        entry, baseline = open_reading.entry, self._baseline
        pending = self._outbox.find(entry).pending
        assert pending is not None
        pending.queue_ms += queue_ms
        pending.infer_ms += infer_ms
        self._complete(entry, pending, reading)
        if baseline.waits_for == open_reading.request.id:
            enrolled_s = baseline.learn_from(reading, pending.end - pending.start)
            if enrolled_s is not None:
                assert pending.mood_entry is not None, "only a final teaches the baseline"
                self._outbox.insert_after(pending.mood_entry, Enrolled(seconds=enrolled_s))

    def advance(self) -> None:
        """Take every step that can be taken, and request the readings that become due."""
        steps = self.state.steps
        while steps and self._baseline.waits_for is None and self._has_results(steps[0]):
            self._take(steps.pop(0))

    def _has_results(self, step: Step) -> bool:
        s = self.state
        match step:
            case MergeWindow():
                return step.encode in s.encoded
            case ReadingDue():
                has_window = step.encode is None or step.encode in s.encoded
                return has_window and (step.words_from is None or step.words_from in s.words)
        return True

    def _take(self, step: Step) -> None:
        s = self.state
        match step:
            case BeginUtterance(utterance, start):
                s.utterance, s.start, s.rev = utterance, start, 0
                self._pooling.begin()
            case MergeWindow(encode, window):
                self._pooling.merge(s.encoded.pop(encode).summary, window)
            case ReadingDue():
                self._read(step)
            case ForgetSpeaker():
                self._pooling.forget_mood()
                self._baseline.forget(self.config.baseline)
            case EnrollSpeaker(samples):
                self._baseline.enroll(samples)
            case CloseSession(entry, audio):
                self._outbox.fill(entry, self._closed(audio))

    def _read(self, step: ReadingDue) -> None:
        s = self.state
        encoded = EncodedWindow(None) if step.encode is None else s.encoded.pop(step.encode)
        pooled = self._pool(step, encoded)
        if not step.final:
            s.rev += 1
        if pooled is None:
            self._outbox.fill(step.entry, None)
            return
        words = None if step.words_from is None else s.words[step.words_from]
        pending = self._pending(step, pooled, encoded, words)
        self._request_reading(step.entry, pending, pooled.pool)
        self._forget_words(step)
        if step.mood_entry is not None:
            s.speech += step.end - s.start
            mood = self._pooling.state.mood
            start = s.start if mood is None else self._pooling.state.mood_start
            self._request_reading(step.mood_entry, PendingReading("mood", s.utterance, start, step.end), mood)

    def _pool(self, step: ReadingDue, encoded: EncodedWindow) -> Pooled | None:
        """What the reading is computed from; None for an interim that was skipped, or whose window was lost."""
        if step.window is not None:
            self._pooling.merge(encoded.summary, step.window, last=step.final or step.skipped)
        if step.skipped:
            return None
        if step.final or step.window is None:
            return self._pooling.current
        return None if encoded.summary is None else self._pooling.preview(encoded.summary, step.window)

    def _pending(
        self, step: ReadingDue, pooled: Pooled, encoded: EncodedWindow, words: UtteranceWords | None
    ) -> PendingReading:
        s = self.state
        shares = frame_shares(self.contract, pooled.pool, pooled.scores)
        return PendingReading(
            kind="final" if step.final else "interim",
            utterance=s.utterance,
            start=s.start,
            end=step.end,
            rev=s.rev,
            segments=pooled.segments,
            attention=spans(self.contract, shares),
            window=self.contract.window if step.window is None else step.window.end - step.window.start,
            queue_ms=encoded.queue_ms,
            infer_ms=encoded.infer_ms,
            words=words,
            word_attention=under_words(self.contract, shares, words.words) if words is not None and step.final else [],
            mood_entry=step.mood_entry,
        )

    def _forget_words(self, step: ReadingDue) -> None:
        """Drop the words that no later reading can count: later readings count later passes."""
        s = self.state
        if step.words_from is not None:
            s.words = {pass_id: words for pass_id, words in s.words.items() if pass_id >= step.words_from}
        if step.final:
            s.words = {pass_id: words for pass_id, words in s.words.items() if words.utterance > s.utterance}

    def _request_reading(self, entry: int, pending: PendingReading, pool: PoolState | None) -> None:
        baseline = self._baseline
        self._outbox.find(entry).pending = pending
        if pool is None:  # nothing was pooled, so there is nothing to read
            self._complete(entry, pending, None)
            return
        pending.baseline = baseline.applied
        words = () if pending.words is None else pending.words.words
        request = Read(
            self._requests.new_id(),
            pool,
            (pending.end - pending.start) / SAMPLE_RATE,
            baseline.known,
            learn=pending.kind == "final" and baseline.learns,
            words=tuple(word.word for word in words),
            language=None if pending.words is None else pending.words.language,
            certainty=sum(word.p for word in words) / len(words) if words else 0.0,
            text=words_to_text(words),
        )
        if request.learn:
            baseline.waits_for = request.id
        self._requests.add_reading(request, entry)

    def _complete(self, entry: int, pending: PendingReading, reading: Reading | None) -> None:
        self._outbox.fill(entry, reading_event(self.contract, self.config, pending, reading))

    def _closed(self, audio: int) -> SessionClosed:
        s = self.state
        totals = Totals(
            audio_s=audio / SAMPLE_RATE,
            speech_s=s.speech / SAMPLE_RATE,
            utterances=s.utterance,
            dropped_s=self._pooling.state.dropped / SAMPLE_RATE,
        )
        return SessionClosed(seq=0, reason="finish", totals=totals)


def _reading_due(
    entry: int, end: int, request: Encode | None, words_from: int | None, mood_entry: int | None = None
) -> ReadingDue:
    encode, window = (None, None) if request is None else (request.id, request.window)
    return ReadingDue(entry, end, encode, window, words_from, mood_entry)
