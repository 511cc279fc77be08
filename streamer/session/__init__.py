"""One voice, from samples to events, without input or output: no socket, no thread, no clock and no model.

`Session.feed` takes audio and `Session.apply` takes results; both return an `Output` of events and of requests, each of
which wants exactly one result. Who answers the requests, and when, is for others to decide.

Names are looked up on first use: a process that needs only the types of the results does not load the voice detector.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .requests import Done as Done
    from .requests import Dropped as Dropped
    from .requests import Encode as Encode
    from .requests import Engine as Engine
    from .requests import Failed as Failed
    from .requests import Late as Late
    from .requests import Read as Read
    from .requests import Request as Request
    from .requests import Result as Result
    from .requests import Summary as Summary
    from .requests import Transcribe as Transcribe
    from .session import Output as Output
    from .session import Session as Session
    from .spans import speech_spans as speech_spans
    from .transcript.hypothesis import Hypothesis as Hypothesis
    from .transcript.hypothesis import RecognizedSegment as RecognizedSegment

_LAZY = {
    "Done": "requests",
    "Dropped": "requests",
    "Encode": "requests",
    "Engine": "requests",
    "Failed": "requests",
    "Hypothesis": "transcript.hypothesis",
    "Late": "requests",
    "Output": "session",
    "Read": "requests",
    "RecognizedSegment": "transcript.hypothesis",
    "Request": "requests",
    "Result": "requests",
    "Session": "session",
    "Summary": "requests",
    "Transcribe": "requests",
    "speech_spans": "spans",
}

__all__ = [
    "Done",
    "Dropped",
    "Encode",
    "Engine",
    "Failed",
    "Hypothesis",
    "Late",
    "Output",
    "Read",
    "RecognizedSegment",
    "Request",
    "Result",
    "Session",
    "Summary",
    "Transcribe",
    "speech_spans",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        value = getattr(import_module(f".{_LAZY[name]}", __name__), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
