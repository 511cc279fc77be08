"""Worse sound is as bad as it says, and as long as the sound that it was made of."""

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models.errors import UsageError
from emoscope.streamer.testing import voice
from emoscope.train.evaluation import conditions
from emoscope.train.evaluation.conditions import (
    CLEAN,
    CODECS,
    GROUPS,
    Condition,
    add,
    apply,
    babble_of,
    parse_conditions,
    reverberate,
    speech_power,
    telephone,
)

VOICE = np.concatenate([np.zeros(8_000, np.float32), voice(2.0), np.zeros(8_000, np.float32)])
OTHERS = [voice(1.0, 100 + 20 * i, seed=i) for i in range(5)]


def rng():
    return np.random.default_rng(0)


def db(power):
    return 10 * np.log10(power)


@pytest.mark.parametrize("condition", parse_conditions(["clean", "all"]), ids=lambda condition: condition.name)
def test_every_condition_keeps_length_and_is_the_same_again(condition):
    """Finite samples, the same ones for the same seed; the telephone halves the rate."""
    changed, rate = apply(condition, VOICE, rng(), babble_of(OTHERS, rng()))
    again, _ = apply(condition, VOICE, rng(), babble_of(OTHERS, rng()))
    assert changed.dtype == np.float32 and np.isfinite(changed).all() and (changed == again).all()
    assert len(changed) * 16_000 == len(VOICE) * rate
    assert rate == (8_000 if condition.kind == "telephone" else 16_000)
    assert (changed == VOICE).all() == (condition == CLEAN) if rate == 16_000 else True


@given(st.sampled_from([-5, 0, 5, 10, 20, 40]), st.floats(0.01, 100))
def test_noise_lies_so_far_below_the_voice(snr_db, loud):
    """Whatever its own level was; pauses around the voice do not count as voice."""
    noise = (loud * rng().standard_normal(len(VOICE))).astype(np.float32)
    added = add(VOICE, noise, snr_db) - VOICE
    assert db(speech_power(VOICE)) - db(float((added.astype(float) ** 2).mean())) == pytest.approx(snr_db, abs=0.1)


def test_babble_is_made_of_all_the_voices_and_never_runs_out():
    """Sixteen times as long as they are; each stretch of it is loud."""
    babble = babble_of(OTHERS, rng())(16_000 * 16 * 5)
    levels = db((babble.astype(float).reshape(-1, 16_000) ** 2).mean(1))
    assert levels.max() - levels.min() < 6
    assert abs(np.corrcoef(babble[: len(OTHERS[0])], OTHERS[0])[0, 1]) < 0.9


def test_a_room_decays_by_60_db_in_its_time():
    """An impulse: the direct sound first, then a tail whose level falls along a line."""
    click = np.zeros(32_000, np.float32)
    click[0] = 1.0
    tail = reverberate(click, 0.8, rng())
    assert tail[0] == pytest.approx(1, abs=0.05)
    assert db(float((tail[1:].astype(float) ** 2).sum())) == pytest.approx(0, abs=0.3)  # as much as the direct sound
    levels = [db(float((tail[begin : begin + 1600].astype(float) ** 2).mean())) for begin in (800, 800 + 6400)]
    assert levels[0] - levels[1] == pytest.approx(30, abs=2)  # half of the time: half of 60 dB


def test_the_telephone_lets_300_to_3400_hz_through():
    """Tones inside pass within a decibel, those outside are gone to the quantisation's noise."""
    time = np.arange(32_000) / 16_000
    for hz, passes in ((100, False), (200, False), (500, True), (1000, True), (3000, True), (3700, False)):
        tone = (0.3 * np.sin(2 * np.pi * hz * time)).astype(np.float32)
        change = db(
            float((telephone(tone).astype(float) ** 2).mean()) / float((tone.astype(float) ** 2).mean()) + 1e-12
        )
        assert abs(change) < 1 if passes else change < -20


def test_codecs_are_as_small_as_their_names_say(monkeypatch, conversation):
    """Kilobits a second of real speech, within a third; container and headers included."""
    sizes = []
    read = conditions.soundfile.read

    def watched(file, **options):
        sizes.append(len(file.getvalue()))
        return read(file, **options)

    speech, _ = soundfile.read(conversation, frames=20 * 16_000, dtype="float32")
    monkeypatch.setattr(conditions.soundfile, "read", watched)
    assert CODECS
    for name in CODECS:
        apply(Condition("codec", name), speech, rng(), babble_of(OTHERS, rng()))
        wanted = float(name.split("-")[1].removesuffix("k"))
        assert 8 * sizes[-1] / 20 / 1000 == pytest.approx(wanted, rel=0.35)


def test_gain_beyond_full_scale_clips():
    """As a sound card does; below, it is exactly the factor."""
    loud, _ = apply(Condition("gain", "+40"), VOICE, rng(), babble_of(OTHERS, rng()))
    soft, _ = apply(Condition("gain", "-20"), VOICE, rng(), babble_of(OTHERS, rng()))
    assert np.abs(loud).max() == 1
    np.testing.assert_allclose(soft, VOICE / 10, rtol=1e-5)


def test_groups_and_single_conditions_are_understood_and_others_are_refused_with_those_that_there_are():
    """Each once, in the order given."""
    assert [c.name for c in parse_conditions(["white:10", "telephone", "white:10"])] == ["white:10", "telephone"]
    assert len(parse_conditions(["all"])) == sum(map(len, GROUPS.values()))
    with pytest.raises(UsageError, match=r"helicopter: there are all, noise"):
        parse_conditions(["helicopter"])
    with pytest.raises(UsageError, match=r"white takes a number from -20 to 60"):
        parse_conditions(["white:loud"])
    with pytest.raises(UsageError, match=r"room takes a number"):
        parse_conditions(["room:nan"])
