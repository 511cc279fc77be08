"""From window summaries to readings: merge in window order, ask for readings, put events back into audio order."""

import math
from dataclasses import dataclass, field

import msgspec

from emoscope.models.contract import ModelContract
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Reading, nothing_heard
from emoscope.models.windows import Window

from ..protocol.config import SAMPLE_RATE, Config
from ..protocol.events import (
    AnyEvent,
    Durable,
    EmotionFinal,
    EmotionInterim,
    Enrolled,
    Latency,
    Mood,
    SessionClosed,
    Sources,
    Span,
    Totals,
    WeighedWord,
)
from .attention import frame_shares, spans, under_words, word_weights
from .requests import Read, Summary
from .steps import Answer, AssemblyState, Begin, Close, Draft, Enrol, Forget, Merge, Show, Slot, Step, Weighed
from .transcript.state import Spoken


@dataclass
class Assembly:
    """Takes steps as their summaries arrive. What it decides depends on the audio and the results' values alone."""

    contract: ModelContract
    config: Config
    state: AssemblyState = field(default_factory=AssemblyState)

    def put(self, event: AnyEvent) -> None:
        """An event that is ready, at its place in audio order."""
        self.state.slots.append(Slot(self.reserve_id(), event))

    def reserve(self, *, loose: bool = False) -> int:
        """A place in the outbox for an event that will come; interims behind a `loose` one need not wait for it."""
        slot = Slot(self.reserve_id(), loose=loose)
        self.state.slots.append(slot)
        return slot.id

    def reserve_id(self) -> int:
        self.state.next_slot += 1
        return self.state.next_slot

    def request_id(self) -> int:
        self.state.next_request += 1
        return self.state.next_request

    def fill(self, slot: int, event: AnyEvent | None) -> None:
        """The event that a reserved place waited for; None when there will be none."""
        place = self._find(slot)
        place.event, place.cancelled = event, event is None

    def answer(self, request: int, value: Summary | Reading | None, queue_ms: float, infer_ms: float) -> None:
        """The one result of a request; None when it was dropped, late or failed."""
        s = self.state
        if request not in s.reads:
            assert not isinstance(value, Reading)
            s.answers[request] = Answer(value, queue_ms, infer_ms)
            return
        slot = self._find(s.reads.pop(request))
        draft = slot.draft
        assert draft is not None
        draft.queue_ms += queue_ms
        draft.infer_ms += infer_ms
        reading = value if isinstance(value, Reading) else None
        self._fill(slot, reading)
        if s.baseline.waits == request:
            enrolled_s = s.baseline.hear(reading, draft.end - draft.start)
            if enrolled_s is not None:
                # Behind the mood, which holds the place after its final.
                behind = next(i for i, place in enumerate(s.slots) if place.id == slot.id + 1) + 1
                s.slots.insert(behind, Slot(self.reserve_id(), Enrolled(seconds=enrolled_s)))

    def advance(self) -> list[Read]:
        """Take every step that can be taken; the readings to ask for."""
        s = self.state
        asked: list[Read] = []
        while s.steps and s.baseline.waits is None:
            step = s.steps[0]
            if self._waits(step):
                break
            s.steps.pop(0)
            match step:
                case Begin(utterance, start):
                    s.utterance, s.start, s.rev, s.segments = utterance, start, 0, 0
                    s.pool, s.weighed = None, []
                case Merge(encode, window):
                    self._merge(s.answers.pop(encode).summary, window)
                case Show():
                    asked += self._show(step)
                case Forget():
                    s.mood = None
                    s.baseline.forget(self.config.baseline)
                case Enrol(wanted):
                    s.baseline.enrol(wanted)
                case Close(slot, audio):
                    self._find(slot).event = self._closed(audio)
        return asked

    def leave(self) -> list[AnyEvent]:
        """The events at the head of the outbox that are ready; durable ones get their number here."""
        s = self.state
        ready: list[AnyEvent] = []
        passed: list[Slot] = []
        for place, slot in enumerate(s.slots):
            event = slot.event
            if slot.cancelled:
                continue
            if event is None and slot.loose:
                passed.append(slot)
                continue
            if event is None or (passed and isinstance(event, Durable)):
                passed += s.slots[place:]
                break
            if isinstance(event, Durable):
                event = msgspec.structs.replace(event, seq=s.next_seq)
                s.next_seq += 1
            ready.append(event)
        s.slots = passed
        return ready

    def _waits(self, step: Step) -> bool:
        """A step's window, or the words that it counts, are not there yet."""
        s = self.state
        if isinstance(step, Merge | Show) and step.encode is not None and step.encode not in s.answers:
            return True
        return isinstance(step, Show) and step.text is not None and step.text not in s.spoken

    def _merge(self, summary: Summary | None, window: Window) -> None:
        s = self.state
        if summary is None:
            s.dropped += window.own_end - window.own_start
            return
        s.pool = summary.state if s.pool is None else s.pool.merge(summary.state)
        s.segments += 1
        if self.config.attention:
            s.weighed.append(Weighed(window.own_start, summary.scores))
        if s.mood is None:
            s.mood, s.mood_start = summary.state, window.own_start
        else:
            # The age of what was heard before counts from window centre to window centre (design, section 3).
            age_s = (window.centre - s.mood_at) / SAMPLE_RATE
            s.mood = s.mood.weighted(-math.log(2) * age_s / self.config.half_life_s).merge(summary.state)
        s.mood_at = window.centre

    def _show(self, step: Show) -> list[Read]:
        s = self.state
        answer = Answer(None, 0.0, 0.0) if step.encode is None else s.answers.pop(step.encode)
        if step.final and step.window is not None:
            self._merge(answer.summary, step.window)
        pool, segments, weighed = s.pool, s.segments, s.weighed
        if not step.final:
            s.rev += 1
            if step.window is not None:
                if answer.summary is None:
                    self._find(step.slot).cancelled = True
                    return []
                pool = answer.summary.state if pool is None else pool.merge(answer.summary.state)
                segments += 1
                if self.config.attention:
                    weighed = [*weighed, Weighed(step.window.own_start, answer.summary.scores)]
        spoken = None if step.text is None else s.spoken[step.text]
        if step.text is not None:  # readings count ever newer passes: the words of older ones are wanted no more
            s.spoken = {request: kept for request, kept in s.spoken.items() if request >= step.text}
        shares = frame_shares(self.contract, pool, weighed)
        draft = Draft(
            kind="final" if step.final else "interim",
            utterance=s.utterance,
            rev=s.rev,
            start=s.start,
            end=step.end,
            segments=segments,
            attention=spans(self.contract, shares),
            window=self.contract.window if step.window is None else step.window.end - step.window.start,
            queue_ms=answer.queue_ms,
            infer_ms=answer.infer_ms,
            spoken=spoken,
            shares=under_words(self.contract, shares, spoken.words) if spoken is not None and step.final else [],
        )
        asked = self._ask(step.slot, draft, pool, (step.end - s.start) / SAMPLE_RATE)
        if step.final:
            s.spoken = {request: kept for request, kept in s.spoken.items() if kept.utterance > s.utterance}
            s.speech += step.end - s.start
            begun = s.start if s.mood is None else s.mood_start
            mood = Draft("mood", s.utterance, 0, begun, step.end, 0, [], 0, 0.0, 0.0)
            asked += self._ask(step.slot + 1, mood, s.mood, (step.end - begun) / SAMPLE_RATE)
        return asked

    def _ask(self, slot: int, draft: Draft, pool: PoolState | None, seconds: float) -> list[Read]:
        place = self._find(slot)
        place.draft = draft
        if pool is None:
            self._fill(place, None)
            return []
        baseline = self.state.baseline
        draft.baseline = baseline.applied
        learn = draft.kind == "final" and baseline.learns
        words = () if draft.spoken is None else draft.spoken.words
        request = Read(
            self.request_id(),
            pool,
            seconds,
            baseline.known,
            learn,
            words=tuple(word.word for word in words),
            language=None if draft.spoken is None else draft.spoken.language,
            certainty=sum(word.p for word in words) / len(words) if words else 0.0,
        )
        if learn:
            baseline.waits = request.id
        self.state.reads[request.id] = slot
        return [request]

    def _find(self, slot: int) -> Slot:
        return next(place for place in self.state.slots if place.id == slot)

    def _fill(self, slot: Slot, reading: Reading | None) -> None:
        draft = slot.draft
        assert draft is not None
        if reading is None and draft.kind == "interim":
            slot.cancelled = True
            return
        if reading is None:  # a final and its mood always come, even when nothing could be read
            reading = nothing_heard(self.contract.labels, len(self.contract.dimensions))
        slot.event, slot.draft = self._event(draft, reading), None

    def _event(self, draft: Draft, reading: Reading) -> EmotionInterim | EmotionFinal | Mood:
        contract, config = self.contract, self.config
        said = {
            "start": draft.start / SAMPLE_RATE,
            "end": draft.end / SAMPLE_RATE,
            "label": reading.label,
            "confidence": round(reading.confidence, 6),
            "scores": {n: round(float(p), 6) for n, p in zip(contract.labels, reading.scores, strict=True)},
            "dimensions": {n: round(float(x), 6) for n, x in zip(contract.dimensions, reading.dimensions, strict=True)},
        }
        if draft.kind == "mood":
            return Mood(seq=0, half_life_s=config.half_life_s, **said)  # type: ignore[arg-type]
        said |= {
            "utterance": draft.utterance,
            "derived": contract.derived,
            "segments": draft.segments,
            "sources": Sources(audio=round(1 - reading.text_share, 6), text=round(reading.text_share, 6)),
            "attention": [
                Span(start=a / SAMPLE_RATE, end=b / SAMPLE_RATE, weight=round(weight, 6))
                for a, b, weight in draft.attention
            ],
            "baseline": draft.baseline,
            "latency": Latency(
                window_s=draft.window / SAMPLE_RATE,
                queue_ms=round(draft.queue_ms, 3),
                infer_ms=round(draft.infer_ms, 3),
            ),
        }
        if draft.kind == "interim":
            return EmotionInterim(rev=draft.rev, **said)  # type: ignore[arg-type]
        spoken = draft.spoken or Spoken(utterance=draft.utterance, how="off")
        weights = word_weights(draft.shares, reading.word_shares, reading.text_share)
        words = [
            WeighedWord(word=word.word, start=word.start, end=word.end, weight=round(weight, 6), space=word.space)
            for word, weight in zip(spoken.words, weights, strict=True)
        ]
        return EmotionFinal(seq=0, text=spoken.how, words=words, **said)  # type: ignore[arg-type]

    def _closed(self, audio: int) -> SessionClosed:
        s = self.state
        totals = Totals(
            audio_s=audio / SAMPLE_RATE,
            speech_s=s.speech / SAMPLE_RATE,
            utterances=s.utterance,
            dropped_s=s.dropped / SAMPLE_RATE,
        )
        return SessionClosed(seq=0, reason="finish", totals=totals)
