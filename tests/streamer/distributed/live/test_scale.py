"""How many replicas there are, as the command line says it, and what cannot be served by several gateways."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from waiting import DEADLINE_S

from emoscope.streamer.cli.main import main
from emoscope.streamer.distributed.live.scale import Replicas, Scale
from emoscope.streamer.protocol.errors import UsageError


@pytest.mark.parametrize(
    ("text", "replicas"), [("2", Replicas(2, 2)), ("1-8", Replicas(1, 8)), ("3-3", Replicas(3, 3))]
)
def test_a_number_and_a_range_of_replicas_are_read(text: str, replicas: Replicas) -> None:
    assert Replicas.of(text, "--gateways") == replicas


@pytest.mark.parametrize("text", ["", "0", "-1", "8-1", "1-", "two", "1-2-3", "1.5"])
def test_any_other_number_of_replicas_is_an_error_that_names_the_option(text: str) -> None:
    with pytest.raises(UsageError, match="--scorers"):
        Replicas.of(text, "--scorers")


@pytest.mark.parametrize("gpus", [-1.0, 1.5])
def test_a_number_of_gpus_that_ray_cannot_give_is_refused(gpus: float) -> None:
    with pytest.raises(UsageError, match="--scorer-gpus"):
        Scale(scorer_gpus=gpus)


def test_replicas_are_fixed_unless_one_kind_has_a_range() -> None:
    assert Scale().is_fixed
    assert not Scale(scorers=Replicas(1, 2)).is_fixed


@pytest.mark.skipif(find_spec("ray") is not None, reason="ray is installed here")
def test_without_ray_one_line_says_how_to_get_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--ray", "--store", "redis://127.0.0.1:6379/0"]) != 0
    assert "pip install 'emoscope[ray]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "--store redis"),
        (["--store", "redis://127.0.0.1:1/0", "--observe-token", "watcher"], "--observe-token"),
        (["--store", "redis://127.0.0.1:1/0", "--port", "0"], "--port 0"),
        (["--store", "redis://127.0.0.1:1/0", "--gateways", "none"], "--gateways none"),
        (["--store", "redis://127.0.0.1:1/0", "--host", "0.0.0.0"], "--token"),
        (["--store", "redis://127.0.0.1:1/0", "--ray", "127.0.0.1:1"], "no Ray cluster answers there"),
    ],
)
def test_what_cannot_be_served_on_a_cluster_is_one_line(options: list[str], says: str) -> None:
    pytest.importorskip("ray")
    command = [
        sys.executable,
        "-m",
        "emoscope.streamer.cli",
        "serve",
        "--model",
        "small",
        "--asr",
        "none",
        "--ray",
        *options,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode in (1, 2)
    [line] = done.stderr.strip().splitlines()
    assert says in line
