"""Connecting to a Ray cluster, or starting one on this machine."""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..protocol.errors import UsageError

CONNECT_TIMEOUT_S = 5.0


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Connected to a cluster for as long as the block lasts.

    address  HOST:PORT of its head; None for the one that runs on this machine, which is started if there is none

    UsageError where there is none. Ray sends no statistics of use, and its log stays in its own folder.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ModuleNotFoundError:
        raise UsageError("--ray needs the package ray: pip install 'emoscope[ray]'") from None

    if address is not None:
        _check_reachable(address)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UsageError(f"--ray {address}: {str(error).splitlines()[0]}") from None
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():  # Ray's own would abort the process
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ray itself waits for minutes for a cluster that is not there."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--ray {address}: expected HOST:PORT of the cluster's head, such as 10.0.0.5:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"--ray {address}: no cluster answers there ({reason}); start one with `ray start --head`, or name no "
            "address to run it on this machine alone"
        ) from None
