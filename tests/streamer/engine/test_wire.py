"""What crosses to the engine's process and back: everything arrives, and nonsense is refused."""

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoscope.models.pool_state import BestState, MaxState, PoolState, SoftmaxState
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import Window
from emoscope.streamer.engine.wire import Batch, ToEngine, Wanted, unpack
from emoscope.streamer.protocol.errors import RecordInvalid
from emoscope.streamer.session.requests import Encode, Read
from emoscope.streamer.worker.codec import LARGEST, LENGTHS, lengths, pack

numbers = st.floats(width=32)


def vectors(*shape: int) -> st.SearchStrategy[np.ndarray]:
    return arrays(np.float32, shape, elements=numbers)


states = st.one_of(
    st.builds(SoftmaxState, vectors(2, 1), vectors(2, 1), vectors(2, 1, 3), vectors(2, 1, 3)),
    st.builds(MaxState, vectors(5)),
    st.builds(BestState, vectors(1), vectors(4)),
)
profiles = st.none() | st.builds(SpeakerProfile, vectors(3), st.floats(0, 8))
reads = st.builds(
    Read,
    st.integers(0, 2**31),
    states,
    st.floats(0, 1e5),
    profiles,
    st.booleans(),
    st.lists(st.text()).map(tuple),
    st.none() | st.text(),
    st.floats(0, 1),
)
counts = st.integers(-(2**40), 2**40)
windows = st.builds(
    Encode,
    st.integers(0, 2**31),
    st.builds(Window, counts, counts, counts, counts, counts),
    st.integers(0, 50).flatmap(vectors),
)


def crossed(message: object, copy: bool = True) -> object:
    raw = b"".join(pack(message))  # type: ignore[arg-type]
    head, body = lengths(raw[: LENGTHS.size])
    assert len(raw) == LENGTHS.size + head + body
    return unpack(raw[LENGTHS.size : LENGTHS.size + head], raw[LENGTHS.size + head :], ToEngine, copy=copy)


def bits(value: object) -> object:
    """Something that is equal only where every bit is."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, PoolState):
        return value.kind, {name: bits(array) for name, array in value.arrays().items()}
    if isinstance(value, list | tuple):
        return [bits(item) for item in value]
    if isinstance(value, Encode | Read | SpeakerProfile):
        return {name: bits(item) for name, item in vars(value).items()}
    return value


@given(st.lists(windows, max_size=4), st.lists(reads, max_size=4), st.booleans())
def test_a_batch_arrives_as_it_was(windows: list[Encode], reads: list[Read], copy: bool) -> None:
    batch = crossed(Batch(windows=windows, reads=reads), copy)
    assert isinstance(batch, Batch)
    assert bits(batch.windows) == bits(windows) and bits(batch.reads) == bits(reads)


def test_a_slice_of_a_longer_recording_arrives_alone() -> None:
    audio = np.arange(100, dtype=np.float32)[10:30:2]
    batch = crossed(Batch(windows=[Encode(1, Window(0, 10, 0, 10, 0), audio)], reads=[]))
    assert isinstance(batch, Batch) and batch.windows[0].audio.tolist() == audio.tolist()


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_nonsense_is_refused(head: bytes, body: bytes) -> None:
    try:
        unpack(head, body, ToEngine, copy=True)
    except RecordInvalid:
        return
    assert isinstance(msgspec.msgpack.decode(head, type=ToEngine), Wanted)


@pytest.mark.parametrize(
    "told", [("<O", (1,), 0), ("|O", (1,), 0), ("<f4", (2,), 0), ("<f4", (1,), 9), ("<f4", (-1,), 0)]
)
def test_an_array_that_cannot_be_there_is_refused(told: tuple[object, ...]) -> None:
    head = msgspec.msgpack.encode(
        {"type": "Batch", "windows": [{"id": 1, "window": Window(0, 1, 0, 1, 0), "audio": told}], "reads": []}
    )
    with pytest.raises(RecordInvalid):
        unpack(head, b"\0\0\0\0", ToEngine, copy=True)


def test_lengths_beyond_all_reason_are_refused_before_memory_is_taken() -> None:
    with pytest.raises(RecordInvalid):
        lengths(LENGTHS.pack(0, LARGEST + 1))
    huge = np.zeros(1, np.float32)
    with pytest.raises(RecordInvalid, match="--batch"):
        pack(Batch(windows=[Encode(1, Window(0, 1, 0, 1, 0), np.broadcast_to(huge, LARGEST // 4 + 1))], reads=[]))
