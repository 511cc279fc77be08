"""`emoscope replay --ray` on a cluster of two nodes on loopback, with a real Ray."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from frameworks import need
from real_voice import sentence
from waiting import wait_until

from emoscope.streamer import read_record
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.testing import silence

need("ray")

from ray.cluster_utils import Cluster
from ray_cluster import started, two_nodes

COMMAND = [sys.executable, "-m", "emoscope.streamer.cli", "replay"]
OPTIONS = ["--model", "small", "--asr", "none", "--vad", "webrtc", "--no-interim"]
RECORDINGS = 24
PATIENCE_S = 600.0  # a machine of two cores starts eight processes of Ray, one after the other


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Two nodes, each with one CPU."""
    with two_nodes(cpus=1) as (cluster, _):
        yield cluster


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two dozen recordings, of which no two are alike, and a file that is cut off in its header."""
    folder = tmp_path_factory.mktemp("archive") / "in"
    folder.mkdir()
    for number in range(RECORDINGS):
        talk = [silence(0.3 + number / 100), sentence(number % 4), silence(0.7)]
        soundfile.write(folder / f"{number:02d}.flac", np.concatenate(talk), 16_000)
    (folder / "broken.flac").write_bytes((folder / "00.flac").read_bytes()[:20])
    return folder


@pytest.fixture(scope="module")
def plain(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run without Ray writes."""
    out = tmp_path_factory.mktemp("plain") / "out"
    done = subprocess.run([*COMMAND, str(archive), *OPTIONS, "--out", str(out), "--format", "parquet"],
                          capture_output=True, check=False, timeout=PATIENCE_S)  # fmt: skip
    assert done.returncode == 1  # for the broken one
    return out


def on_ray(archive: Path, out: Path, address: str, *more: str) -> "subprocess.Popen[str]":
    """A run on the cluster."""
    command = [*COMMAND, str(archive), *OPTIONS, "--ray", address, "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rows(out: Path) -> dict[str, dict[str, str]]:
    """The rows of the table, by the recordings' names."""
    lines = (out / "summary.csv").read_text(encoding="utf-8").splitlines()
    return {Path(row["file"]).name: row for row in csv.DictReader(lines)}


def parquet_finals(file: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet

    found: list[dict[str, Any]] = pyarrow.parquet.read_table(file).to_pylist()
    return found


def check_same_finals(out: Path, plain: Path) -> None:
    """Each recording has the finals of the run without Ray, in Parquet and in its record."""
    for number in range(RECORDINGS):
        ours, theirs = (parquet_finals(folder / f"{number:02d}.parquet") for folder in (out, plain))
        assert theirs and len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert Path(one.pop("recording")).name == Path(other.pop("recording")).name
            assert one == {**other, **{name: pytest.approx(value, abs=1e-5) for name, value in other.items()
                                       if isinstance(value, float)}}  # fmt: skip
        record = [event for event in read_record(out / f"{number:02d}.jsonl") if isinstance(event, EmotionFinal)]
        assert [event.label for event in record] == [final["label"] for final in theirs]


@pytest.mark.timeout(PATIENCE_S)
def test_a_run_that_was_killed_goes_on_and_leaves_what_a_run_without_ray_leaves(
    cluster: Cluster, archive: Path, plain: Path, tmp_path: Path
) -> None:
    """What is done is not read again; the broken file is a row with its error; Ray prints nothing."""
    out = tmp_path / "out"
    first = on_ray(archive, out, cluster.address, "--jobs", "1")
    wait_until(lambda: first.poll() is not None or len(list(out.glob("*.jsonl"))) >= 3)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    done = {path: path.stat().st_mtime_ns for path in out.glob("*.jsonl")}
    assert 3 <= len(done) < RECORDINGS
    second = on_ray(archive, out, cluster.address, "--skip-done")
    told, err = second.communicate(timeout=PATIENCE_S)
    assert second.returncode == 1 and "2 processes on Ray" in told and "done before" in told, err
    assert err.count("\n") == 1 and "broken.flac" in err
    again = {path for path, when in done.items() if path.stat().st_mtime_ns != when}
    assert len(again) <= 1  # one whose files were there, and not yet its row
    assert rows(out) == rows(plain) and rows(out)["broken.flac"]["error"]
    check_same_finals(out, plain)


@pytest.mark.timeout(PATIENCE_S)
def test_a_recording_that_kills_its_process_is_tried_three_times_and_a_row_with_its_error(
    cluster: Cluster, archive: Path, plain: Path, tmp_path: Path
) -> None:
    """The recording is a named pipe, and whoever opens it is killed. The recordings beside it are read."""
    inside = tmp_path / "in"
    shutil.copytree(archive, inside)
    deadly = inside / "05-deadly.flac"
    os.mkfifo(deadly)
    killed: set[int] = set()

    def kill_readers() -> None:
        while len(killed) < 3:
            writer = os.open(deadly, os.O_WRONLY)  # waits until it is opened for reading
            for reader in opened_by(deadly) - killed - {os.getpid()}:  # one that dies has it open for a while
                killed.add(reader)
                os.kill(reader, signal.SIGKILL)
            os.close(writer)

    killer = threading.Thread(target=kill_readers, daemon=True)
    killer.start()
    run = on_ray(inside, tmp_path / "out", cluster.address)
    _, err = run.communicate(timeout=PATIENCE_S)
    assert run.returncode == 1 and len(killed) == 3, err
    error = rows(tmp_path / "out")["05-deadly.flac"]["error"]
    assert "died 3 times" in error and "Traceback" not in err
    assert sorted(Path(line.split(": ")[1]).name for line in err.splitlines()) == ["05-deadly.flac", "broken.flac"]
    check_same_finals(tmp_path / "out", plain)


def opened_by(path: Path) -> set[int]:
    """The processes that have a file open."""
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(link) == str(path):
                found.add(int(link.parts[2]))
        except OSError:
            continue
    return found


@pytest.mark.timeout(PATIENCE_S)
def test_a_run_outlives_a_node_that_is_lost(cluster: Cluster, archive: Path, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    third = started(cluster, cpus=1)
    run = on_ray(archive, out, cluster.address)
    wait_until(lambda: run.poll() is not None or any(out.glob("*.jsonl")))
    cluster.remove_node(third, allow_graceful=False)
    told, err = run.communicate(timeout=PATIENCE_S)
    assert "3 processes on Ray" in told and err.count("\n") == 1 and "broken.flac" in err
    check_same_finals(out, plain)


@pytest.mark.timeout(PATIENCE_S)
def test_a_model_that_cannot_be_opened_is_one_line(cluster: Cluster, archive: Path, tmp_path: Path) -> None:
    command = [*COMMAND, str(archive), "--model", str(tmp_path / "none"), "--asr", "none", "--ray", cluster.address]
    run = subprocess.run([*command, "--out", str(tmp_path / "out")], capture_output=True, text=True, check=False)
    assert run.returncode in (1, 2) and "Traceback" not in run.stderr
    assert run.stderr.count("\n") <= 2 and str(tmp_path / "none") in run.stderr
