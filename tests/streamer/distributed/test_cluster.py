"""The option `--ray` and the connection to a cluster, where no Ray is needed."""

import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.cli.main import main
from emoscope.streamer.cli.ray_options import with_address
from emoscope.streamer.distributed.cluster import is_address


@pytest.fixture(autouse=True)
def pydantic_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command has a process of its own; here other tests may have loaded it, by Ray, and cyclopts would use it."""
    monkeypatch.delitem(sys.modules, "pydantic", raising=False)


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where something listens that is not Ray: it answers with a line of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"220 mail.example.org\r\n")
                connection.recv(64)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (["replay", "a", "--ray"], ["replay", "a", "--ray", "local"]),
        (["replay", "--ray", "a.wav"], ["replay", "--ray", "local", "a.wav"]),
        (["replay", "--ray", "--out", "x"], ["replay", "--ray", "local", "--out", "x"]),
        (["replay", "--ray", "head:6379", "a"], ["replay", "--ray", "head:6379", "a"]),
        (["replay", "--ray", "auto", "a"], ["replay", "--ray", "auto", "a"]),
        (["replay", "--ray=auto", "a"], ["replay", "--ray=auto", "a"]),
    ],
)
def test_the_address_may_be_left_out(given: list[str], read: list[str]) -> None:
    assert with_address(given) == read


@given(st.lists(st.sampled_from(["replay", "a.wav", "--ray", "auto", "h:1", "--out", "x"])))
def test_every_ray_has_an_address_and_nothing_else_changes(arguments: list[str]) -> None:
    """Only `local` is added, and only after `--ray`."""
    completed = with_address(arguments)
    for place, argument in enumerate(completed):
        if argument == "--ray":
            assert is_address(completed[place + 1])
    added = [place for place, one in enumerate(completed) if one == "local"]
    assert all(completed[place - 1] == "--ray" for place in added)
    assert [one for one in completed if one != "local"] == arguments


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--ray=somewhere"], "HOST:PORT"),
        (["--ray"], "--out DIR"),
        (["--ray", "--out", "x.csv"], "--out DIR"),
        (["--ray", "--out", "x", "--json"], "--json does not go with --ray"),
        (["--ray", "--out", "x", "--speed", "1"], "--speed does not go with --ray"),
        (["--ray", "--out", "x", "--record", "y"], "--record does not go with --ray"),
    ],
)
def test_what_does_not_go_with_ray_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"")
    assert main(["replay", "a.wav", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_without_ray_one_line_says_how_to_get_it(
    conversation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    assert main(["replay", str(conversation), "--ray", "--out", str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err == "emoscope: this needs ray: pip install 'emoscope[ray]'\n"


def test_a_port_where_no_cluster_is_is_one_line_within_seconds(
    conversation: Path, tmp_path: Path, deaf_port: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """Whether nothing listens there or something else than Ray."""
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    for port, said in ((free, "no Ray cluster answers there"), (deaf_port, "is not Ray")):
        began = time.monotonic()
        out = tmp_path / f"out{port}"
        assert main(["replay", str(conversation), "--ray", f"127.0.0.1:{port}", "--out", str(out)]) == 1
        err = capsys.readouterr().err
        assert said in err and f"127.0.0.1:{port}" in err and err.count("\n") == 1
        assert time.monotonic() - began < 10
