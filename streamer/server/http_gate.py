"""Answers HTTP requests, and decides before the upgrade who may open a websocket."""

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import msgspec
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ..protocol.messages import PATH
from .entrances import ObserveEntrance, PhoneEntrance, entrance
from .metrics import CONTENT_TYPE
from .options import LOCAL_NAMES, ServerOptions
from .web_files import SECURITY_HEADERS, WebFile

RETRY_AFTER_S = 5
MAX_ORIGIN_CHARACTERS = 200  # of a refused origin that are repeated
MAX_REPORTED_ORIGINS = 100  # so that strangers cannot fill the log


def method_refused() -> Response:
    """The answer to a request that is no GET."""
    return response(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is answered\n", Allow="GET")


def response(
    status: HTTPStatus, body: bytes | str, content_type: str = "text/plain; charset=utf-8", **extra: str
) -> Response:
    """A complete HTTP response; in the names of `extra` headers underscores stand for hyphens."""
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
        field = name.replace("_", "-")
        if field in headers:
            del headers[field]  # an assignment would add a second header of this name
        headers[field] = value
    return Response(int(status), status.phrase, headers, raw)


class HttpGate:
    """The response to each HTTP request; None opens the websocket.

    page                   files of the web page, by path
    metrics                body of `/metrics`
    ready                  JSON object of `/readyz`; its status is "ready" or says what is missing
    has_room               whether one more websocket may be opened
    sessions               those that can be observed, as a JSON array
    observers              HTTP status for one more observer of a session: 101, 404 or 503
    report_refused_origin  takes each origin that was refused, once, and what would allow it
    """

    def __init__(
        self,
        options: ServerOptions,
        *,
        page: Mapping[str, WebFile],
        metrics: Callable[[], bytes],
        ready: Callable[[], dict[str, object]],
        has_room: Callable[[], bool],
        sessions: Callable[[], list[dict[str, object]]] = list,
        observers: Callable[[str], HTTPStatus] = lambda session: HTTPStatus.NOT_FOUND,
        report_refused_origin: Callable[[str, str], None] = lambda origin, advice: None,
    ) -> None:
        self._report_refused_origin, self._reported_origins = report_refused_origin, set[str]()
        self._options, self._page, self._metrics, self._ready, self._has_room = options, page, metrics, ready, has_room
        self._sessions, self._observers = sessions, observers
        self._token = None if options.token is None else options.token.encode()
        self._observe_token = None if options.observe_token is None else options.observe_token.encode()

    def answer(self, request: Request) -> Response | None:
        """The response to one request; None when the websocket may be opened."""
        if getattr(request, "method", "GET") != "GET":  # websockets 15 refuses other methods itself, and has no field
            return method_refused()
        try:
            url = urlsplit(request.path)
        except ValueError:
            return response(HTTPStatus.BAD_REQUEST, "not an address\n")
        match url.path:
            case "/healthz":
                return self._json(HTTPStatus.OK, {"status": "ok"})
            case "/readyz":
                state = self._ready()
                status = HTTPStatus.OK if state["status"] == "ready" else HTTPStatus.SERVICE_UNAVAILABLE
                return self._json(status, state)
            case path if path in self._page:
                return self._file(request, self._page[path])
            case "/metrics":
                if not self._has_token(request, url.query):
                    return self._token_needed()
                return response(HTTPStatus.OK, self._metrics(), CONTENT_TYPE)
        found = entrance(url.path)
        if found is None:
            return response(HTTPStatus.NOT_FOUND, f"nothing at {url.path[:100]!r}; the stream is at {PATH}\n")
        if isinstance(found, ObserveEntrance):
            return self._observe(request, url.query, found.session)
        if not self._has_token(request, url.query, found.token if isinstance(found, PhoneEntrance) else ""):
            return self._token_needed()
        if not self._origin_allowed(request):
            return self._origin_refused(" ".join(request.headers.get_all("Origin")))
        return None if self._has_room() else unavailable("the server is full")

    def _observe(self, request: Request, query: str, session: str) -> Response | None:
        """Observers have a token of their own: a sender's admits to nothing here, and theirs to nothing else."""
        if self._observe_token is None:
            return response(HTTPStatus.NOT_FOUND, "observing is off; serve with --observe-token\n")
        if not _sent(self._observe_token, request, query):
            return self._token_needed()
        if not self._origin_allowed(request):
            return self._origin_refused(" ".join(request.headers.get_all("Origin")))
        if not session:
            return self._json(HTTPStatus.OK, self._sessions())
        match self._observers(session):
            case HTTPStatus.NOT_FOUND:
                return response(HTTPStatus.NOT_FOUND, f"no session {session[:100]!r} is here\n")
            case HTTPStatus.SERVICE_UNAVAILABLE:
                return unavailable("the session has as many observers as it may have")
        return None

    def _file(self, request: Request, file: WebFile) -> Response:
        """A file of the page. The browser keeps it, and asks each time whether it has changed."""
        headers = {"ETag": file.etag, "Cache_Control": "no-cache", **SECURITY_HEADERS}
        if file.shared:
            headers |= {"Access_Control_Allow_Origin": "*"}
        known = ",".join(request.headers.get_all("If-None-Match"))
        if file.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
            unchanged = response(HTTPStatus.NOT_MODIFIED, b"", file.content_type, **headers)
            del unchanged.headers["Content-Length"]  # it would be the file's length, not that of no body
            return unchanged
        return response(HTTPStatus.OK, file.body, file.content_type, **headers)

    def _json(self, status: HTTPStatus, value: object) -> Response:
        return response(status, msgspec.json.encode(value), "application/json")

    def _token_needed(self) -> Response:
        message = "a token is needed: Authorization: Bearer TOKEN, or ?token=TOKEN\n"
        return response(HTTPStatus.UNAUTHORIZED, message, WWW_Authenticate="Bearer")

    def _origin_refused(self, sent: str) -> Response:
        """Browsers do not show this response, so it is also reported to whoever runs the server."""
        origin = sent[:MAX_ORIGIN_CHARACTERS].encode("ascii", "replace").decode()
        advice = "give it the page's scheme, host and port by --origin"
        if _is_origin(sent):
            advice = f"to let them, start the server with --origin {origin}"
        if origin not in self._reported_origins and len(self._reported_origins) < MAX_REPORTED_ORIGINS:
            self._reported_origins.add(origin)
            self._report_refused_origin(origin, advice)
        return response(HTTPStatus.FORBIDDEN, f"pages of {origin!r} may not connect here; {advice}\n")

    def _has_token(self, request: Request, query: str, in_path: str = "") -> bool:
        """Whether the request carries the token, if one is needed."""
        return self._token is None or _sent(self._token, request, query, in_path)

    def _origin_allowed(self, request: Request) -> bool:
        """Programs send no Origin. A page must be the server's own or one that the options name.

        Any web page can try to connect to this machine.
        """
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
        # The Host must be a name of this server: another name may have been made to point here (DNS rebinding).
        own_names = {*LOCAL_NAMES, self._options.host, f"[{self._options.host}]"}
        return origin.netloc == host and origin.scheme in ("http", "https") and _host_name(host) in own_names


def _sent(expected: bytes, request: Request, query: str, in_path: str = "") -> bool:
    """Whether the request carries this token: in its header, its query or its path. Compared in constant time.

    Asterisk sends it as the password of HTTP's Basic scheme, and Twilio, which sends neither header nor query, in the
    path.
    """
    headers = [value.partition(" ") for value in request.headers.get_all("Authorization")]
    sent = [value.strip() for kind, _, value in headers if kind.lower() == "bearer"]
    sent += [token for token in (*parse_qs(query).get("token", []), in_path) if token]
    # Last, because a proxy may want credentials of its own.
    sent += [_password(value) for kind, _, value in headers if kind.lower() == "basic"]
    return any(hmac.compare_digest(token.encode("utf-8", "surrogateescape"), expected) for token in sent[:1])


def _password(credentials: str) -> str:
    """The password of the Basic scheme; empty when it is none."""
    try:
        decoded = base64.b64decode(credentials.strip(), validate=True)
        return decoded.partition(b":")[2].decode("utf-8", "surrogateescape")
    except ValueError:
        return ""


def unavailable(message: str) -> Response:
    """503: the same request may be answered later."""
    return response(HTTPStatus.SERVICE_UNAVAILABLE, f"{message}; try again later\n", Retry_After=str(RETRY_AFTER_S))


def _is_origin(text: str) -> bool:
    """Whether this is an origin as browsers send it for a page that has an address."""
    return re.fullmatch(r"https?://[\w.:\[\]-]+", text, re.ASCII) is not None and len(text) <= MAX_ORIGIN_CHARACTERS


def _host_name(host: str) -> str:
    """A Host header without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
