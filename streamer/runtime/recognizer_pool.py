"""Several recognizers for the transcription passes of many sessions, never on the event loop.

Which pass is begun when, and which is given up, is decided by `rules.passes`; this module adds a thread for each
recognizer. A microphone has one recognizer and one owner, a server has one owner for each channel of each client.

A recognizer that is being restarted gets no passes. The pass on which it broke is tried once more, by whichever is free
first. While none answers, passes wait: a session misses the words of some utterances, and has those of later ones. When
each recognizer could never be loaded, passes fail, and transcription stays disabled.
"""

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from threading import Condition, Thread

from ..asr import SpeechRecognizer
from ..session.requests import Done, Failed, Result, Transcribe
from ..worker import WorkerError, WorkerExited
from .rules.passes import Decided, PassQueue, QueuedPass
from .transcription_offer import TranscriptionOffer

NO_RECOGNIZER = "this server makes no words"
RESTART_WAIT_S = 60.0  # after so long without any recognizer, passes wait no longer for one
POLL_S = 0.1  # how often a thread whose recognizer is being loaded looks whether the pool was closed


class RecognizerPool:
    """One thread a recognizer. All methods may be called from any thread.

    recognizers     started already, loaded or not; closed with the pool
    deliver         takes an owner and the one result of each of its passes; called in any thread
    on_unavailable  called once, with the reason, when no recognizer is left that is restarted
    clock           seconds that only go forward
    """

    def __init__(
        self,
        recognizers: Sequence[SpeechRecognizer],
        deliver: Callable[[Hashable, Result], None],
        on_unavailable: Callable[[str], None] = lambda reason: None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recognizers, self._deliver, self._on_unavailable = recognizers, deliver, on_unavailable
        self._clock = clock
        self._queue = PassQueue()
        self._left = len(recognizers)
        self._unavailable_reason = "" if recognizers else NO_RECOGNIZER
        self._closed = False
        self._down_since: float | None = None
        self._change = Condition()
        for recognizer in recognizers:
            Thread(target=self._work, args=(recognizer,), name="emoscope recognizer", daemon=True).start()

    @property
    def offer(self) -> TranscriptionOffer:
        """What a session that begins now may count on."""
        languages = next((r.languages for r in self._recognizers if r.languages), ())
        return TranscriptionOffer(
            available=bool(self._recognizers), unavailable_reason=self._unavailable_reason, languages=languages
        )

    @property
    def queue_length(self) -> int:
        """Passes that are queued."""
        with self._change:
            return len(self._queue)

    @property
    def busy_s(self) -> float:
        """Wall time spent in recognizers."""
        return sum(recognizer.busy_s for recognizer in self._recognizers)

    def submit(self, owner: Hashable, requests: Iterable[Transcribe], audio_s: float, wait_s: float | None) -> None:
        """Queue passes of an owner whose session has accepted `audio_s`.

        wait_s   how long after it was due a pass may arrive; None waits for it however long it takes
        """
        with self._change:
            if self._unavailable_reason:
                decided = [Decided(owner, Failed(request.id, self._unavailable_reason)) for request in requests]
            else:
                decided = self._queue.submit(self._clock(), owner, requests, audio_s, wait_s)
                self._change.notify_all()
        self._hand_over(decided)

    def expire(self) -> None:
        """Deliver `Late` for the passes whose deadline has passed; to be called many times a second."""
        with self._change:
            decided = self._queue.expire(self._clock())
        self._hand_over(decided)

    def forget(self, owner: Hashable) -> None:
        """An owner has disconnected, or wants no more words: none of its passes gets a result any more."""
        with self._change:
            self._queue.forget(owner)

    def close(self) -> None:
        """End the recognizers, whatever they are doing."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        for recognizer in self._recognizers:
            recognizer.close()

    def _hand_over(self, decided: Sequence[Decided]) -> None:
        for owner, result in decided:
            self._deliver(owner, result)

    # --- a recognizer's thread

    def _work(self, recognizer: SpeechRecognizer) -> None:
        """Until the end. No exception ends it, such as for lack of memory: there would be no more words."""
        while not self._closed:
            try:
                if not self._wait_until_up(recognizer):
                    self._leave(recognizer.failure)
                    return
                self._serve_next(recognizer)
            except Exception:
                time.sleep(POLL_S)

    def _serve_next(self, recognizer: SpeechRecognizer) -> None:
        with self._change:
            self._change.wait_for(lambda: self._closed or len(self._queue) > 0)
            if self._closed:
                return
            made, decided = self._queue.begin(self._clock())
        self._hand_over_surely(decided)
        if made is not None:
            self._transcribe(recognizer, made)

    def _wait_until_up(self, recognizer: SpeechRecognizer) -> bool:
        """Wait until the recognizer takes passes; false when it never will again."""
        while not self._closed and not recognizer.gave_up:
            if not recognizer.loaded(POLL_S):
                continue
            with self._change:
                if not recognizer.failure:
                    self._down_since = None
                    return True
                decided = self._give_up_after_a_minute()
                self._change.wait_for(lambda: self._closed, POLL_S)
            self._hand_over(decided)
        return False

    def _give_up_after_a_minute(self) -> list[Decided]:
        """With the lock held: `Late` for what is queued, when no recognizer has answered for `RESTART_WAIT_S`."""
        if not all(recognizer.loaded() and recognizer.failure for recognizer in self._recognizers):
            return []
        now = self._clock()
        self._down_since = now if self._down_since is None else self._down_since
        return self._queue.give_up() if now - self._down_since >= RESTART_WAIT_S else []

    def _transcribe(self, recognizer: SpeechRecognizer, made: QueuedPass) -> None:
        began = self._clock()
        result: Result | None = None
        broken = True
        try:
            if recognizer.supports(made.request.language):
                result = recognizer.ask(made.request)
            else:
                result = Failed(made.request.id, f"{recognizer.name} does not support {made.request.language}")
            if isinstance(result, Done):
                result = replace(result, queue_ms=round((began - made.queued_at) * 1e3, 3))
        except WorkerError as error:
            broken = isinstance(error, WorkerExited)
        except Exception:  # such as no memory: the session must not lose all later words with these
            result = None
        with self._change:
            if result is None:
                decided = self._queue.put_back(made, broken=broken)
                self._change.notify_all()
            else:
                decided = self._queue.end(self._clock(), made, result, began)
        self._hand_over_surely(decided)

    def _hand_over_surely(self, decided: Sequence[Decided]) -> None:
        """As soon as there is memory for it: a file waits for its words however long it takes."""
        for one in decided:
            while not self._closed:
                try:
                    self._hand_over([one])
                    break
                except Exception:
                    time.sleep(POLL_S)

    def _leave(self, reason: str) -> None:
        """A recognizer is gone for good. After the last one, nothing is transcribed any more."""
        with self._change:
            self._left -= 1
            if self._closed or self._left:
                return
            self._unavailable_reason = reason
            decided = self._queue.fail(reason)
        self._on_unavailable(reason)
        self._hand_over(decided)
