"""The metrics of a server, in OpenMetrics format."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest

CONTENT_TYPE = CONTENT_TYPE_LATEST

LAG_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
DELAY_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
BATCH = (1, 2, 4, 8, 16, 32, 64, 128, 256)


@dataclass(frozen=True)
class Watched:
    """Values that are read at each scrape."""

    sessions: Callable[[], float]
    queue: Callable[[], float]
    busy_s: Callable[[], float]
    transcripts_queue: Callable[[], float]
    transcripts_busy_s: Callable[[], float]


class Metrics:
    """One server's metrics, in a registry of its own."""

    def __init__(self, model: str) -> None:
        """`model`: id of the model that reads."""
        self.registry = registry = CollectorRegistry()
        Info("emoscope_model", "The model that reads", registry=registry).info({"id": model})
        self.sessions = Gauge("emoscope_sessions", "Open sockets", registry=registry)
        self.queue = Gauge("emoscope_queue_requests", "Requests queued for the model", registry=registry)
        self.engine = Gauge("emoscope_engine_busy_seconds", "Time spent in the model", registry=registry)
        self.transcripts_queue = Gauge("emoscope_recognizer_queue", "Passes queued for a recognizer", registry=registry)
        self.recognizer = Gauge("emoscope_recognizer_busy_seconds", "Time spent in recognizers", registry=registry)
        self.transcripts = Counter(
            "emoscope_transcripts", "Passes over speech: done, late, dropped, failed", ["outcome"], registry=registry
        )
        self.opened = Counter("emoscope_sessions_opened", "Sessions begun", registry=registry)
        self.resumed = Counter("emoscope_sessions_resumed", "Sessions resumed on another connection", registry=registry)
        self.refused = Counter(
            "emoscope_refused", "Connections refused before the upgrade", ["status"], registry=registry
        )
        self.audio = Counter("emoscope_audio_seconds", "Audio accepted", registry=registry)
        self.dropped = Counter("emoscope_dropped_seconds", "Speech accepted but never read", registry=registry)
        self.events = Counter("emoscope_events", "Events sent", ["type"], registry=registry)
        self.errors = Counter(
            "emoscope_errors", "Errors reported to clients, and faults of the server", ["code"], registry=registry
        )
        self.observers = Gauge("emoscope_observers", "Sockets that watch a session", registry=registry)
        self.observers_dropped = Counter(
            "emoscope_observers_dropped", "Observers that did not read fast enough", registry=registry
        )
        self.webhook = Counter(
            "emoscope_webhook_posts", "Posts of finals: delivered, retried, dropped", ["outcome"], registry=registry
        )
        self.webhook_queue = Gauge("emoscope_webhook_queue", "Finals that wait to be posted", registry=registry)
        self.phone_calls = Counter("emoscope_phone_calls", "Telephone streams begun", ["provider"], registry=registry)
        self.phone_late = Counter(
            "emoscope_phone_late_chunks", "Chunks of telephone audio that came too late", registry=registry
        )
        self.store_failures = Counter("emoscope_store_failures", "Store operations that failed", registry=registry)
        self.lag = Histogram(
            "emoscope_reading_lag_seconds",
            "From the arrival of a reading's last sample until it leaves",
            buckets=LAG_S,
            registry=registry,
        )
        self.batch = Histogram("emoscope_batch_windows", "Windows in a batch", buckets=BATCH, registry=registry)
        self.loop_delay = Histogram(
            "emoscope_loop_delay_seconds", "Lateness of the event loop", buckets=DELAY_S, registry=registry
        )

    def watch(self, watched: Watched) -> None:
        """Read these values at each scrape."""
        self.sessions.set_function(watched.sessions)
        self.queue.set_function(watched.queue)
        self.engine.set_function(watched.busy_s)
        self.transcripts_queue.set_function(watched.transcripts_queue)
        self.recognizer.set_function(watched.transcripts_busy_s)

    def text(self) -> bytes:
        """The page of `/metrics`."""
        page: bytes = generate_latest(self.registry)  # type: ignore[no-untyped-call]
        return page
