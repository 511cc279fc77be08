"""Which failures of the model count against a session, and which are those of an engine that is away as a whole."""

import secrets
from collections.abc import Callable, Sequence

from ..session.requests import Done, Failed, Result, VoiceProbabilities
from .client_session import ClientSession


class ModelFailures:
    """Counts how often in a row the model failed on a session: once in an outage of the engine.

    A session with whose requests the model dies each time has to be given up. But while no model answers, each session
    that is resumed fails again at once, and is not the cause. So its first failure in an outage counts, as that may
    have begun it, and the next one counts once the engine has answered in between.

    engine_failure  why the engine does not answer at the moment, "" while it does
    """

    def __init__(self, engine_failure: Callable[[], str]) -> None:
        self._engine_failure = engine_failure
        self._outage = ""  # its name, "" while the engine answers, as far as that was seen

    def watch(self) -> None:
        """See whether an outage is over; to be called many times a second."""
        if self._outage and not self._engine_failure():
            self._outage = ""

    def of(self, session: ClientSession, results: Sequence[Result]) -> str | None:
        """Why the model failed on the session, which is counted; None where the results can be applied.

        What the voice detector failed to answer can be applied: the session goes on without it.
        """
        if self._outage and any(isinstance(result, Done) for result in results):
            self._outage = ""
        for result in results:
            if isinstance(result, Failed) and not result.detector:
                self._count(session)
                return result.message
        if any(isinstance(one, Done) and not isinstance(one.value, VoiceProbabilities) for one in results):
            session.failures = 0
        return None

    def _count(self, session: ClientSession) -> None:
        self.watch()
        if self._engine_failure():
            self._outage = self._outage or secrets.token_hex(8)
            if session.outage == self._outage:
                return
        session.outage = self._outage
        session.failures += 1
