"""Where a request of a websocket leads: to a stream, to the observation of one, or to a telephone provider's stream."""

from dataclasses import dataclass
from typing import Literal, get_args
from urllib.parse import unquote

from ..protocol.messages import OBSERVE_PATH, PATH

Provider = Literal["twilio", "telnyx", "signalwire", "asterisk"]
"""Who sends a telephone call; each has a path of its own, `/twilio` and so on."""

PROVIDERS: tuple[Provider, ...] = get_args(Provider)


@dataclass(frozen=True)
class StreamEntrance:
    """`/v1/stream`: a client of the protocol."""


@dataclass(frozen=True)
class ObserveEntrance:
    """`/v1/observe/SESSION`: an observer; `session` is "" at `/v1/observe`, which lists the sessions."""

    session: str


@dataclass(frozen=True)
class PhoneEntrance:
    """`/twilio` or `/twilio/TOKEN`: a provider's stream, which may have the token in the path, "" without."""

    provider: Provider
    token: str


Entrance = StreamEntrance | ObserveEntrance | PhoneEntrance


def entrance(path: str) -> Entrance | None:
    """The entrance at the path of a URL, without its query; None where there is none."""
    if path == PATH:
        return StreamEntrance()
    if path == OBSERVE_PATH or path.startswith(f"{OBSERVE_PATH}/"):
        return ObserveEntrance(unquote(path[len(OBSERVE_PATH) + 1 :]))
    name, _, token = path.removeprefix("/").partition("/")
    for provider in PROVIDERS:
        if name == provider:
            return PhoneEntrance(provider, unquote(token))
    return None
