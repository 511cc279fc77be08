"""One clock whatever the source's rate."""

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from strategies import cut, splits

from emoscope.streamer.session.intake import Intake
from emoscope.streamer.testing import silence, voice

RATES = st.sampled_from([8_000, 11_025, 12_345, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000])


def sound(count, seed):
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32)


@given(RATES, st.floats(0.01, 7.0), splits(), st.integers(0, 99))
def test_streaming_equals_resampling_the_whole(rate, seconds, shares, seed):
    """Piece by piece, with a resampler made anew every two seconds, is soxr on the whole within 1e-5."""
    audio = sound(int(rate * seconds), seed)
    intake = Intake(rate, 1)
    got = np.concatenate([*(intake.feed(block) for block in cut(audio, shares)), intake.drain()])
    assert len(got) == len(audio) * 16_000 // rate == intake.clock
    whole = soxr.resample(audio, rate, 16_000)[: len(got)]
    assert np.abs(got[: len(whole)] - whole).max(initial=0) < 1e-5


@given(RATES, splits(), splits())
def test_no_chunking_can_be_told_from_another(rate, one, other):
    """Bit for bit, drains included."""
    audio = sound(int(rate * 5.3), 1)

    def resampled(shares):
        intake = Intake(rate, 1)
        first = [intake.feed(block) for block in cut(audio[: int(rate * 3.1)], shares)]
        first.append(intake.drain())
        first += [intake.feed(block) for block in cut(audio[int(rate * 3.1) :], shares)]
        return np.concatenate([*first, intake.drain()])

    assert resampled(one).tobytes() == resampled(other).tobytes()


def test_a_day_of_chunks_keeps_the_clock_exact():
    """At 44.1 kHz the clock is the floor of samples times the ratio: no drift adds up."""
    intake = Intake(44_100, 1)
    produced = 0
    for number in range(2_000):
        produced += len(intake.feed(np.zeros(1_000 + number % 7, np.float32)))
    produced += len(intake.drain())
    assert produced == intake.clock == intake.state.accepted * 16_000 // 44_100


def test_what_is_kept_to_rebuild_the_resampler_is_bounded():
    """Two seconds and a run-in, however long the recording."""
    intake = Intake(48_000, 1)
    for _ in range(300):
        intake.feed(np.zeros(4_800, np.float32))
        assert len(intake.state.kept) <= 2.3 * 48_000


def test_the_level_is_in_dbfs():
    """A full-scale sine is -3 dBFS, digital silence the floor of the scale."""
    intake = Intake(16_000, 1)
    intake.feed(np.sin(np.arange(48_000) * 0.3).astype(np.float32))
    assert intake.level_dbfs == pytest.approx(-3.0, abs=0.2)
    intake.feed(np.zeros(160_000, np.float32))
    assert intake.level_dbfs < -100


@pytest.mark.parametrize("gain_db", [-40, -20, 0, 12])
def test_the_detector_finds_the_same_voice_at_any_gain(gain_db):
    """Over 52 dB of gain the share of voiced frames moves by less than .15 (pitfall: it moved from .38 to .68)."""
    from emoscope.streamer.session.spans import speech_spans
    from emoscope.streamer.testing import CONTRACT

    audio = np.concatenate([silence(1.0, 3e-4), voice(3.0, level=0.15), silence(1.0, 3e-4)])
    share = sum(b - a for a, b in speech_spans(audio * np.float32(10 ** (gain_db / 20)), CONTRACT)) / len(audio)
    assert share == pytest.approx(3.3 / 5, abs=0.075)
