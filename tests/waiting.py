"""Waiting for a condition in a test, instead of sleeping in the hope that it holds by then."""

import time
from collections.abc import Callable

DEADLINE_S = 120.0  # far beyond any reasonable delay, so that a busy machine never decides a test


def wait_until(
    condition: Callable[[], object],
    poll_s: float = 0.01,
    failure: Callable[[], str] = lambda: "the condition did not hold in time",
) -> None:
    """Return once the condition holds; AssertionError with the `failure` message when DEADLINE_S have passed."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, failure()
        time.sleep(poll_s)
