"""The messages to the engine's process: everything arrives as it was."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from emoscope.models.pool_state import BestState, MaxState, PoolState, SoftmaxState
from emoscope.models.speaker import SpeakerProfile
from emoscope.models.windows import Window
from emoscope.streamer.engine.messages import MESSAGES, Batch, ModelRequest
from emoscope.streamer.session.requests import Encode, Read

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
    st.text(),
)
counts = st.integers(-(2**40), 2**40)
windows = st.builds(
    Encode,
    st.integers(0, 2**31),
    st.builds(Window, counts, counts, counts, counts, counts),
    st.integers(0, 50).flatmap(vectors),
)


def received(message: ModelRequest | Batch, copy: bool = True) -> ModelRequest | Batch:
    return MESSAGES.to_worker.decode(MESSAGES.to_worker.encode(message), copy=copy)


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
    batch = received(Batch(windows=windows, reads=reads, detections=[]), copy)
    assert isinstance(batch, Batch)
    assert bits(batch.windows) == bits(windows) and bits(batch.reads) == bits(reads)
