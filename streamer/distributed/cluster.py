"""The one place where a Ray cluster is connected to. Importing this module does not import Ray.

Ray is quiet here: its own lines go to its log files, and what matters is an error of ours. No data leaves: its usage
statistics are turned off.
"""

import logging
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..protocol.errors import ClusterError, UsageError
from ..sources.stderr_redirect import quiet_stderr

LOCAL, AUTO = "local", "auto"
CONNECT_TIMEOUT_S = 3.0
_TOKEN = Path.home() / ".ray" / "auth_token"
_HOST_AND_PORT = re.compile(r"(?P<host>[^\s:/\[\]]+|\[[0-9A-Fa-f:.]+\]):(?P<port>\d{1,5})")
# What every gRPC server, as Ray's is, answers at once (RFC 9113, section 3.4): an empty SETTINGS frame for ours.
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_FRAME_HEAD, _FRAME_TYPE, _SETTINGS = 9, 3, 4


def is_address(text: str) -> bool:
    """Whether a text can be the address of a cluster: `local`, `auto` or HOST:PORT."""
    return text in (LOCAL, AUTO) or _HOST_AND_PORT.fullmatch(text) is not None


def check_address(address: str) -> None:
    """UsageError where that is no address of a cluster."""
    if not is_address(address):
        raise UsageError(
            f"--ray {address}: must be HOST:PORT of a cluster's head, auto for the cluster that this machine is a node "
            "of, or local for one of its own, which is the default"
        )


@contextmanager
def cluster(address: str = LOCAL) -> Iterator[None]:
    """Inside, this process is a driver of a Ray cluster.

    address  `local` starts one on this machine, which ends with the process; `auto` takes the one that this machine is
             a node of; HOST:PORT is a cluster's head, of which this machine must be a node

    ClusterError, within seconds, where there is no cluster, and ModuleNotFoundError without Ray.
    """
    check_address(address)
    _quieten()
    import ray

    if address not in (LOCAL, AUTO):
        host, port = _host_and_port(address)
        _check_head(host, port)
        if _is_this_machine(host) and _TOKEN.is_file():
            os.environ.setdefault("RAY_AUTH_MODE", "token")  # Ray itself does so for `auto` alone
    try:
        with quiet_stderr():
            ray.init(
                address=address,
                include_dashboard=False if address == LOCAL else None,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
            )
    except ConnectionError:
        if address != AUTO:
            raise ClusterError(
                f"--ray {address}: what listens there is not Ray, or refuses this machine; "
                "where a cluster has a token, set RAY_AUTH_MODE=token"
            ) from None
        raise ClusterError(
            "--ray auto: this machine is no node of a Ray cluster; `ray start --address HOST:PORT` makes it one"
        ) from None
    except (
        Exception,
        SystemExit,
    ) as error:  # a node that takes longer than 30 s to start is a plain Exception of Ray's
        raise ClusterError(f"--ray {address}: Ray cannot be used here: {one_line(error)}") from None
    try:
        yield
    finally:
        ray.shutdown()


def one_line(error: BaseException) -> str:
    """What went wrong, without Ray's traceback: the last line of its message that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__


def _quieten() -> None:
    """Set what Ray reads when it is imported; what a user has set already stays, but for the usage statistics."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("RAY_NUM_REDIS_GET_RETRIES", "3")  # of a second each; it also counts where there is no Redis
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    for name in ("ray", "ray.data", "ray.serve"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _host_and_port(address: str) -> tuple[str, int]:
    match = _HOST_AND_PORT.fullmatch(address)
    assert match is not None
    return match["host"].strip("[]"), int(match["port"])


def _is_this_machine(host: str) -> bool:
    """Whether a host is this machine itself, by one of its addresses: only those can be bound."""
    try:
        [(family, kind, protocol, _, place), *_] = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(family, kind, protocol) as candidate:
            candidate.bind(place)
    except OSError:
        return False
    return True


def _check_head(host: str, port: int) -> None:
    """ClusterError where nothing listens, or something else than Ray: Ray itself would try for minutes."""
    address = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), CONNECT_TIMEOUT_S) as connection:
            if os.environ.get("RAY_USE_TLS") == "1":
                return
            connection.settimeout(CONNECT_TIMEOUT_S)
            connection.sendall(_HTTP2_PREFACE)
            head = connection.recv(_FRAME_HEAD)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ClusterError(
            f"--ray {address}: no Ray cluster answers there ({reason}); `ray start --head` starts one, and "
            "`ray status` shows whether it runs"
        ) from None
    if len(head) < _FRAME_HEAD or head[_FRAME_TYPE] != _SETTINGS:
        raise ClusterError(
            f"--ray {address}: what listens there is not Ray; the head of a cluster usually listens on 6379"
        )
