"""The engine and the recognizers that all sessions of a server share; results come back on the event loop."""

import asyncio
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol, cast

from ..asr import SpeechRecognizer
from ..runtime.recognizer_pool import RecognizerPool
from ..runtime.scheduler import BatchResults, Scheduler
from ..runtime.transcription_offer import TranscriptionOffer
from ..session.requests import Engine, Request, Result, Transcribe
from .client_session import ChannelSession
from .deadline import run_in_thread, wait_all
from .logs import Log
from .metrics import Metrics


class ResultReceiver(Protocol):
    """Takes the results of the requests that it submitted."""

    def receive_results(self, channel: ChannelSession, results: list[Result], busy_s: float) -> None:
        """Results of the engine, and its time that they took, in seconds."""

    def receive_transcript(self, channel: ChannelSession, result: Result) -> None:
        """The result of a recognizer."""


class ResultObserver(Protocol):
    """Watches results on their way from the engine to the sessions, to measure it."""

    def delivered(self) -> None:
        """The engine's thread has results and hands them to the event loop."""

    def apply_begins(self, results: Sequence[Result]) -> None:
        """The event loop is about to give these results to their sessions."""

    def apply_ended(self) -> None:
        """The sessions have taken them."""


class Inference:
    """Belongs to one event loop; the threads of scheduler and recognizers hand their results to it."""

    def __init__(
        self,
        engine: Engine,
        recognizers: Sequence[SpeechRecognizer],
        *,
        batch: int,
        calls: int,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._receivers: dict[ChannelSession, ResultReceiver] = {}
        self._observed: dict[int, int] = {}
        self.observer: ResultObserver | None = None
        self.scheduler = Scheduler(engine, self._deliver, batch=batch, calls=calls)
        self.recognizers = RecognizerPool(
            recognizers, self._deliver_transcript, lambda reason: log.error("transcription is disabled", message=reason)
        )

    def offer(self) -> TranscriptionOffer:
        """Which transcripts a session that begins now can count on."""
        return self.recognizers.offer

    def __len__(self) -> int:
        """Channels whose results somebody waits for."""
        return len(self._receivers)

    def submit(self, channel: ChannelSession, requests: Iterable[Request], receiver: ResultReceiver) -> None:
        """Queue a channel's requests; `receiver` takes their results, unless they are cancelled."""
        self._receivers[channel] = receiver
        asked = list(requests)
        transcribe = [request for request in asked if isinstance(request, Transcribe)]
        self.scheduler.submit(channel, [request for request in asked if not isinstance(request, Transcribe)])
        if transcribe:
            config = channel.session.config
            timeout_s = None if config.pace == "fast" else config.text_wait_s
            self.recognizers.submit(channel, transcribe, channel.session.audio_s, timeout_s)

    def cancel(self, channel: ChannelSession) -> None:
        """Nothing of this channel is begun any more, and nobody takes its results."""
        self._receivers.pop(channel, None)
        self.scheduler.forget(channel)
        self.recognizers.forget(channel)

    def expire(self) -> None:
        """Time out the transcripts that are late; to be called many times a second."""
        self.recognizers.expire()

    def observe_batches(self) -> None:
        """Count the batches that were computed since the last call."""
        for size, count in list(self.scheduler.stats.batches.items()):
            for _ in range(count - self._observed.get(size, 0)):
                self._metrics.batch.observe(size)
            self._observed[size] = count

    async def close(self, timeout_s: float) -> None:
        """End the recognizers, and the engine's thread when it has computed what it has begun."""
        await wait_all(
            run_in_thread(self.recognizers.close),
            run_in_thread(lambda: self.scheduler.close(timeout_s)),
            timeout_s=timeout_s,
        )

    # --- called in other threads

    def _deliver(self, answers: BatchResults) -> None:
        if self.observer is not None:
            self.observer.delivered()
        self._on_loop(lambda: self._apply(answers))

    def _deliver_transcript(self, owner: Hashable, result: Result) -> None:
        self._on_loop(lambda: self._apply_transcript(owner, result))

    def _on_loop(self, call: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(call)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    # --- called on the event loop

    def _apply(self, answers: BatchResults) -> None:
        if self.observer is not None:
            self.observer.apply_begins([result for _, results, _ in answers for result in results])
        for owner, results, busy_s in answers:
            channel = cast(ChannelSession, owner)
            if (receiver := self._receivers.get(channel)) is not None:
                receiver.receive_results(channel, results, busy_s)
        if self.observer is not None:
            self.observer.apply_ended()

    def _apply_transcript(self, owner: Hashable, result: Result) -> None:
        self._metrics.transcripts.labels(type(result).__name__.lower()).inc()
        channel = cast(ChannelSession, owner)
        if (receiver := self._receivers.get(channel)) is not None:
            receiver.receive_transcript(channel, result)
