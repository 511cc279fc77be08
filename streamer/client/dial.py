"""A socket to a server, or an error that says what to do."""

import asyncio
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidProxy, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from ..protocol.errors import EmoscopeError, RefusedByServer, UnreachableServer, UsageError
from ..protocol.messages import PATH, SUBPROTOCOL

OPEN_S = 10.0
CLOSE_S = 0.5  # for the other side's goodbye
PING_S, PONG_S = 5.0, 15.0  # tells a way up that leads nowhere, while the server still speaks
MOST_BYTES = 16 * 1_048_576  # of one event: as good as none, but not the whole memory


@dataclass
class Refusal(Exception):
    """No socket came about.

    passing  it may come about later
    wait_s   but not before that, if the server said so
    """

    error: EmoscopeError
    passing: bool = False
    wait_s: float = 0.0


def address(url: str) -> str:
    """The URL of a stream; UsageError when it is none. Without a path it is completed."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
        usable = usable and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(f"{url}: not the address of a server; such as ws://127.0.0.1:8765 or wss://host{PATH}")
    return urlunsplit(parts._replace(path=PATH if parts.path in ("", "/") else parts.path))


async def dial(url: str, token: str | None, context: ssl.SSLContext | None) -> ClientConnection:
    """Open a socket to `address`. Raises Refusal."""
    where = urlunsplit(urlsplit(url)._replace(query=""))  # a token may stand in the query: not for messages
    options: dict[str, Any] = {} if context is None else {"ssl": context}
    try:
        socket = await connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            ping_interval=PING_S,
            ping_timeout=PONG_S,
            max_size=MOST_BYTES,
            proxy=None if _near(url) else True,
            **options,
        )
    except Exception as error:
        raise _refusal(error, where) from None
    if socket.subprotocol != SUBPROTOCOL:
        await socket.close()
        raise Refusal(
            RefusedByServer(f"{where}: a websocket, but it does not speak {SUBPROTOCOL}; is it an emoscope server?")
        )
    return socket


def _near(url: str) -> bool:
    """A server on this machine is not asked for through a proxy."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refusal(error: Exception, where: str) -> Refusal:
    match error:
        case InvalidStatus():
            return _by_status(error, where)
        case asyncio.TimeoutError():
            return Refusal(UnreachableServer(f"{where}: no answer within {OPEN_S:.0f} s"), passing=True)
        case ssl.SSLCertVerificationError():
            reason = error.verify_message or str(error)
            return Refusal(
                UnreachableServer(
                    f"{where}: the server's certificate is not trusted ({reason}); if it is your own, name it with --ca"
                )
            )
        case ssl.SSLError():
            return Refusal(
                UnreachableServer(f"{where}: no TLS there ({error.reason or error}); if it is plain, use ws://"),
                passing=True,
            )
        case ConnectionRefusedError():
            return Refusal(
                UnreachableServer(f"{where}: nobody listens there; is the server started? (emoscope serve)"),
                passing=True,
            )
        case InvalidMessage() if not isinstance(error.__cause__, EOFError):
            reason = "what answers there is no emoscope server; if it wants TLS, use wss://"
            return Refusal(RefusedByServer(f"{where}: {reason} ({error.__cause__ or error})"))
        case InvalidMessage() | EOFError() | ConnectionError():
            reason = "the connection ended before the server had answered; if it wants TLS, use wss://"
            return Refusal(UnreachableServer(f"{where}: {reason}"), passing=True)
        case OSError():
            return Refusal(UnreachableServer(f"{where}: {error.strerror or error}"), passing=True)
        case InvalidProxy() | InvalidURI():
            return Refusal(UsageError(f"{where}: {error}"))
        case InvalidHandshake():
            return Refusal(RefusedByServer(f"{where}: not an emoscope server ({error})"))
    return Refusal(UnreachableServer(f"{where}: {error}"))


def _by_status(error: InvalidStatus, where: str) -> Refusal:
    status = error.response.status_code
    if status == 401:
        why = "the server wants a token, or another one than this; give it with --token"
    elif status == 403:
        why = "the server does not take requests from here (origin)"
    elif status == 404 and urlsplit(where).path != PATH:
        why = f"no stream at this address; it is at {PATH}"
    elif status == 503:
        wait_s = _seconds(error.response.headers.get("Retry-After"))
        why = "the server is full" + (f"; try again in {wait_s:.0f} s" if wait_s else "; try again later")
        return Refusal(RefusedByServer(f"{where}: {why} (HTTP 503)", 503, wait_s), passing=True, wait_s=wait_s or 0.0)
    elif status >= 500:
        return Refusal(RefusedByServer(f"{where}: the server has trouble (HTTP {status})", status), passing=True)
    else:
        why = "not an emoscope server"
    return Refusal(RefusedByServer(f"{where}: {why} (HTTP {status})", status))


def _seconds(text: str | None) -> float | None:
    """Of a Retry-After; a date is not looked at."""
    return float(text) if text is not None and text.strip().isdecimal() else None
