"""The requests of a session that have no result yet, in one place, each with what its result is for."""

from dataclasses import dataclass, field

from ..protocol.errors import UsageError
from .requests import Encode, Read, Request, Transcribe


@dataclass
class OpenWindow:
    """A window to encode; the step that names the request takes the summary. `interim`: only an interim needs it."""

    request: Encode
    interim: bool


@dataclass
class OpenReading:
    """A reading to compute; it completes entry `entry` of the outbox."""

    request: Read
    entry: int


@dataclass
class OpenPass:
    """A stretch of audio to transcribe; the words go to the transcript's pass that has the request's id."""

    request: Transcribe


OpenRequest = OpenWindow | OpenReading | OpenPass


@dataclass
class OpenRequestsState:
    """The open requests by id, in the order in which they were issued. `last_id` is the id that was given last."""

    last_id: int = 0
    windows: dict[int, OpenWindow] = field(default_factory=dict)
    readings: dict[int, OpenReading] = field(default_factory=dict)
    passes: dict[int, OpenPass] = field(default_factory=dict)


class OpenRequests:
    """Gives ids, remembers each request until its result comes, and collects the new ones for the session's output."""

    def __init__(self, state: OpenRequestsState) -> None:
        self.state = state
        self._new: list[Request] = []

    def new_id(self) -> int:
        """An id that no request of this session has."""
        self.state.last_id += 1
        return self.state.last_id

    def add_window(self, request: Encode, *, interim: bool) -> None:
        """Issue a request to encode a window."""
        self.state.windows[request.id] = OpenWindow(request, interim)
        self._new.append(request)

    def add_reading(self, request: Read, entry: int) -> None:
        """Issue a request for the reading that completes an entry of the outbox."""
        self.state.readings[request.id] = OpenReading(request, entry)
        self._new.append(request)

    def add_pass(self, request: Transcribe) -> None:
        """Issue a request to transcribe."""
        self.state.passes[request.id] = OpenPass(request)
        self._new.append(request)

    def take_new(self) -> list[Request]:
        """The requests issued since the last call."""
        new, self._new = self._new, []
        return new

    def pending(self) -> list[Request]:
        """Every request without a result."""
        state = self.state
        return [one.request for kind in (state.windows, state.readings, state.passes) for one in kind.values()]

    def interim_windows(self) -> set[int]:
        """Ids of the windows that only an interim reading needs."""
        return {number for number, window in self.state.windows.items() if window.interim}

    def close(self, number: int) -> OpenRequest:
        """Remove the request that got its one result; UsageError when no such request is open."""
        state = self.state
        for kind in (state.windows, state.readings, state.passes):
            if number in kind:
                return kind.pop(number)
        raise UsageError(f"request {number} was never made or has its result already; give each request one result")
