"""Loops a session and an engine for one recording, and adds what only the edge knows: wall time."""

import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract
from emoscope.models.errors import ModelError

from ..protocol.config import Config
from ..protocol.errors import EmoscopeError
from ..protocol.events import (
    NOTICE,
    PROTOCOL,
    AnyEvent,
    Error,
    Limits,
    ModelInfo,
    SessionCreated,
    WarningEvent,
)
from ..session.requests import DetectVoice, Engine, Failed, Transcribe, answered
from ..session.session import Output, Session
from .product import product
from .rules import ChannelView, SecondCounter, StreamView, status


def created(contract: ModelContract, config: Config, source: str | None = None) -> SessionCreated:
    """The first event of a session; its `started_at` is the one wall time."""
    return SessionCreated(
        session_id=secrets.token_hex(8),
        source=source,
        protocol=PROTOCOL,
        server=product(),
        started_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        model=ModelInfo(
            id=contract.id,
            labels=list(contract.labels),
            dimensions=list(contract.dimensions),
            languages=list(contract.languages),
            licence=contract.licence,
        ),
        config=config,
        limits=Limits(),
        notice=NOTICE,
    )


class Drive:
    """One session and its engine, in one thread: the events of a block come before the next block is read."""

    def __init__(
        self, session: Session, engine: Engine, source: str | None = None, warnings: Sequence[WarningEvent] = ()
    ) -> None:
        self.session, self.engine, self.source, self.warnings = session, engine, source, warnings
        self._busy_s = 0.0
        self._seconds = SecondCounter()
        self._failure: str | None = None
        self._reported: list[WarningEvent] = []

    def report(self, warnings: Sequence[WarningEvent]) -> None:
        """Warnings of whoever reads the blocks; they leave before the events of the block that comes next."""
        self._reported += warnings

    def run(self, blocks: Iterable[npt.NDArray[np.generic]]) -> Iterator[AnyEvent]:
        """All events of a recording.

        When reading `blocks` fails, the audio before it is read out, and then the error is raised. When the model
        fails, every utterance still ends, and ModelError is raised last.
        """
        yield created(self.session.contract, self.session.config, self.source)
        yield from self.warnings
        try:
            for block in blocks:
                yield from self._take_reported()
                yield from self._answered(self.session.feed, block)
                yield from self._status()
        except EmoscopeError as error:
            yield from self._answered(lambda: Output([], self.session.pending()))
            yield Error(code="invalid_audio_frame", message=str(error), fatal=False)
            yield from self._answered(self.session.finish)
            raise
        yield from self._take_reported()
        yield from self._answered(self.session.finish)
        if self._failure is not None:
            raise ModelError(self._failure)

    def _answered(self, call: Callable[..., Output], *arguments: npt.NDArray[np.generic]) -> Iterator[AnyEvent]:
        """The events of one call on the session, once all of its requests have their results."""
        began = time.perf_counter()
        events, requests = call(*arguments)
        while requests:
            results = answered(self.engine, requests)
            optional = {request.id for request in requests if isinstance(request, Transcribe | DetectVoice)}
            failures = (r.message for r in results if isinstance(r, Failed) and r.id not in optional)
            self._failure = next(failures, self._failure)
            more, requests = self.session.apply(results)
            events += more
        self._busy_s += time.perf_counter() - began
        yield from events

    def _take_reported(self) -> list[WarningEvent]:
        taken, self._reported = self._reported, []
        return taken

    def _status(self) -> Iterator[AnyEvent]:
        """One for each second of audio."""
        view = StreamView(audio_s=self.session.audio_s, channels=[ChannelView.of(self.session)])
        for _ in range(self._seconds.passed(view.audio_s)):
            yield status(view, self._busy_s)
