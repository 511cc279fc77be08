"""What is wrong with an input is noticed from its samples and their arrival, and nothing is noticed in a good one."""

import numpy as np
import pytest
import soxr

from emoscope.streamer.protocol.events import WarningEvent
from emoscope.streamer.runtime.input_watch import InputWatch
from emoscope.streamer.testing import silence, voice


def warnings_for(audio: np.ndarray, rate: int = 16_000, pace: float = 1.0, block_s: float = 0.1) -> list[WarningEvent]:
    """All warnings for audio that arrives in blocks, `pace` seconds of it a second."""
    watch, size, wall, found = InputWatch(rate), round(rate * block_s), 0.0, []
    for start in range(0, len(audio), size):
        block = audio[start : start + size].astype(np.float32)
        wall += len(block) / rate / pace
        found += watch.check(block[:, None] if block.ndim == 1 else block, wall)
    return found


def hissing(seconds: float, rate: int) -> np.ndarray:
    """A voice with a room's noise over the whole band."""
    random = np.random.default_rng(3)
    made = soxr.resample(voice(seconds), 16_000, rate)[: round(seconds * rate)]
    return made + 0.003 * random.standard_normal(len(made))


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_good_voice_is_left_alone(rate: int) -> None:
    """A voice in a room, at any rate, in time and in full, is not warned about."""
    assert warnings_for(hissing(12.0, rate), rate) == []


def test_clipping_gives_a_warning_once_in_a_while() -> None:
    """A voice driven into full scale gives a warning, and not every second."""
    found = warnings_for(np.clip(hissing(12.0, 16_000) * 30, -1, 1))
    assert [warning.code for warning in found] == ["clipping"]


def test_a_quiet_microphone_gives_a_warning() -> None:
    """Nothing above -55 dBFS for some seconds is a microphone that is too quiet."""
    found = warnings_for(silence(8.0, noise=3e-4))
    assert [warning.code for warning in found] == ["too_quiet"]
    assert "turn the microphone up" in found[0].message


def test_digital_silence_is_no_signal() -> None:
    """All zeros differ from a quiet room: the microphone is muted, or access to it is denied."""
    found = warnings_for(np.zeros(8 * 16_000))
    assert [warning.code for warning in found] == ["too_quiet"]
    assert "no signal" in found[0].message


def test_a_telephone_band_gives_a_warning() -> None:
    """8 kHz audio gives a warning, at its own rate or at a higher one."""
    low = soxr.resample(hissing(8.0, 16_000), 16_000, 8_000)
    assert [w.code for w in warnings_for(low, 8_000)] == ["narrow_band"]
    assert [w.code for w in warnings_for(soxr.resample(low, 8_000, 48_000), 48_000)] == ["narrow_band"]


@pytest.mark.parametrize("pace", [0.127, 0.9, 0.96, 1.05, 2.0])
def test_a_wrong_rate_gives_a_warning(pace: float) -> None:
    """Samples that come a few per cent slower or faster than promised give a warning with the true rate."""
    found = warnings_for(hissing(60.0, 16_000), pace=pace)
    assert "rate_mismatch" in [warning.code for warning in found]
    mismatch = next(warning for warning in found if warning.code == "rate_mismatch")
    assert int(mismatch.message.split()[0]) == pytest.approx(16_000 * pace, rel=0.05)


def test_late_callbacks_are_no_wrong_rate() -> None:
    """A true rate is left alone however unevenly its blocks arrive."""
    random = np.random.default_rng(1)
    watch, wall, found = InputWatch(16_000), 0.0, []
    audio = hissing(120.0, 16_000).astype(np.float32)
    for start in range(0, len(audio), 1_600):
        wall = max(wall, start / 16_000 + float(random.uniform(0, 0.15)))
        found += watch.check(audio[start : start + 1_600, None], wall)
    assert found == []


def test_a_machine_that_slept_is_no_wrong_rate() -> None:
    """After a stop and a continue the pace is counted afresh."""
    watch, wall, found = InputWatch(16_000), 0.0, []
    audio = hissing(30.0, 16_000).astype(np.float32)
    for start in range(0, len(audio), 1_600):
        wall += 0.1 + (5.0 if start == 160_000 else 0.0)
        found += watch.check(audio[start : start + 1_600, None], wall)
    assert found == []


def test_the_level_curve_has_a_point_for_each_50_ms() -> None:
    """The curve does not depend on how the audio is cut."""
    audio = voice(2.0)[:, None]
    whole = InputWatch(16_000).envelope(audio)
    watch = InputWatch(16_000)
    parts = [point for start in range(0, len(audio), 333) for point in watch.envelope(audio[start : start + 333])]
    assert len(whole) == 40
    assert parts == pytest.approx(whole)


def test_lost_audio_is_no_wrong_rate() -> None:
    """After audio that was lost or overflowed the pace is counted afresh; a true rate is left alone."""
    watch, wall, found = InputWatch(16_000), 0.0, []
    audio = hissing(30.0, 16_000).astype(np.float32)
    for start in range(0, len(audio), 1_600):
        wall += 0.1
        if start == 160_000:
            wall += 1.2  # too short to be taken for a machine that slept
            watch.restart_pace()
        found += watch.check(audio[start : start + 1_600, None], wall)
    assert found == []


def test_a_pause_after_loud_speech_is_no_quiet_microphone() -> None:
    """Loud speech and then a quiet pause give no warning; loud speech and then digital silence give one."""
    speech = hissing(4.0, 16_000)
    assert warnings_for(np.concatenate([speech, silence(12.0, noise=3e-4)])) == []
    assert ["no signal" in w.message for w in warnings_for(np.concatenate([speech, np.zeros(12 * 16_000)]))] == [True]


def test_after_going_on_a_quiet_microphone_gives_another_warning() -> None:
    """What was loud before a pause says nothing about the microphone after it."""
    watch, found = InputWatch(16_000), []
    for second in range(20):
        if second == 4:
            watch.restart()
        block = (hissing(1.0, 16_000) if second < 4 else silence(1.0, noise=3e-4)).astype(np.float32)
        found += watch.check(block[:, None], float(second))
    assert [w.code for w in found] == ["too_quiet"]


def test_a_recording_is_warned_of_once_and_not_told_to_turn_a_microphone():
    """However long it clips, and also where it is shorter than what is judged as it goes."""
    watch, found = InputWatch(16_000, recorded=True), []
    for _ in range(100):
        found += watch.check(np.sign(np.sin(np.arange(16_000, dtype=np.float32)))[:, None], None)
    clipping = [warning for warning in found if warning.code == "clipping"]
    assert len(clipping) == 1 and "microphone" not in clipping[0].message
    quiet = InputWatch(16_000, recorded=True)
    assert quiet.check(np.full((20_000, 1), 1e-4, np.float32), None) == []
    [warning] = quiet.finish()
    assert warning.code == "too_quiet" and "peaks are at -80 dBFS" in warning.message


@pytest.mark.parametrize(("level", "said"), [(0.0, "digital silence"), (1e-4, "peaks are at -80 dBFS")])
def test_a_recording_is_called_quiet_at_its_end(level, said):
    """Its beginning says nothing of its peaks; one that begins with a long silence is not quiet."""
    quiet = np.concatenate([np.zeros(160_000), level * np.sign(np.sin(np.arange(160_000) / 9))])
    for audio, loud in ((quiet, False), (np.concatenate([quiet, hissing(2.0, 16_000)]), True)):
        watch, found = InputWatch(16_000, recorded=True), []
        for begin in range(0, len(audio), 8_000):
            found += watch.check(audio[begin : begin + 8_000, None].astype(np.float32), None)
        assert [warning.code for warning in found if warning.code == "too_quiet"] == []
        assert [said in warning.message for warning in watch.finish()] == [True] * (not loud)
