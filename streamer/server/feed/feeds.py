"""The events of all sessions, as observers and the webhook get them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus

from ...protocol.events import AnyEvent, SessionCreated, encode
from ...protocol.messages import CloseCode
from ..logs import Log
from ..metrics import Metrics
from .last_state import LastState
from .observer import Observer
from .webhook import Webhook

OBSERVERS = 8  # of one session, at most


@dataclass(eq=False)
class Feed:
    """One session's.

    name     under which observers ask for it besides its id: a call's number, or what a telephone stream names
    audio_s  how much audio it has, as a function because it grows
    ends_at  when its observers are sent away unless the lost session is resumed; None while it is connected
    """

    session_id: str
    name: str = ""
    audio_s: Callable[[], float] = lambda: 0.0
    ends_at: float | None = None
    state: LastState = field(default_factory=LastState)
    observers: set[Observer] = field(default_factory=set)


class Feeds:
    """Belongs to one event loop. A fault in here ends no session.

    wanted        whether anybody can watch or be told; nothing is kept of the sessions otherwise
    resume_ttl_s  for how long a lost session can come back
    slow_s        an observer that reads nothing for so long is dropped
    """

    def __init__(
        self,
        metrics: Metrics,
        log: Log,
        *,
        wanted: bool,
        resume_ttl_s: float,
        slow_s: float,
        webhook: Webhook | None = None,
    ) -> None:
        self._wanted = wanted
        self._metrics, self._log, self._webhook = metrics, log, webhook
        self._resume_ttl_s, self._slow_s = resume_ttl_s, slow_s
        self._feeds: dict[str, Feed] = {}

    # --- what sessions say

    def open(self, session_id: str, audio_s: Callable[[], float]) -> None:
        """A connection holds this session from now on; `audio_s` tells how much audio it has."""
        if not self._wanted:
            return
        feed = self._feeds.setdefault(session_id, Feed(session_id))
        feed.audio_s, feed.ends_at = audio_s, None

    def rename(self, session_id: str, name: str) -> None:
        """Observers find the session under this name too; of two sessions with one name, the newest."""
        if name and (feed := self._feeds.pop(session_id, None)) is not None:
            feed.name = name
            self._feeds[session_id] = feed

    def restore(self, session_id: str, created: Iterable[SessionCreated]) -> None:
        """The session was begun on another server, or on another connection, whose observers know it already."""
        for event in created:
            self.publish(session_id, event, encode(event))

    def publish(self, session_id: str, event: AnyEvent, data: bytes) -> None:
        """An event, as its session's owner gets it."""
        with self._isolate_faults(session_id):
            self._publish(session_id, event, data)

    def _publish(self, session_id: str, event: AnyEvent, data: bytes) -> None:
        feed = self._feeds.get(session_id)
        if feed is None or (sent := feed.state.accept(event, data)) is None:
            return
        for observer in feed.observers:
            observer.send(event, sent)
        if self._webhook is not None:
            self._webhook.offer(session_id, feed.name, event, sent)

    # --- ends

    def discard(self, session_id: str) -> None:
        """The session of a greeting is replaced by one that is resumed."""
        self.end(session_id, CloseCode.UNKNOWN_SESSION, "another session was resumed in place of this one")

    def end(self, session_id: str, code: int, reason: str) -> None:
        """Send the observers away."""
        feed = self._feeds.pop(session_id, None)
        for observer in feed.observers if feed is not None else ():
            observer.close(code, reason)

    def lost(self, session_id: str, now: float) -> None:
        """The session's connection is lost: its observers wait as long as it can be resumed."""
        if (feed := self._feeds.get(session_id)) is not None:
            feed.ends_at = now + self._resume_ttl_s

    def close(self) -> None:
        """The server goes down."""
        for session_id in list(self._feeds):
            self.end(session_id, CloseCode.SHUTTING_DOWN, "the server is going down")

    # --- observers

    def find(self, name: str) -> Feed | None:
        """The session of that id, or else the newest of that name."""
        if name in self._feeds:
            return self._feeds[name]
        return next((feed for feed in reversed(self._feeds.values()) if feed.name == name), None)

    def listed(self) -> list[dict[str, object]]:
        """The sessions that can be observed, oldest first."""
        return [
            {
                "session_id": feed.session_id,
                "name": feed.name,
                "audio_s": round(feed.audio_s(), 3),
                "connected": feed.ends_at is None,
                "observers": len(feed.observers),
            }
            for feed in self._feeds.values()
        ]

    def admits(self, name: str) -> HTTPStatus:
        """Whether a session of that name can have one more observer: 101, 404 without such a session, or 503."""
        if (feed := self.find(name)) is None:
            return HTTPStatus.NOT_FOUND
        room = len(feed.observers) < OBSERVERS
        return HTTPStatus.SWITCHING_PROTOCOLS if room else HTTPStatus.SERVICE_UNAVAILABLE

    async def observe(self, name: str, observer: Observer) -> None:
        """Tell the observer the last state, then everything, until one of both is over."""
        feed = self.find(name)
        if feed is None or len(feed.observers) >= OBSERVERS:  # it was there when the socket was opened
            observer.close(CloseCode.TRY_LATER, "the session is over, or has too many observers")
            await observer.run()
            return
        for event, data in feed.state.events():
            observer.send(event, data)
        feed.observers.add(observer)
        self._metrics.observers.inc()
        try:
            await observer.run()
        finally:
            feed.observers.discard(observer)
            self._metrics.observers.dec()

    # --- time

    def pump(self) -> None:
        """Send what waits for observers; to be called many times a second."""
        for feed in self._feeds.values():
            for observer in feed.observers:
                with self._isolate_faults(feed.session_id):
                    observer.pump()

    def check(self, now: float) -> None:
        """Drop slow observers, and end the feeds of sessions that did not come back; to be called once a second."""
        for feed in list(self._feeds.values()):
            for observer in feed.observers:
                with self._isolate_faults(feed.session_id):
                    observer.check(now, self._slow_s)
            if feed.ends_at is not None and now > feed.ends_at:
                with self._isolate_faults(feed.session_id):
                    self.end(feed.session_id, CloseCode.DONE, "the session was lost and did not come back")

    @contextmanager
    def _isolate_faults(self, session_id: str) -> Iterator[None]:
        """A fault is logged, and disturbs neither the session nor its other observers, nor the server's timers."""
        try:
            yield
        except Exception:
            self._log.broke("fault", session=session_id)
