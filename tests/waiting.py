"""Waiting for a condition in a test, instead of sleeping in the hope that it holds by then."""

import time
from collections.abc import Callable

DEADLINE_S = 120.0  # far beyond any reasonable delay, so that a busy machine never decides a test


def wait_until(condition: Callable[[], bool], poll_s: float = 0.01) -> None:
    """Return once the condition holds; AssertionError when it does not within DEADLINE_S."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        time.sleep(poll_s)
