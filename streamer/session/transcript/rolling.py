"""The rolling transcript: when passes of the recognizer over an utterance are due, and what they add up to."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ...protocol.config import SAMPLE_RATE, Config, to_samples
from ...protocol.events import TextStatus, TranscriptFinal, TranscriptInterim, words_to_text
from ..open_requests import OpenRequests
from ..outbox import Outbox
from ..requests import Transcribe
from .agreement import AgreementState, agree
from .gate import audible, kept_words
from .hypothesis import Hypothesis
from .language import follow_detection, language_of
from .state import PassResult, TranscriptPass, TranscriptState, UtteranceWords

LONGEST_INTERIM_S = 28.0  # an interim pass is at most this long, so that one window of Whisper (30 s) holds it
SKIP_S = 10.0  # in a longer utterance, its beginning is left out in steps of this length


class FinishedPass(NamedTuple):
    """The words of a pass that finished: the pass's id, and what readings may count."""

    pass_id: int
    words: UtteranceWords


class Transcript:
    """The words of one session. Which passes are made depends on the audio alone; results may come in any order."""

    def __init__(self, config: Config, state: TranscriptState, outbox: Outbox, requests: OpenRequests) -> None:
        self.config, self.state = config, state
        self._outbox, self._requests = outbox, requests
        self._refresh = to_samples(config.refresh_s)
        self._wait = to_samples(config.text_wait_s)

    def begin(self, voiced: int) -> None:
        """An utterance begins, of which `voiced` samples of speech count already towards its first pass."""
        self.state.voiced, self.state.planned = voiced, []

    def interim_due(self, voiced: int) -> bool:
        """Count `voiced` more samples of speech; true when they make an interim pass due."""
        s = self.state
        if s.disabled_reason or not self.config.interim:
            return False
        s.voiced += voiced
        return s.voiced >= self._refresh

    def interim_start(self, start: int, end: int) -> int:
        """First sample of an interim pass at sample `end` over the utterance that began at `start`."""
        excess = end - start - to_samples(LONGEST_INTERIM_S)
        return start + max(0, -(-excess // to_samples(SKIP_S))) * to_samples(SKIP_S)

    def plan(
        self, utterance: int, start: int, begin: int, due: int, audio: npt.NDArray[np.float32], *, final: bool
    ) -> int:
        """Plan a pass over `audio`, which begins at sample `begin` of the utterance that began at `start`; its id.

        Audio that is too short, too quiet or steady noise is answered here: no words.
        """
        s, sound = self.state, to_int16(audio)
        made = TranscriptPass(
            id=self._requests.new_id(),
            utterance=utterance,
            start=start,
            begin=begin,
            end=begin + len(sound),
            due=due,
            entry=self._outbox.reserve(optional=not final),
            epoch=s.epoch,
            final=final,
            audio=sound,
        )
        s.voiced = 0
        s.planned.append((made.id, due))
        if not s.disabled_reason and not audible(sound):
            made.answered, made.result, made.audio = True, PassResult(), None
        s.passes.append(made)
        return made.id

    def newest_pass(self, at: int) -> int | None:
        """The pass that an interim reading at sample `at` counts: the newest that is `text_wait_s` old, or None.

        Such a pass has its result, or timed out. So the reading never waits, and still depends on the audio alone.
        """
        planned = self.state.planned
        old = [entry for entry in planned if entry[1] <= at - self._wait]
        if not old:
            return None
        del planned[: len(old) - 1]
        return old[-1][0]

    def issue(self) -> None:
        """Issue the requests of the passes that can be made now.

        Where the language is detected, the final pass of an utterance decides it for the passes after it, so these
        wait until the final pass has finished.
        """
        s = self.state
        for made in s.passes:
            if made.audio is not None and not s.disabled_reason:
                made.issued = True
                self._requests.add_pass(self._request(made, made.audio))
                made.audio = None
            if made.final and self.config.language is None:
                break

    def accept(self, request: Transcribe, hypothesis: Hypothesis | None) -> None:
        """The one result of a request; None when it was dropped, late or failed."""
        made = next(made for made in self.state.passes if made.id == request.id)
        made.answered = True
        if hypothesis is not None:
            words = tuple(kept_words(hypothesis, request.audio, request.begin))
            made.result = PassResult(
                words=words,
                language=hypothesis.language,
                language_p=hypothesis.language_p,
                disbelieved=not words and any(segment.words for segment in hypothesis.segments),
            )

    def take_finished(self) -> Iterator[FinishedPass]:
        """Remove the passes that are answered, in audio order, and complete their entries of the outbox."""
        s = self.state
        while s.passes and (s.passes[0].answered or (s.disabled_reason and not s.passes[0].issued)):
            made = s.passes.pop(0)
            if made.utterance != s.utterance:
                s.utterance, s.agreement = made.utterance, AgreementState()
            event, words = self._final(made) if made.final else self._interim(made)
            self._outbox.fill(made.entry, event)
            yield FinishedPass(made.id, words)

    def disable(self, reason: str) -> None:
        """Issue no more passes, because the recognizer failed; those that were not issued finish without words."""
        self.state.disabled_reason = reason

    def forget_language(self) -> None:
        """`reset`: the language of what comes is detected again."""
        self.state.epoch += 1

    def _language(self, made: TranscriptPass) -> str | None:
        return language_of(self.config.language, self.state, made.epoch)

    def _request(self, made: TranscriptPass, audio: npt.NDArray[np.int16]) -> Transcribe:
        return Transcribe(
            id=made.id,
            utterance=made.utterance,
            begin=made.begin,
            due=made.due,
            final=made.final,
            language=self._language(made),
            audio=audio,
        )

    def _interim(self, made: TranscriptPass) -> tuple[TranscriptInterim | None, UtteranceWords]:
        agreement, result = self.state.agreement, made.result
        event = None
        if result is not None:
            agree(agreement, result.words, made.end / SAMPLE_RATE, whole=made.begin == made.start)
            text = words_to_text([*agreement.committed, *agreement.tail])
            if text:
                event = TranscriptInterim(
                    utterance=made.utterance,
                    start=made.start / SAMPLE_RATE,
                    end=made.end / SAMPLE_RATE,
                    text=text,
                    stable=len(words_to_text(agreement.committed)),
                )
        language = self._language(made) or (result.language if result else None)
        return event, UtteranceWords(utterance=made.utterance, words=tuple(agreement.committed), language=language)

    def _final(self, made: TranscriptPass) -> tuple[TranscriptFinal, UtteranceWords]:
        s, result = self.state, made.result
        language, language_p = self._language(made), None
        if result is None:
            status: TextStatus = "off" if s.disabled_reason else "timeout"
            words = tuple(s.agreement.committed)
        else:
            # The words of the final pass alone: a final must not depend on which interim passes there was time for.
            status, words = "used", result.words
            language, language_p = result.language or language, result.language_p
            follow_detection(self.config.language, s, made, result)
        text = words_to_text(words)
        event = TranscriptFinal(
            seq=0,
            utterance=made.utterance,
            start=made.start / SAMPLE_RATE,
            end=made.end / SAMPLE_RATE,
            text=text,
            stable=len(text),
            language=language if words else None,
            language_p=language_p if words else None,
            words=list(words),
        )
        return event, UtteranceWords(utterance=made.utterance, words=words, language=language, status=status)


def to_int16(audio: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Samples in [-1, 1] as the 16-bit samples that recognizers take; louder ones are clipped."""
    return np.round(np.clip(audio, -1.0, 1.0) * 32_767).astype(np.int16)
