"""A real HTTP server that takes the posts of a webhook, and can answer them in every wrong way."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from typing import Any


@dataclass
class Received:
    """One post."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers are statuses, `hang` or `garbage`; after the last one comes 200.

    release  lets those requests go on that hang
    """

    answers: Iterator[int | str]
    url: str = ""
    received: list[Received] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)


@contextmanager
def receiving(*answers: int | str) -> Iterator[Receiver]:
    """The receiver, at a free loopback port, for as long as the block lasts."""
    receiver = Receiver(chain(answers, repeat(200)))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            match next(receiver.answers):
                case "hang":
                    receiver.release.wait(60)
                case "garbage":
                    self.wfile.write(b"\x00\x01 nothing that is HTTP\r\n")
                case status:
                    self.send_response(int(status))
                    if 300 <= int(status) < 400:
                        self.send_header("Location", f"{receiver.url}/elsewhere")
                    self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/finals?from=emoscope"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.release.set()
        server.shutdown()
        server.server_close()
        thread.join()
