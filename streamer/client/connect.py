"""Opening a websocket to a server. A failure says whether a retry may help, and what the user can do."""

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

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 0.5  # for the other side's half of the closing handshake
PING_INTERVAL_S, PONG_TIMEOUT_S = 5.0, 15.0  # these detect a dead uplink while the server's messages still arrive
MAX_EVENT_BYTES = 16 * 1_048_576  # far more than any event, but a bound on memory


@dataclass
class ConnectFailed(Exception):
    """No websocket could be opened.

    retryable    another attempt may succeed
    min_delay_s  but not before that, if the server sent a Retry-After
    """

    error: EmoscopeError
    retryable: bool = False
    min_delay_s: float = 0.0


def stream_url(url: str) -> str:
    """The URL of a stream; the protocol's path is added when the URL has none. UsageError when it is not a URL."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("ws", "wss") and bool(parts.hostname) and parts.port != 0
        usable = usable and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise UsageError(
            f"{url}: not the address of a server; expected one such as ws://127.0.0.1:8765 or wss://host{PATH}"
        )
    return urlunsplit(parts._replace(path=PATH if parts.path in ("", "/") else parts.path))


async def open_websocket(url: str, token: str | None, context: ssl.SSLContext | None) -> ClientConnection:
    """Open a websocket to a `stream_url`. Raises ConnectFailed."""
    where = urlunsplit(urlsplit(url)._replace(query=""))  # the query may contain a token, so messages omit it
    options: dict[str, Any] = {} if context is None else {"ssl": context}
    try:
        socket = await connect(
            url,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=PING_INTERVAL_S,
            ping_timeout=PONG_TIMEOUT_S,
            max_size=MAX_EVENT_BYTES,
            proxy=None if _is_local(url) else True,
            **options,
        )
    except Exception as error:
        raise _failure(error, where) from None
    if socket.subprotocol != SUBPROTOCOL:
        await socket.close()
        raise ConnectFailed(
            RefusedByServer(f"{where}: a websocket, but it does not speak {SUBPROTOCOL}; is it an emoscope server?")
        )
    return socket


def _is_local(url: str) -> bool:
    """The server is on this machine, so no HTTP proxy is used."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _failure(error: Exception, where: str) -> ConnectFailed:
    match error:
        case InvalidStatus():
            return _http_failure(error, where)
        case asyncio.TimeoutError():
            return ConnectFailed(UnreachableServer(f"{where}: no answer within {OPEN_TIMEOUT_S:.0f} s"), retryable=True)
        case ssl.SSLCertVerificationError():
            reason = error.verify_message or str(error)
            return ConnectFailed(
                UnreachableServer(
                    f"{where}: the server's certificate is not trusted ({reason}); if it is your own, give it with --ca"
                )
            )
        case ssl.SSLError():
            return ConnectFailed(
                UnreachableServer(
                    f"{where}: the server does not speak TLS ({error.reason or error}); without TLS, use ws://"
                ),
                retryable=True,
            )
        case ConnectionRefusedError():
            return ConnectFailed(
                UnreachableServer(f"{where}: connection refused; is the server running? (emoscope serve)"),
                retryable=True,
            )
        case InvalidMessage() if not isinstance(error.__cause__, EOFError):
            reason = "this is not an emoscope server; if it requires TLS, use wss://"
            return ConnectFailed(RefusedByServer(f"{where}: {reason} ({error.__cause__ or error})"))
        case InvalidMessage() | EOFError() | ConnectionError():
            reason = "the connection ended before the server answered; if it requires TLS, use wss://"
            return ConnectFailed(UnreachableServer(f"{where}: {reason}"), retryable=True)
        case OSError():
            return ConnectFailed(UnreachableServer(f"{where}: {error.strerror or error}"), retryable=True)
        case InvalidProxy() | InvalidURI():
            return ConnectFailed(UsageError(f"{where}: {error}"))
        case InvalidHandshake():
            return ConnectFailed(RefusedByServer(f"{where}: not an emoscope server ({error})"))
    return ConnectFailed(UnreachableServer(f"{where}: {error}"))


def _http_failure(error: InvalidStatus, where: str) -> ConnectFailed:
    status = error.response.status_code
    if status == 401:
        why = "the server requires a token, or a different one; give it with --token"
    elif status == 403:
        why = "the server does not accept requests from this origin"
    elif status == 404 and urlsplit(where).path != PATH:
        why = f"no stream at this path; it is at {PATH}"
    elif status == 503:
        retry_after_s = _retry_after_s(error.response.headers.get("Retry-After"))
        why = "the server is full" + (f"; try again in {retry_after_s:.0f} s" if retry_after_s else "; try again later")
        return ConnectFailed(
            RefusedByServer(f"{where}: {why} (HTTP 503)", 503, retry_after_s),
            retryable=True,
            min_delay_s=retry_after_s or 0.0,
        )
    elif status >= 500:
        return ConnectFailed(RefusedByServer(f"{where}: the server failed (HTTP {status})", status), retryable=True)
    else:
        why = "not an emoscope server"
    return ConnectFailed(RefusedByServer(f"{where}: {why} (HTTP {status})", status))


def _retry_after_s(text: str | None) -> float | None:
    """The seconds of a Retry-After header; a date is ignored."""
    return float(text) if text is not None and text.strip().isdecimal() else None
