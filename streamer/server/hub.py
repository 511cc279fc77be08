"""All links of one server: who is here, whose results came, who comes back, and what time it is."""

import asyncio
import contextlib
import time
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import cast

from emoscope.models.contract import ModelContract

from ..asr import Recognizer
from ..protocol.config import Config
from ..protocol.messages import CloseCode
from ..runtime.offer import Offer
from ..runtime.recognizer_pool import RecognizerPool
from ..runtime.scheduler import BatchResults, Scheduler
from ..session.requests import Engine, Request, Result, Transcribe
from .draining import BESIDE, Deadline, aside, ended
from .effective import configured
from .link import Link
from .logs import Log
from .metrics import Metrics, Watched
from .options import ServerOptions
from .store import MemoryStore, Store, StoreUnavailable
from .stored import Stored, pack
from .stream import Stream, Voice

TICK_S = 0.05
CLOSE_S = 5.0
BREAKS = 3  # after so many failures in a row a session is not kept: whoever resumes it would meet the next one
ATTACHED_FACTOR = 2.0  # an attached session's record waits longer, since it is renewed now and then only


class Hub:
    """Belongs to one event loop."""

    def __init__(
        self,
        contract: ModelContract,
        engine: Engine,
        options: ServerOptions,
        store: Store,
        metrics: Metrics,
        log: Log,
        recognizers: Sequence[Recognizer] = (),
    ) -> None:
        self.contract, self.options, self.store, self.metrics, self.log = contract, options, store, metrics, log
        self.links: set[Link] = set()
        self._by_id: dict[str, Link] = {}
        self._by_voice: dict[Voice, Link] = {}
        self._loop = asyncio.get_running_loop()
        self.scheduler = Scheduler(engine, self._deliver, batch=options.batch)
        self.words = RecognizerPool(recognizers, self._heard, lambda why: log.error("words are off", message=why))
        self._defaults: dict[Offer, Config] = {}
        metrics.watch(
            Watched(
                sessions=lambda: len(self.links),
                queue=lambda: self.scheduler.queue_length,
                busy_s=lambda: self.scheduler.stats.busy_s,
                words_queue=lambda: self.words.queue_length,
                words_busy_s=lambda: self.words.busy_s,
            )
        )
        self._ticker = asyncio.ensure_future(self._tick())
        self._batches: dict[int, int] = {}

    def now(self) -> float:
        """Wall time that only goes forward."""
        return time.monotonic()

    @property
    def default_config(self) -> Config:
        """Of a session that asks for nothing in particular, as it would be now."""
        offer = self.words.offer
        if offer not in self._defaults:
            config = Config(language=self.options.language)
            self._defaults[offer] = configured(self.contract, config, {}, offer)
        return self._defaults[offer]

    # --- links come and go

    def join(self, link: Link) -> None:
        self.links.add(link)
        self._by_id[link.stream.id] = link
        self.metrics.opened.inc()

    async def leave(self, link: Link, *, done: bool) -> None:
        """A socket is closed: its session waits to be resumed, unless it is over."""
        self.links.discard(link)
        if self._by_id.get(link.stream.id) is not link:
            return
        self.forget(link)
        stream = link.stream
        if not stream.begun or (done and stream.closed) or stream.failures >= BREAKS:
            await self._remove(stream)
            return
        await self.put(stream, attached=False)

    def forget(self, link: Link) -> None:
        """The session is no longer this link's."""
        if self._by_id.get(link.stream.id) is link:
            del self._by_id[link.stream.id]
        for voice in link.stream.voices:
            voice.gone = True
            self._by_voice.pop(voice, None)
            self.scheduler.forget(voice)
            self.words.forget(voice)

    def link_of(self, session_id: str) -> Link | None:
        """Who has that session now."""
        return self._by_id.get(session_id)

    def exchange(self, link: Link, stream: Stream) -> None:
        """A resumed session goes on in this link, in the place of the link's own."""
        other = self._by_id.get(stream.id)
        if other is not None:  # two sockets asked for it at once, and both found it in the store
            self.forget(other)
            other.end("session_taken", "a newer socket has gone on with this session")
        self.forget(link)
        link.stream = stream
        self._by_id[stream.id] = link
        self.metrics.resumed.inc()

    # --- the store

    async def put(self, stream: Stream, *, attached: bool) -> bool | None:
        """Whether the state was stored; false when another server has the session, None when the store is away."""
        return await self.put_record(stream.stored(), ATTACHED_FACTOR if attached else 1.0)

    async def put_record(self, stored: Stored, times_ttl: float = 1.0) -> bool | None:
        """The same, of a record."""
        ttl_s = self.options.limits.resume_ttl_s * times_ttl
        try:
            return await self.store.put(
                stored.session_id, stored.token, pack(stored), stored.owner, ttl_s, stored.revision
            )
        except StoreUnavailable as error:
            self.store_failed(stored.session_id, error)
            return None

    def store_failed(self, session_id: str, error: StoreUnavailable) -> None:
        """The store did not answer."""
        self.metrics.store_failures.inc()
        self.log.error("store", session=session_id, message=str(error))

    async def _remove(self, stream: Stream) -> None:
        if not stream.begun:
            return
        try:
            await self.store.remove(stream.id, stream.owner)
        except StoreUnavailable as error:
            self.store_failed(stream.id, error)

    # --- the engine and the recognizers

    def submit(self, link: Link, voice: Voice, requests: Iterable[Request]) -> None:
        """Put a voice's requests in line; their results are that link's."""
        self._by_voice[voice] = link
        asked = list(requests)
        spoken = [request for request in asked if isinstance(request, Transcribe)]
        self.scheduler.submit(voice, [request for request in asked if not isinstance(request, Transcribe)])
        if spoken:
            config = voice.session.config
            wait_s = None if config.pace == "fast" else config.text_wait_s
            self.words.submit(voice, spoken, voice.session.audio_s, wait_s)

    def _heard(self, owner: Hashable, result: Result) -> None:
        """In any thread: one pass of a recognizer is decided."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self._hand_on, owner, result)

    def _hand_on(self, owner: Hashable, result: Result) -> None:
        self.metrics.transcripts.labels(type(result).__name__.lower()).inc()
        voice = cast(Voice, owner)
        link = self._by_voice.get(voice)
        if link is not None:
            link.words(voice, result)

    def _deliver(self, answers: BatchResults) -> None:
        """In the worker's thread."""
        try:
            self._loop.call_soon_threadsafe(self._apply, answers)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _apply(self, answers: BatchResults) -> None:
        for owner, results, busy_s in answers:
            voice = cast(Voice, owner)
            link = self._by_voice.get(voice)
            if link is not None:
                with self.apart(link):
                    link.results(voice, results, busy_s)

    @contextmanager
    def apart(self, link: Link) -> Iterator[None]:
        """What breaks in one link ends that one, not the turn of those after it."""
        try:
            yield
        except Exception:
            self.fault(link)
            link.close(CloseCode.MODEL_FAILED, "fault")

    def ended(self, link: Link, code: str) -> None:
        """A client was told the error that ended its connection."""
        self.metrics.errors.labels(code).inc()
        self.log.info("ending", session=link.stream.id, code=code)

    def fault(self, link: Link) -> None:
        """A fault of ours, in one session, is being handled: the others go on."""
        link.stream.failures += 1
        self.log.broke("fault", session=link.stream.id)
        self.metrics.errors.labels("fault").inc()

    # --- time

    async def _tick(self) -> None:
        due = self.now()
        expired = due
        while True:
            due += TICK_S
            await asyncio.sleep(max(0.0, due - self.now()))
            now = self.now()
            self.metrics.loop_delay.observe(max(0.0, now - due))
            if now - due > 1.0:
                due = now
            self.words.expire()
            for link in list(self.links):
                with self.apart(link):
                    if not link.outbox.empty:
                        link.outbox.pump()
                    if now >= link.next_status or now > link.finish_by:
                        link.tick(now)
            if now - expired > 1.0:
                expired = now
                self._observe_batches()
                if isinstance(self.store, MemoryStore):
                    self.store.expire()

    def _observe_batches(self) -> None:
        for size, count in list(self.scheduler.stats.batches.items()):
            for _ in range(count - self._batches.get(size, 0)):
                self.metrics.batch.observe(size)
            self._batches[size] = count

    async def close(self, deadline: Deadline | None = None) -> None:
        """Stop what runs beside the links, by then."""
        deadline = deadline or Deadline(CLOSE_S)
        self._ticker.cancel()
        await ended(
            self._ticker,
            aside(self.words.close),
            aside(lambda: self.scheduler.close(deadline.left_s(BESIDE))),
            self.store.close(),
            within_s=deadline.left_s(BESIDE),
        )
