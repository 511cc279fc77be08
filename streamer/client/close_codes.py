"""Close codes after which a client does not reconnect, as errors that say what to do."""

from ..protocol.errors import Disconnected
from ..protocol.messages import CloseCode

ADVICE = {
    CloseCode.SHUTTING_DOWN: "the server is shutting down; start again when it is back, or with another server",
    CloseCode.TOO_LARGE: "a message was too large for the server; send shorter blocks",
    CloseCode.BAD_REQUEST: "the server did not understand this client; use the same version on both sides",
    CloseCode.UNAUTHORISED: "the server does not know this token; give the right one",
    CloseCode.TAKEN: "another connection took this session over; only one at a time can have it",
    CloseCode.TOO_FAST: "audio was sent faster than the server reads it; send a file with pace 'fast'",
    CloseCode.SLOW_CONSUMER: "events were not read fast enough, so the server ended the session; iterate all the time",
}


def disconnected(code: int, reason: str) -> Disconnected:
    """The error for a close code that is not retried; `reason` is the text that the server gave with it."""
    try:
        advice = ADVICE.get(CloseCode(code))
    except ValueError:
        advice = None
    message = advice or "the server ended the connection; its log says why"
    return Disconnected(f"{message} (close code {code}{': ' + reason if reason else ''})", code)
