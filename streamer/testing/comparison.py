"""Comparing the events of two runs."""

from collections.abc import Iterable

import msgspec

from ..protocol.events import Event, SessionCreated, Status


def differences(one: Iterable[Event], other: Iterable[Event], tolerance: float = 1e-5) -> list[str]:
    """How two runs differ: one line per difference, an empty list when their events are the same.

    Times and scores may differ by `tolerance`. Whatever depends on wall time is not compared: the events
    `session.created` and `status`, and the field `latency`. Labels are not compared where the best two scores are
    within twice the tolerance of each other, because either of the two is then right.
    """
    ours, theirs = ([e for e in events if not isinstance(e, SessionCreated | Status)] for events in (one, other))
    if len(ours) != len(theirs):
        return [f"{len(ours)} events instead of {len(theirs)}"]
    return [line for a, b in zip(ours, theirs, strict=True) for line in _differ(a, b, tolerance)]


def _differ(a: Event, b: Event, tolerance: float) -> list[str]:
    if a.type != b.type:
        return [f"{a.type} instead of {b.type}"]
    return [f"{a.type}{path}" for path in _paths(msgspec.to_builtins(a), msgspec.to_builtins(b), tolerance)]


def _tied(scores: object, tolerance: float) -> bool:
    """True when the best two scores are so close that either label may win."""
    if not isinstance(scores, dict) or len(scores) < 2:
        return False
    second, best = sorted(scores.values())[-2:]
    return bool(best - second <= 2 * tolerance)


def _paths(a: object, b: object, tolerance: float) -> list[str]:
    """Where two values made of dicts, lists, numbers and strings differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        if a.keys() != b.keys():
            return [f": fields {sorted(a)} instead of {sorted(b)}"]
        skip = {"latency"} | ({"label"} if _tied(a.get("scores"), tolerance) else set())
        return [f".{key}{path}" for key in a if key not in skip for path in _paths(a[key], b[key], tolerance)]
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return [f": {len(a)} items instead of {len(b)}"]
        return [f"[{i}]{path}" for i, (x, y) in enumerate(zip(a, b, strict=True)) for path in _paths(x, y, tolerance)]
    if isinstance(a, float) and isinstance(b, float):
        return [] if abs(a - b) <= tolerance else [f": {a} instead of {b}"]
    return [] if a == b else [f": {a!r} instead of {b!r}"]
