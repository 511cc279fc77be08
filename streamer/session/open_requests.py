"""The requests of a session that have no result yet, in one place, each with what its result is for."""

from dataclasses import dataclass, field
from typing import Any

from ..protocol.errors import UsageError
from .requests import DetectVoice, Encode, Read, Request, Transcribe


@dataclass
class OpenWindow:
    """A window to encode; the step that names the request takes the summary. `interim`: it ends where one is due."""

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


@dataclass
class OpenDetection:
    """Audio in which to detect a voice; the probabilities go to the voice activity detection. At most one is open."""

    request: DetectVoice


OpenRequest = OpenWindow | OpenReading | OpenPass | OpenDetection


@dataclass
class OpenRequestsState:
    """The open requests by id, in the order in which they were issued. `last_id` is the id that was given last."""

    last_id: int = 0
    windows: dict[int, OpenWindow] = field(default_factory=dict)
    readings: dict[int, OpenReading] = field(default_factory=dict)
    passes: dict[int, OpenPass] = field(default_factory=dict)
    detections: dict[int, OpenDetection] = field(default_factory=dict)

    @property
    def kinds(self) -> tuple[dict[int, Any], ...]:
        """The open requests by kind; detections come first, since everything else follows from them."""
        return self.detections, self.windows, self.readings, self.passes


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

    def add_detection(self, request: DetectVoice) -> None:
        """Issue a request for the probabilities of a voice."""
        self.state.detections[request.id] = OpenDetection(request)
        self._new.append(request)

    def take_new(self) -> list[Request]:
        """The requests issued since the last call."""
        new, self._new = self._new, []
        return new

    def pending(self) -> list[Request]:
        """Every request without a result."""
        return [one.request for kind in self.state.kinds for one in kind.values()]

    def interim_windows(self) -> set[int]:
        """Ids of the windows that end where an interim reading is due: all that `Session.skip_interims` gives up."""
        return {number for number, window in self.state.windows.items() if window.interim}

    def close_window(self, number: int) -> Encode:
        """Remove an open window that will get no result."""
        return self.state.windows.pop(number).request

    def close(self, number: int) -> OpenRequest:
        """Remove the request that got its one result; UsageError when no such request is open."""
        for kind in self.state.kinds:
            if number in kind:
                one: OpenRequest = kind.pop(number)
                return one
        raise UsageError(f"request {number} was never made or has its result already; give each request one result")
