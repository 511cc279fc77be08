"""Client messages and audio on the wire."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.protocol import events
from emoscope.streamer.protocol import messages as protocol
from emoscope.streamer.protocol.audio import bytes_per_sample, decode_audio, encode_audio
from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.errors import InvalidAudio, InvalidJson, ProtocolError, UnknownType
from emoscope.streamer.protocol.messages import decode_client, encode_client

MESSAGES = st.one_of(
    st.just(protocol.Flush()),
    st.just(protocol.Reset()),
    st.just(protocol.Finish()),
    st.builds(protocol.Keepalive, last_seq=st.integers(0, 2**53) | st.lists(st.integers(0, 2**53), max_size=4)),
    st.builds(protocol.Enroll, seconds=st.floats(0.1, 600)),
    st.builds(protocol.SessionUpdate, config=st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=8))),
    st.builds(protocol.SessionResume, session_id=st.text(), resume_token=st.text(), last_seq=st.integers(0, 9)),
)


@given(MESSAGES)
def test_every_message_comes_back_as_it_was(message: protocol.AnyMessage) -> None:
    if "\\ud" not in ascii(message):  # JSON has no lone surrogates
        assert decode_client(encode_client(message)) == message


@pytest.mark.parametrize(
    ("text", "kind", "param"),
    [
        ("", InvalidJson, None),
        ("[]", InvalidJson, None),
        ("nul", InvalidJson, None),
        ('{"type":"flush"', InvalidJson, None),
        ('{"type":"flush"} x', InvalidJson, None),
        ("[" * 100_000, InvalidJson, None),
        ('{"type":"session.update","config":' + '{"a":' * 100_000, InvalidJson, None),
        (b"\xff\xfe", InvalidJson, None),
        ("{}", UnknownType, "type"),
        ('{"type":"flushed"}', UnknownType, "type"),
        ('{"type":7}', UnknownType, "type"),
        ('{"type":"flush","now":true}', InvalidJson, "now"),
        ('{"type":"keepalive","last_seq":-1}', InvalidJson, "last_seq"),
        ('{"type":"keepalive","last_seq":"1"}', InvalidJson, "last_seq"),
        ('{"type":"enroll"}', InvalidJson, "seconds"),
        ('{"type":"enroll","seconds":NaN}', InvalidJson, None),
        ('{"type":"session.update","config":[]}', InvalidJson, "config"),
        ('{"type":"session.resume","session_id":"a"}', InvalidJson, "resume_token"),
    ],
)
def test_what_is_no_message_is_refused_by_name(text: str | bytes, kind: type[ProtocolError], param: str | None) -> None:
    with pytest.raises(kind) as caught:
        decode_client(text)
    assert caught.value.param == param
    assert caught.value.code in protocol.NOT_FATAL


@given(st.text() | st.binary())
def test_nothing_that_is_sent_as_text_breaks_the_decoder(text: str | bytes) -> None:
    with suppress(ProtocolError):
        assert decode_client(text).type in protocol.TYPES


@given(st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=64))
def test_sixteen_bits_pass_unchanged(values: list[int]) -> None:
    samples = np.array(values, np.int16)
    assert (decode_audio(encode_audio(samples, "pcm_s16le"), Config())[:, 0] == samples).all()


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=64))
def test_floats_pass_unchanged(values: list[float]) -> None:
    samples = np.array(values, np.float32)
    config = Config(encoding="pcm_f32le")
    assert (decode_audio(encode_audio(samples, "pcm_f32le"), config)[:, 0] == samples).all()


def test_mulaw_is_that_of_the_standard() -> None:
    """G.711, table 2b: the values of some codes, and that every code stands for itself."""
    table = {0xFF: 0, 0x7F: 0, 0xFE: 8, 0x80: 32_124, 0x00: -32_124, 0x8F: 16_764, 0xEF: 132, 0x6F: -132}
    config = Config(encoding="mulaw", sample_rate=8_000)
    for code, value in table.items():
        assert decode_audio(bytes([code]), config)[0, 0] == value
    codes = bytes(set(range(256)) - {0x7F})  # the second zero
    assert encode_audio(decode_audio(codes, config)[:, 0], "mulaw") == codes


def test_mulaw_errs_by_at_most_half_a_step() -> None:
    """Every value of 16 bits, and as much below 0 as above; what is louder than the last step is clipped."""
    config = Config(encoding="mulaw", sample_rate=8_000)
    values = np.arange(-32_768, 32_768)
    decoded = decode_audio(encode_audio(values.astype(np.int16), "mulaw"), config)[:, 0].astype(np.int64)
    heard = np.clip(values, -32_635, 32_635)
    step = 2 ** (np.floor(np.log2(np.abs(heard) + 132)) - 4)  # G.711, table 2a: 8 in the first segment, then doubled
    assert (np.abs(decoded - heard) <= step / 2).all()
    np.testing.assert_array_equal(decoded[1:], -decoded[1:][::-1])


@given(st.integers(1, 200), st.sampled_from(["pcm_s16le", "pcm_f32le", "mulaw"]), st.integers(1, 4))
def test_a_part_of_a_sample_is_refused(count: int, encoding: str, channels: int) -> None:
    step = bytes_per_sample(encoding) * channels
    config = Config(encoding=encoding, channels=channels)  # type: ignore[arg-type]
    if count % step == 0:
        assert decode_audio(bytes(count), config).shape == (count // step, channels)
    else:
        with pytest.raises(InvalidAudio, match="whole samples"):
            decode_audio(bytes(count), config)


def test_a_frame_is_ten_seconds_at_most() -> None:
    assert len(decode_audio(bytes(320_000), Config())) == 160_000
    with pytest.raises(InvalidAudio, match="10 s"):
        decode_audio(bytes(320_002), Config())


def test_fatal_and_not_fatal_codes_are_those_of_the_protocol() -> None:
    assert not protocol.FATAL.keys() & protocol.NOT_FATAL
    assert len(protocol.FATAL) == 9 and len(protocol.NOT_FATAL) == 6
    assert not {int(code) for code in protocol.FATAL.values()} & protocol.RENEWED - {4404, 4410}


def test_an_event_of_one_voice_names_no_channel_and_one_of_a_split_session_does() -> None:
    plain = events.SpeechStarted(seq=1, utterance=1, start=0.5)
    assert b"channel" not in events.encode(plain)
    split = msgspec.structs.replace(plain, channel=1)
    assert b'"channel":1' in events.encode(split) and events.decode(events.encode(split)) == split


def test_the_protocol_imports_neither_torch_nor_a_socket() -> None:
    script = (
        "import sys, emoscope.streamer.protocol.messages; "
        "print([m for m in ('torch', 'websockets', 'prometheus_client', 'soxr', 'webrtcvad') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("text", ['{"type":"%s"}', '{"type":"keepalive","%s":1}'])
def test_a_refusal_does_not_repeat_a_megabyte(text: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode_client(text % ("a" * 900_000))
    assert len(str(refused.value)) < 1_000
    assert len(refused.value.param or "") < 1_000
