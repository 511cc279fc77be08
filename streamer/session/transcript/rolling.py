"""Passes over an utterance while it goes on and at its end: when they are due, and what they add up to."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...protocol.config import SAMPLE_RATE, Config, to_samples
from ...protocol.events import SpokenWord, TranscriptFinal, TranscriptInterim, words_to_text
from ..requests import Transcribe
from .agreement import AgreementState, agree
from .gate import audible, kept_words
from .hypothesis import Hypothesis
from .state import How, Pass, Spoken, TranscriptState

PASS_S = 28.0  # an interim pass hears at most that much, so that one window of Whisper holds it
STEP_S = 10.0  # beyond it the beginning is left out by so much at a time
CONFIDENT_P = 0.8  # a detected language is locked from there
DETECTED_S = 1.0  # ... when so much was heard
DOUBTED = 2  # finals in a row of which nothing was believed lift the lock: the speaker may have changed the language


class Settled(NamedTuple):
    """What a pass came to: the event for its slot, None if there is nothing to tell, and what readings may count."""

    pass_id: int
    slot: int
    event: TranscriptInterim | TranscriptFinal | None
    spoken: Spoken


class Transcript:
    """One session's words. What is asked when depends on the audio alone; results may come in any order."""

    def __init__(self, config: Config, state: TranscriptState) -> None:
        self.config, self.state = config, state
        self._refresh = to_samples(config.refresh_s)
        self._wait = to_samples(config.text_wait_s)

    def begin(self) -> None:
        """An utterance begins."""
        self.state.voiced, self.state.planned = 0, []

    def voiced(self, count: int) -> bool:
        """Count `count` samples of speech; true when they make an interim pass due."""
        s = self.state
        if s.off or not self.config.interim:
            return False
        s.voiced += count
        return s.voiced >= self._refresh

    def pass_from(self, start: int, end: int) -> int:
        """First sample that an interim pass of the utterance from `start` hears at `end`."""
        over = end - start - to_samples(PASS_S)
        return start + max(0, -(-over // to_samples(STEP_S))) * to_samples(STEP_S)

    def plan(self, made: Pass) -> None:
        """A pass is due. What holds nothing to hear is answered here: nothing was said."""
        s = self.state
        s.voiced = 0
        s.planned.append((made.id, made.due))
        if not s.off and not audible(made.audio):
            made.answered, made.answer = True, Hypothesis()
        s.passes.append(made)

    def for_reading(self, at: int) -> int | None:
        """The pass that an interim reading at sample `at` counts: the newest that is `text_wait_s` old.

        It is known by then, or given up: so the reading need not wait, and is still a function of the audio.
        """
        planned = self.state.planned
        old = [entry for entry in planned if entry[1] <= at - self._wait]
        if not old:
            return None
        del planned[: len(old) - 1]
        return old[-1][0]

    def issue(self) -> list[Transcribe]:
        """Requests that may leave now, each once. An open language is told by the final before: passes wait for it."""
        asked: list[Transcribe] = []
        for made in self.state.passes:
            if not made.issued and not made.answered and not self.state.off:
                made.issued = True
                asked.append(self._request(made))
            if made.final and self.config.language is None:  # answered or not: until it is settled nothing is known
                break
        return asked

    def open(self) -> list[Transcribe]:
        """Requests without a result."""
        return [self._request(made) for made in self.state.passes if made.issued and not made.answered]

    def answer(self, request: int, hypothesis: Hypothesis | None) -> bool:
        """The one result of a request, None when it was late, dropped or failed; false if it is no open one."""
        for made in self.state.passes:
            if made.id == request and made.issued and not made.answered:
                made.answered, made.answer = True, hypothesis
                return True
        return False

    def settle(self) -> Iterator[Settled]:
        """Passes that are answered, in audio order."""
        s = self.state
        while s.passes and (s.passes[0].answered or (s.off and not s.passes[0].issued)):
            made = s.passes.pop(0)
            if made.utterance != s.utterance:
                s.utterance, s.agreement = made.utterance, AgreementState()
            words = None if made.answer is None else kept_words(made.answer, made.audio, made.begin)
            yield self._final(made, words) if made.final else self._interim(made, words)

    def turn_off(self, why: str) -> None:
        """No more passes; those that were not asked for settle with what is known."""
        self.state.off = why

    def forget(self) -> None:
        """`reset`: the language is open again for what comes."""
        self.state.epoch += 1

    def language(self, epoch: int) -> str | None:
        """Told, or locked in this epoch."""
        if self.config.language is not None:
            return self.config.language
        return self.state.language if self.state.locked_epoch == epoch else None

    def _request(self, made: Pass) -> Transcribe:
        return Transcribe(
            id=made.id,
            utterance=made.utterance,
            begin=made.begin,
            due=made.due,
            final=made.final,
            language=self.language(made.epoch),
            audio=made.audio,
        )

    def _interim(self, made: Pass, words: list[SpokenWord] | None) -> Settled:
        agreement = self.state.agreement
        event = None
        if words is not None:
            agree(agreement, words, made.end / SAMPLE_RATE, whole=made.begin == made.start)
            settled = words_to_text(agreement.settled)
            text = words_to_text([*agreement.settled, *agreement.tail])
            if text:
                event = TranscriptInterim(
                    utterance=made.utterance,
                    start=made.start / SAMPLE_RATE,
                    end=made.end / SAMPLE_RATE,
                    text=text,
                    stable=len(settled),
                )
        language = self.language(made.epoch) or (made.answer.language if made.answer else None)
        spoken = Spoken(utterance=made.utterance, words=tuple(agreement.settled), language=language)
        return Settled(made.id, made.slot, event, spoken)

    def _final(self, made: Pass, words: list[SpokenWord] | None) -> Settled:
        s, answer = self.state, made.answer
        how: How = "used"
        if words is None:
            how = "off" if s.off else "timeout"
        language = self.language(made.epoch)
        if answer is not None:
            language = answer.language or language
            self._detect(made, answer, words or [])
        # The pass over the whole utterance alone: which interim passes there was time for must not show in a final.
        said = s.agreement.settled if words is None else words
        text = words_to_text(said)
        event = TranscriptFinal(
            seq=0,
            utterance=made.utterance,
            start=made.start / SAMPLE_RATE,
            end=made.end / SAMPLE_RATE,
            text=text,
            stable=len(text),
            language=language if said else None,
            language_p=answer.language_p if answer is not None and said else None,
            words=list(said),
        )
        spoken = Spoken(utterance=made.utterance, words=tuple(said), language=language, how=how)
        return Settled(made.id, made.slot, event, spoken)

    def _detect(self, made: Pass, answer: Hypothesis, words: list[SpokenWord]) -> None:
        """Lock a language on the first confident detection; lift the lock when nothing is understood any more."""
        s = self.state
        if self.config.language is not None or len(made.audio) < DETECTED_S * SAMPLE_RATE:
            return
        if self.language(made.epoch) is None:
            if words and answer.language is not None and (answer.language_p or 0.0) >= CONFIDENT_P:
                s.language, s.locked_epoch, s.doubted = answer.language, made.epoch, 0
            return
        doubted = not words and any(segment.words for segment in answer.segments)
        s.doubted = s.doubted + 1 if doubted else 0
        if s.doubted >= DOUBTED:
            s.language, s.doubted = None, 0


def to_int16(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Samples in [-1, 1] as every recognizer takes them."""
    return np.round(np.clip(audio, -1.0, 1.0) * 32_767).astype(np.int16)
