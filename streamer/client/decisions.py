"""What to do when a connection has ended, or did not come about."""

from dataclasses import dataclass

from ..protocol.errors import Disconnected, EmoscopeError
from ..protocol.messages import CloseCode

ADVICE = {
    CloseCode.SHUTTING_DOWN: "the server is shutting down; start again when it is back, or with another server",
    CloseCode.TOO_LARGE: "a message was too large for the server; send shorter blocks",
    CloseCode.BAD_REQUEST: "the server did not understand this client; use the same version on both sides",
    CloseCode.UNAUTHORISED: "the server does not know this token; give the right one",
    CloseCode.IDLE: "nothing was sent for too long, so the server ended the session; open another",
    CloseCode.TAKEN: "another connection took this session over; only one at a time can have it",
    CloseCode.TOO_FAST: "audio was sent faster than the server reads it; send a file with pace 'fast'",
    CloseCode.SLOW_CONSUMER: "events were not read fast enough, so the server ended the session; iterate all the time",
}


@dataclass(frozen=True)
class Retry:
    """Connect again after `delay_s`."""

    delay_s: float
    why: str


@dataclass(frozen=True)
class Stop:
    """It is over: whole, or with an error that says what to do."""

    error: EmoscopeError | None = None


Decision = Retry | Stop


def disconnected(code: int, said: str) -> Disconnected:
    """The error for a close code after which nobody tries again; `said` is what the server gave as its reason."""
    try:
        advice = ADVICE.get(CloseCode(code))
    except ValueError:
        advice = None
    message = advice or "the server ended the connection; its log says why"
    return Disconnected(f"{message} (close code {code}{': ' + said if said else ''})", code)
