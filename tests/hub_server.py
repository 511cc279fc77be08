"""A hub of one folder: what huggingface_hub asks of a server to fetch a repository, and no more."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


@contextmanager
def hub_of(name: str, folder: Path) -> Iterator[str]:
    """Serve `folder` as the repository `name`; gives the address. Every other repository does not exist."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Nothing is printed."""

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path.startswith(f"/api/models/{name}/tree/"):
                tree = [
                    {"type": "file", "path": one.name, "size": one.stat().st_size, "oid": COMMIT}
                    for one in sorted(folder.iterdir())
                ]
                self.answer(200, json.dumps(tree).encode(), {})
                return
            if path.startswith(f"/api/models/{name}"):
                files = [{"rfilename": one.name} for one in sorted(folder.iterdir())]
                self.answer(200, json.dumps({"id": name, "sha": COMMIT, "siblings": files}).encode(), {})
                return
            prefix = f"/{name}/resolve/{COMMIT}/"
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file():
                content = file.read_bytes()
                tag = hashlib.sha256(content).hexdigest()
                self.answer(200, content, {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})
                return
            code = "EntryNotFound" if path.startswith(f"/{name}/") else "RepoNotFound"
            self.answer(404, b"", {"X-Error-Code": code})

        def answer(self, status: int, content: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
