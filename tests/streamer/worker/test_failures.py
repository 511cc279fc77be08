"""When a process in which requests fail ends, so that another one takes its place."""

import pytest

from emoscope.streamer.worker.failures import LASTING_S, MAX_FAILURES, FailuresInARow, ServiceBroken


def test_a_process_ends_where_everything_has_failed_for_some_seconds() -> None:
    failures = FailuresInARow()
    for number in range(MAX_FAILURES):
        failures.note("no device", now=100.0 + number)
    with pytest.raises(ServiceBroken, match="no device"):
        failures.note("no device", now=100.0 + LASTING_S)


def test_a_process_outlives_a_batch_that_fails_with_each_of_its_requests() -> None:
    """One client's audio, or a moment without memory, must not cost everybody a loaded model."""
    failures = FailuresInARow()
    for _ in range(10 * MAX_FAILURES):
        failures.note("no memory", now=100.0)


def test_two_failures_that_are_far_apart_end_no_process() -> None:
    failures = FailuresInARow()
    for now in (100.0, 1_000.0):
        failures.note("this window", now)


def test_one_success_starts_the_count_again() -> None:
    failures = FailuresInARow()
    for number in range(10 * MAX_FAILURES):
        failures.note("" if number % MAX_FAILURES == MAX_FAILURES - 1 else "no device", now=100.0 * number)
