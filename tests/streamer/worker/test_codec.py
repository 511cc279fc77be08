"""Messages as frames of bytes: everything arrives as it was, and what is no message is refused."""

import struct
from dataclasses import dataclass
from multiprocessing.connection import Pipe
from threading import Thread

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from emoscope.streamer.protocol.errors import RecordInvalid
from emoscope.streamer.worker.channel import Channel
from emoscope.streamer.worker.codec import INLINE_BYTES, Codec


@dataclass(frozen=True)
class Part:
    number: int
    values: npt.NDArray[np.float32]


class Letter(msgspec.Struct, tag=True):
    text: str
    parts: list[Part] = []


class Note(msgspec.Struct, tag=True):
    text: str


CODEC: Codec[Letter | Note] = Codec(Letter | Note, max_bytes=2**20)
floats = arrays(np.float32, array_shapes(max_dims=3, max_side=20), elements=st.floats(width=32))
letters = st.builds(Letter, st.text(), st.lists(st.builds(Part, st.integers(-(2**40), 2**40), floats), max_size=5))


@given(letters, st.booleans())
def test_a_message_arrives_as_it_was(letter: Letter, copy: bool) -> None:
    received = [bytes(frame) for frame in CODEC.encode(letter)]
    back = CODEC.decode(received, copy=copy)
    assert isinstance(back, Letter) and back.text == letter.text and len(back.parts) == len(letter.parts)
    for one, other in zip(back.parts, letter.parts, strict=True):
        assert one.number == other.number and one.values.dtype == other.values.dtype
        assert one.values.shape == other.values.shape and one.values.tobytes() == other.values.tobytes()
        assert one.values.flags.writeable == copy


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_small_arrays_travel_in_the_first_frame_and_large_ones_in_their_own(dtype: type) -> None:
    codec: Codec[Part] = Codec(Part)
    small: np.ndarray = np.arange(10, dtype=dtype)
    large: np.ndarray = np.arange(INLINE_BYTES, dtype=dtype)
    assert len(codec.encode(Part(1, small))) == 1
    frames = codec.encode(Part(1, large))
    assert len(frames) == 2 and codec.frames_after(frames[0]) == 1
    assert (codec.decode(frames, copy=False).values == large).all()


def test_a_slice_of_a_longer_array_arrives_alone() -> None:
    values = np.arange(100, dtype=np.float32)[10:30:2]
    back = CODEC.decode(CODEC.encode(Letter("", [Part(1, values)])), copy=True)
    assert isinstance(back, Letter) and back.parts[0].values.tolist() == values.tolist()


@given(st.binary(max_size=200), st.lists(st.binary(max_size=50), max_size=2))
def test_bytes_that_are_no_message_are_refused(head: bytes, others: list[bytes]) -> None:
    try:
        message = CODEC.decode([head, *others], copy=True)
    except RecordInvalid:
        return
    assert isinstance(message, Letter | Note)


@pytest.mark.parametrize(
    "array",
    [
        ("<O", (1,), b"\0" * 8),
        ("|O", (1,), 0),
        ("<f4", (2,), b"\0" * 4),
        ("<f4", (2,), 0),
        ("<f4", (1,), 7),
        ("<f4", (1,), -2),
        ("<f4", (-1,), b"\0" * 4),
        ("<f4", (-1, -1), b"\0" * 4),
        ("<f4", (1,), "text"),
        ("<f4", 1, b"\0" * 4),
        (["<f4"], (1,), b"\0" * 4),
        None,
    ],
)
def test_an_array_that_cannot_be_there_is_refused(array: object) -> None:
    body = msgspec.msgpack.encode({"type": "Letter", "text": "", "parts": [{"number": 1, "values": array}]})
    with pytest.raises(RecordInvalid):
        CODEC.decode([struct.pack("<I", 1) + body, b"\0" * 4], copy=True)


def test_a_message_that_is_too_large_is_refused_before_it_is_copied() -> None:
    one = np.zeros(1, np.float32)
    with pytest.raises(RecordInvalid, match="1 MB are allowed"):
        CODEC.encode(Letter("", [Part(1, np.broadcast_to(one, 2**40))]))  # 4 TB, if it were
    with pytest.raises(RecordInvalid, match="1 MB are allowed"):
        CODEC.encode(Note("x" * (2**20 + 1)))


def test_what_is_neither_plain_nor_an_array_is_not_sent() -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        CODEC.encode(Note(object()))  # type: ignore[arg-type]


def channels() -> tuple[Channel[Letter | Note, Letter | Note], Channel[Letter | Note, Letter | Note]]:
    one, other = Pipe()
    return Channel(one, CODEC, CODEC, copy=True), Channel(other, CODEC, CODEC, copy=True)


def test_messages_of_any_size_pass_through_a_channel_in_order() -> None:
    ours, theirs = channels()
    sent: list[Letter | Note] = [
        Note("first"),
        Letter("large", [Part(k, np.full(30_000, k, np.float32)) for k in range(8)]),
        Note(""),
    ]

    def send() -> None:
        for message in sent:
            ours.send(message)

    sending = Thread(target=send)
    sending.start()
    got = [theirs.receive() for _ in sent]
    sending.join()
    assert [message.text for message in got] == ["first", "large", ""]
    assert isinstance(got[1], Letter) and [part.values.mean() for part in got[1].parts] == list(range(8))
    ours.close()
    with pytest.raises(EOFError):
        theirs.receive()


@pytest.mark.parametrize(
    "frames",
    [
        [b"ab"],
        [struct.pack("<I", 0) + b"\xc1"],
        [b"\0" * (2**20 + 1)],
        [struct.pack("<I", 2**32 - 1), *[b"\0" * 2**19] * 3],
    ],
    ids=["too short", "no MessagePack", "too long", "too long together"],
)
def test_a_channel_refuses_what_is_no_message(frames: list[bytes]) -> None:
    one, other = Pipe()
    channel = Channel(one, CODEC, CODEC, copy=True)

    def send() -> None:
        try:
            for frame in frames:
                other.send_bytes(frame)
        except OSError:  # the channel has been closed
            pass

    sending = Thread(target=send)
    sending.start()
    with pytest.raises(RecordInvalid):
        channel.receive()
    channel.close()
    sending.join()
