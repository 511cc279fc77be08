"""A session service as an ASGI application, so that any ASGI server can listen for it."""

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import quote

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from ...server.http_gate import method_refused, response
from ...server.session_service import SessionService
from ...server.sockets import subprotocol
from .asgi_socket import AsgiSocket, Message, Receive, Scope, Send

REFUSAL = "websocket.http.response"  # the ASGI extension that answers the request for a websocket with an HTTP response
HOP_BY_HOP = {b"connection"}  # headers that are the ASGI server's to choose


class AsgiApp:
    """Passes requests to the service's gate, and open websockets to its connections."""

    def __init__(self, service: SessionService) -> None:
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, or one websocket from its opening to its end."""
        match scope["type"]:
            case "http":
                await self._http(scope, send)
            case "websocket":
                await self._websocket(scope, receive, send)

    async def _http(self, scope: Scope, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            answer = method_refused()
        else:
            client = object()
            opened = self._service.answer(_request(scope), client)
            self._service.gone(client)
            upgrade = response(HTTPStatus.UPGRADE_REQUIRED, "a websocket is opened here\n", Upgrade="websocket")
            answer = opened or upgrade
        for message in _messages("http.response", answer):
            await send(message)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _request(scope)
        await receive()  # `websocket.connect`
        client = object()
        refusal = self._service.answer(request, client)
        try:
            if refusal is None:
                await self._accepted(request.path, scope, receive, send)
            elif REFUSAL in scope.get("extensions", {}):
                for message in _messages(REFUSAL, refusal):
                    await send(message)
            else:
                await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason_phrase})
        finally:
            self._service.gone(client)

    async def _accepted(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept", "subprotocol": subprotocol(scope.get("subprotocols", []))})
        socket = AsgiSocket(path, receive, send, self._service.options.limits.max_frame_bytes)
        try:
            await self._service.serve(socket)
        finally:
            await socket.finish()


def _request(scope: Scope) -> Request:
    """The request as the HTTP gate reads it."""
    path = quote(scope["path"], safe="/:@!$&'()*+,;=~-._")
    query = scope.get("query_string", b"").decode("latin-1")
    headers = Headers()
    for name, value in scope["headers"]:
        headers[name.decode("latin-1")] = value.decode("latin-1")
    return Request(f"{path}?{query}" if query else path, headers)


def _messages(kind: str, answer: Response) -> Iterable[Message]:
    """The ASGI messages of one response."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.raw_items()]
    kept = [(name, value) for name, value in headers if name not in HOP_BY_HOP]
    yield {"type": f"{kind}.start", "status": answer.status_code, "headers": kept}
    yield {"type": f"{kind}.body", "body": answer.body}


async def lifespan(receive: Receive, send: Send) -> None:
    """Nothing is started or ended by the ASGI server."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
