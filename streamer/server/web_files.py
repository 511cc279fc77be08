"""The files of the web page: everything below `web/` that a browser asks for, each with its type and ETag.

Besides them, the client as one module, for pages of other origins.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from .web_bundle import bundle

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}
"""Types of the files that are served; other files of the folder (package.json) are for tools alone."""

FOLDER, START = "web", "index.html"
CLIENT = "/emoscope.js"
"""Path of the client's one module."""

SECURITY_HEADERS = {
    "Content_Security_Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions_Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer_Policy": "no-referrer",  # the address may hold a token
    "Cross_Origin_Opener_Policy": "same-origin",
}
"""Headers of each file: the page runs its own scripts alone, and talks to its own server alone."""


@dataclass(frozen=True)
class WebFile:
    """One file of the page.

    etag    changes with the content, so that a browser asks again and is answered 304 while nothing has changed
    shared  whether pages of other origins may load it
    """

    body: bytes
    content_type: str
    etag: str
    shared: bool = False

    @classmethod
    def of(cls, body: bytes, content_type: str, *, shared: bool = False) -> "WebFile":
        """A file with the ETag of its content."""
        return cls(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"', shared)


def web_files() -> Mapping[str, WebFile]:
    """The files by the path of the URL: `/` is the page, `/web/...` what it loads, `/emoscope.js` the client."""
    found = {f"/{path}": file for path, file in _read(files(__package__) / FOLDER, FOLDER)}
    modules = {path: file.body.decode() for path, file in found.items() if path.endswith(".js")}
    client = WebFile.of(bundle(modules).encode(), CONTENT_TYPES[".js"], shared=True)
    return {"/": found.pop(f"/{FOLDER}/{START}"), **found, CLIENT: client}


def _read(folder: Traversable, path: str) -> Iterator[tuple[str, WebFile]]:
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        content_type = CONTENT_TYPES.get("." + entry.name.rpartition(".")[2])
        if entry.is_dir():
            yield from _read(entry, name)
        elif content_type is not None:
            yield name, WebFile.of(entry.read_bytes(), content_type)
