"""The four kinds of message of a worker: what to load, that it is loaded, a request, and its response."""

from typing import Any, Generic, TypeVar, Union

import msgspec

from .codec import MAX_MESSAGE_BYTES, Codec, Rebuild

LoadT = TypeVar("LoadT")
LoadedT = TypeVar("LoadedT")
RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")


class LoadFailed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """The worker cannot load what it was started for.

    usage  because of how it was asked for
    again  another process may be able to: there was no memory
    """

    message: str
    usage: bool
    again: bool = False


class Messages(Generic[LoadT, LoadedT, RequestT, ResponseT]):
    """The types of one kind of worker's messages, tagged msgspec Structs, and their codecs.

    The parent sends `load` once and is answered by `loaded` or `LoadFailed`; then each `request` by a `response`.
    """

    def __init__(
        self,
        *,
        load: type[LoadT],
        loaded: type[LoadedT],
        request: type[RequestT],
        response: type[ResponseT],
        rebuild: dict[type, Rebuild] | None = None,
        max_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self.load, self.loaded, self.request, self.response = load, loaded, request, response
        to_worker: Any = Union[load, request]  # noqa: UP007 - the types are values here
        from_worker: Any = Union[loaded, LoadFailed, response]  # noqa: UP007
        self.to_worker: Codec[LoadT | RequestT] = Codec(to_worker, rebuild=rebuild, max_bytes=max_bytes)
        self.from_worker: Codec[LoadedT | LoadFailed | ResponseT] = Codec(
            from_worker, rebuild=rebuild, max_bytes=max_bytes
        )
