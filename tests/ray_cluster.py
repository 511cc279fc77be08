"""A Ray cluster of two nodes on this machine, with `emoscope serve --ray` on it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster
from ray.serve._private.common import DeploymentID
from waiting import DEADLINE_S, wait_until

CPUS = 6  # of each node, as Ray counts them; a replica says that it needs one
TOKEN = "the-token-of-the-tests"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ServedCluster:
    """Two nodes, and the command that serves on them.

    url  where clients connect
    """

    def __init__(
        self, cluster: Cluster, nodes: list[Any], process: "subprocess.Popen[bytes]", port: int, log: Path
    ) -> None:
        self.cluster, self.nodes, self.process, self.log = cluster, nodes, process, log
        self.http = f"http://127.0.0.1:{port}"
        self.url = f"ws://127.0.0.1:{port}/v1/stream"

    def replicas(self, deployment: str) -> list[Any]:
        """The actors of a deployment that live."""
        names = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True)]
        mine = [name for name in names if name.startswith(f"SERVE_REPLICA::emoscope#{deployment}#")]
        return [ray.get_actor(name, namespace="serve") for name in mine]

    def kill(self, deployment: str) -> None:
        """End one replica at once, as the kernel ends a process that needs too much memory."""
        ray.kill(self.replicas(deployment)[0])

    def wait_for(self, deployment: str, count: int) -> None:
        """Until so many replicas answer."""
        from ray import serve

        def running() -> bool:
            states = serve.status().applications["emoscope"].deployments[deployment].replica_states
            return states.get("RUNNING", 0) == count and len(states) == 1

        wait_until(running, poll_s=0.2)

    def scale(self, deployment: str, replicas: int) -> None:
        """Let Ray Serve start or end replicas of a deployment, as its autoscaler does."""
        controller = ray.get_actor("SERVE_CONTROLLER_ACTOR", namespace="serve")
        ray.get(controller.update_deployment_replicas.remote(DeploymentID(deployment, "emoscope"), replicas))

    def lose_a_node(self) -> None:
        """End the second node at once, with all that runs there."""
        self.cluster.remove_node(self.nodes[1], allow_graceful=False)

    def logged(self, text: str) -> list[str]:
        """The files of Ray's log, and of the command's, that hold this text."""
        files = [self.log, *Path(ray.nodes()[0]["ObjectStoreSocketName"]).parents[1].joinpath("logs").rglob("*")]
        return [str(one) for one in files if one.is_file() and text.encode() in one.read_bytes()]

    def answers(self) -> bool:
        """Whether a gateway is ready."""
        try:
            with urllib.request.urlopen(f"{self.http}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


@contextmanager
def two_nodes(cpus: int) -> Iterator[tuple[Cluster, list[Any]]]:
    """A cluster of two nodes, each with so many CPUs as Ray counts them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        cluster = Cluster()
        try:
            yield cluster, [started(cluster, cpus, include_dashboard=False), started(cluster, cpus)]
        finally:
            cluster.shutdown()


def started(cluster: Cluster, cpus: int, **options: Any) -> Any:
    """One more node. Ray gives a node half a minute, which is too short where many other tests run."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return cluster.add_node(num_cpus=cpus, **options)
        except Exception:
            if time.monotonic() > deadline:
                raise


@contextmanager
def connected() -> Iterator[tuple[Cluster, list[Any]]]:
    """A cluster of two nodes on which replicas have room; this process is connected to it."""
    with two_nodes(CPUS) as (cluster, nodes):
        try:
            ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR", namespace="serve")
            yield cluster, nodes
        finally:
            ray.shutdown()


@contextmanager
def served_on(cluster: Cluster, nodes: list[Any], store: str, log: Path, *options: str) -> Iterator[ServedCluster]:
    """`emoscope serve --ray` with these options, ready."""
    port = free_port()
    command = [
        sys.executable, "-m", "emoscope.streamer.cli", "serve", "--ray", cluster.address, "--store", store,
        "--port", str(port), "--model", "small", *options,
    ]  # fmt: skip
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stderr=output, env={**os.environ, "EMOSCOPE_TOKEN": TOKEN})
        served = ServedCluster(cluster, nodes, process, port, log)
        try:
            wait_until(lambda: process.poll() is not None or b'"listening"' in log.read_bytes(), poll_s=0.1)
            assert process.poll() is None, log.read_text()
            yield served
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
