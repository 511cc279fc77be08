"""Who may come in, and what HTTP is answered: decided before the upgrade."""

import hmac
import re
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ..protocol.messages import PATH
from .metrics import CONTENT_TYPE
from .options import LOCAL_NAMES, ServerOptions

RETRY_AFTER_S = 5
LONGEST_ORIGIN = 200  # characters of it that are repeated
MOST_ORIGINS = 100  # that are told of: strangers fill no log


def answer(
    status: HTTPStatus, body: bytes | str, content_type: str = "text/plain; charset=utf-8", **extra: str
) -> Response:
    """A whole HTTP response; underscores in a header's name are hyphens."""
    raw = body.encode() if isinstance(body, str) else body
    headers = Headers(
        {
            "Content-Type": content_type,
            "Content-Length": str(len(raw)),
            "Connection": "close",
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
    )
    for name, value in extra.items():
        headers[name.replace("_", "-")] = value
    return Response(int(status), status.phrase, headers, raw)


class Doors:
    """The answer to each HTTP request; None opens the websocket."""

    def __init__(
        self,
        options: ServerOptions,
        *,
        page: Callable[[], bytes],
        metrics: Callable[[], bytes],
        ready: Callable[[], dict[str, object]],
        room: Callable[[], bool],
        foreign: Callable[[str, str], None] = lambda origin, advice: None,
    ) -> None:
        """foreign: hears of an origin that was turned away, once each, and what would let it in."""
        self._foreign, self._told = foreign, set[str]()
        self._options, self._page, self._metrics, self._ready, self._room = options, page, metrics, ready, room
        self._token = None if options.token is None else options.token.encode()

    def open(self, request: Request) -> Response | None:
        """Judge one request."""
        try:
            url = urlsplit(request.path)
        except ValueError:
            return answer(HTTPStatus.BAD_REQUEST, "not an address\n")
        match url.path:
            case "/healthz":
                return self._json(HTTPStatus.OK, {"status": "ok"})
            case "/readyz":
                state = self._ready()
                status = HTTPStatus.OK if state["status"] == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
                return self._json(status, state)
            case "/":
                policy = "default-src 'self' 'unsafe-inline' blob:; img-src data:; connect-src 'self' ws: wss:"
                return answer(HTTPStatus.OK, self._page(), "text/html; charset=utf-8", Content_Security_Policy=policy)
            case "/metrics":
                if not self._known(request, url.query):
                    return self._unknown()
                return answer(HTTPStatus.OK, self._metrics(), CONTENT_TYPE)
            case path if path != PATH:
                return answer(HTTPStatus.NOT_FOUND, f"nothing at {path[:100]!r}; the stream is at {PATH}\n")
        if not self._known(request, url.query):
            return self._unknown()
        if not self._welcome(request):
            return self._turned_away(" ".join(request.headers.get_all("Origin")))
        if not self._room():
            return answer(
                HTTPStatus.SERVICE_UNAVAILABLE, "the server is full; try again later\n", Retry_After=str(RETRY_AFTER_S)
            )
        return None

    def _json(self, status: HTTPStatus, value: dict[str, object]) -> Response:
        return answer(status, msgspec.json.encode(value), "application/json")

    def _unknown(self) -> Response:
        message = "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN\n"
        return answer(HTTPStatus.UNAUTHORIZED, message, WWW_Authenticate="Bearer")

    def _turned_away(self, sent: str) -> Response:
        """Browsers show this answer to nobody: whoever runs the server must find it in the log."""
        origin = sent[:LONGEST_ORIGIN].encode("ascii", "replace").decode()
        advice = "give it the page's scheme, host and port by --origin"
        if _is_origin(sent):
            advice = f"to let them, start the server with --origin {origin}"
        if origin not in self._told and len(self._told) < MOST_ORIGINS:
            self._told.add(origin)
            self._foreign(origin, advice)
        return answer(HTTPStatus.FORBIDDEN, f"pages of {origin!r} may not connect here; {advice}\n")

    def _known(self, request: Request, query: str) -> bool:
        """Compared in constant time, whatever was sent."""
        if self._token is None:
            return True
        shown = [value for value in request.headers.get_all("Authorization") if value[:7].lower() == "bearer "]
        tokens = [value[7:].strip() for value in shown] or parse_qs(query).get("token", [])
        return any(hmac.compare_digest(token.encode("utf-8", "surrogateescape"), self._token) for token in tokens[:1])

    def _welcome(self, request: Request) -> bool:
        """A program sends no Origin. A page must be our own, or named: any page may try to connect to this machine."""
        origins = request.headers.get_all("Origin")
        if not origins:
            return True
        if len(origins) != 1:
            return False
        if origins[0] in self._options.origins:
            return True
        host = request.headers.get("Host", "")
        try:
            origin = urlsplit(origins[0])
        except ValueError:
            return False
        # The Host must be a name that is ours: a foreign name may have been made to point here (DNS rebinding).
        ours = {*LOCAL_NAMES, self._options.host, f"[{self._options.host}]"}
        return origin.netloc == host and origin.scheme in ("http", "https") and _name(host) in ours


def _is_origin(text: str) -> bool:
    """What a browser calls the place of a page that has one."""
    return re.fullmatch(r"https?://[\w.:\[\]-]+", text, re.ASCII) is not None and len(text) <= LONGEST_ORIGIN


def _name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
