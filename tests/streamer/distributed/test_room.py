"""How many processes read on a cluster."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.distributed.archives.room import MOST_TOGETHER, READERS_PER_GPU, Room, room
from emoscope.streamer.protocol.errors import ClusterError, UsageError


def test_without_a_gpu_each_cpu_has_a_process() -> None:
    assert room({"CPU": 6.0}, "auto", None) == Room(6, 1, 0.0, "cpu")
    assert room({"CPU": 6.0}, "auto", 2).readers == 2
    assert room({"CPU": 6.0}, "auto", 99).readers == 6


def test_processes_share_a_gpu() -> None:
    assert room({"CPU": 64.0, "GPU": 2.0}, "auto", None) == Room(2 * READERS_PER_GPU, 1, 1 / READERS_PER_GPU, "cuda")
    assert room({"CPU": 3.0, "GPU": 2.0}, "cuda", None).readers == 3
    assert room({"CPU": 64.0, "GPU": 2.0}, "cpu", None) == Room(64, 1, 0.0, "cpu")


def test_a_cluster_without_room_is_an_error() -> None:
    with pytest.raises(ClusterError, match="no GPU"):
        room({"CPU": 4.0}, "cuda", None)
    with pytest.raises(ClusterError, match="no CPU"):
        room({"memory": 1e9}, "auto", None)
    with pytest.raises(UsageError, match="use cuda"):
        room({"CPU": 4.0, "GPU": 2.0}, "cuda:1", None)


@given(st.integers(1, 10_000), st.integers(1, 200))
def test_every_process_has_several_tasks_where_there_are_enough_recordings(recordings: int, readers: int) -> None:
    together = Room(readers, 1, 0.0, "cpu").together(recordings)
    assert 1 <= together <= MOST_TOGETHER
    assert together == 1 or recordings // together >= readers
