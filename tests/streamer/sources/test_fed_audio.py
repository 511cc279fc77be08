"""Audio that a pipeline feeds: odd frames, a full queue, and the end."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.sources.fed_audio import FedAudio

RAMP = np.arange(-8_000, 8_000, dtype=np.int16)


def read_all(source: FedAudio) -> tuple[np.ndarray, int]:
    """Everything until the end, and how many frames were lost."""
    pieces, lost = [], 0
    while (captured := source.read(0.0)) is not None:
        pieces.append(captured.samples)
        lost += captured.lost
    return np.concatenate(pieces)[:, 0] if pieces else np.zeros(0, np.float32), lost


@given(cuts=st.lists(st.integers(0, len(RAMP)), max_size=12))
def test_any_frames_give_the_samples_that_were_fed(cuts: list[int]) -> None:
    """However the sound is cut, in bytes or as a view of samples."""
    source = FedAudio(16_000)
    for number, part in enumerate(np.split(RAMP, sorted(cuts))):
        source.put(part.tobytes() if number % 2 else part.data, 16_000)
    source.end()
    samples, lost = read_all(source)
    np.testing.assert_array_equal(samples, RAMP / np.float32(32_768))
    assert lost == 0 and source.waiting_s == 0


def test_a_full_queue_drops_the_oldest_and_the_reader_sees_it() -> None:
    """What is read and what was lost are together what was fed."""
    source = FedAudio(8_000, queue_s=1.0)
    for _ in range(150):  # 3 s
        source.put(bytes(320), 8_000)
    source.end()
    samples, lost = read_all(source)
    assert lost + len(samples) == 150 * 160
    assert 0.9 * 8_000 < len(samples) <= 8_000


@pytest.mark.parametrize(
    ("rate", "session_rate"), [(8_000, 8_000), (44_100, 44_100), (4_000, 16_000), (400_000, 16_000)]
)
def test_the_session_has_the_rate_of_the_first_frame_where_it_can(rate: int, session_rate: int) -> None:
    """A rate that no session accepts is resampled, and told."""
    told: list[str] = []
    source = FedAudio(rate, tell=told.append)
    for part in np.split(np.zeros(rate, np.int16), 50):
        source.put(part.tobytes(), rate)
    source.end()
    assert source.sample_rate == session_rate
    assert len(read_all(source)[0]) == pytest.approx(session_rate, abs=2)
    assert len(told) == (rate != session_rate)


def test_a_rate_that_changes_is_resampled_and_told_once() -> None:
    """A tone goes on as the same tone."""
    told: list[str] = []
    source = FedAudio(16_000, tell=told.append)
    for rate in (16_000, 48_000, 48_000):
        tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
        source.put(tone.astype(np.int16).tobytes(), rate)
    source.end()
    samples, _ = read_all(source)
    assert len(samples) == pytest.approx(48_000, abs=2)
    for second in range(3):
        spectrum = np.abs(np.fft.rfft(samples[second * 16_000 : second * 16_000 + 15_000]))
        assert np.argmax(spectrum) * 16_000 / 15_000 == pytest.approx(440, abs=2)
    assert told == ["frames of 48000 Hz are resampled to 16000 Hz"]


def test_channels_are_mixed_and_told() -> None:
    """The mean of both, as the session's intake mixes."""
    told: list[str] = []
    source = FedAudio(16_000, tell=told.append)
    source.put(np.stack([RAMP, -RAMP], 1).tobytes(), 16_000, 2)
    source.end()
    assert not read_all(source)[0].any()
    assert len(told) == 1 and "mixed" in told[0]


def test_frames_that_are_no_sound_are_left_out_and_told_once_a_kind() -> None:
    """Half a sample, no channel, no rate, nothing at all: the sound around them is read."""
    told: list[str] = []
    source = FedAudio(16_000, tell=told.append)
    source.put(RAMP.tobytes() + b"x", 16_000)
    source.put(b"x", 16_000)
    source.put(b"", 16_000)
    source.put(RAMP.tobytes(), 16_000, 0)
    source.put(RAMP.tobytes(), 0)
    source.put(RAMP.tobytes(), 16_000)
    source.end()
    assert len(read_all(source)[0]) == 2 * len(RAMP)
    assert len(told) == 2
