"""The shipped architecture: front end, encoder, and what must hold whatever its weights."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emoscope.models import Calibration, ModelContract, SmallConfig, SmallModel
from emoscope.models.small.frontend import LogMel, levelled
from emoscope.models.windows import now_window, owned_frames, part_frames, parts, plan
from emoscope.streamer.testing import silence, voice

LABELS = ("angry", "calm", "happy", "neutral")


@pytest.fixture(scope="module")
def model() -> SmallModel:
    torch.manual_seed(1)
    contract = ModelContract(
        id="tiny", labels=LABELS, dimensions=("arousal", "valence", "dominance"), derived=True,
        window=25_600, hop=12_800, frame=640, lookback=16_080, tail=4_800,
    )  # fmt: skip
    config = SmallConfig(channels=(4, 6, 8, 8), dim=12)
    return SmallModel(config, contract, Calibration()).eval()


@pytest.fixture(scope="module")
def speech() -> torch.Tensor:
    return torch.from_numpy(np.concatenate([silence(0.3), voice(4.0, seed=3)]))


def test_front_end_frames_do_not_depend_on_where_a_window_begins(speech):
    """The same frame is the same number in every window that covers it."""
    frontend = LogMel()
    whole = frontend(speech[None])[0]
    later = frontend(speech[None, 160 * 37 :])[0]
    torch.testing.assert_close(whole[37:], later, atol=1e-4, rtol=1e-5)


def test_the_front_end_never_looks_ahead(speech):
    """Changing samples after a frame's end leaves the frame alone."""
    frontend = LogMel()
    changed = speech.clone()
    end_of_frame_20 = frontend.lookback + 21 * frontend.hop
    changed[end_of_frame_20:] = 0.5
    before, after = frontend(speech[None])[0], frontend(changed[None])[0]
    torch.testing.assert_close(before[:21], after[:21])
    assert not torch.allclose(before[21:30], after[21:30])


def test_the_microphones_gain_changes_no_score(model, speech):
    """40 dB up or down moves no score by more than .05 (pitfall: always neutral at another gain)."""
    plain, _ = model.forward_windows(speech, 4800)
    for decibel in (-20, 20):
        scores, _ = model.forward_windows(speech * 10 ** (decibel / 20), 4800)
        assert (scores - plain).abs().max() < 0.05


def test_levelling_takes_the_gain_away_and_keeps_a_range_below_the_loudest():
    """Any offset in dB gives the same picture, from -2 to 2, down to `range_db` below the loudest."""
    mel = torch.randn(2, 30, 64) * 20
    for offset in (-70.0, 35.0):
        torch.testing.assert_close(levelled(mel + offset, 10, 60.0), levelled(mel, 10, 60.0), atol=1e-4, rtol=0)
    spread = levelled(mel * 100, 10, 60.0)
    assert spread.amax() <= 2
    assert spread.amin() == -2
    assert (spread[:, 0].amax(1) == 2).all(), "the first frame is its own loudest"


def test_the_loudest_is_forgotten_after_its_memory():
    """A click lowers the frames after it for as long as it is remembered, and no frame before it."""
    mel = torch.full((1, 40, 64), -50.0)
    mel[:, 10] = 0.0
    low = levelled(mel, 12, 60.0)[0].amax(1) < 1
    assert low.nonzero()[:, 0].tolist() == list(range(11, 22))


@pytest.mark.parametrize("seconds", [1.2, 1.6, 2.0, 3.44, 3.7])
@pytest.mark.parametrize("reach", [0, 5_760])
def test_a_feature_is_the_same_in_every_window_that_owns_it(model, speech, seconds, reach):
    """The features that windows own are those of the whole utterance encoded at once."""
    contract, start, length = model.contract, 4_800, round(seconds * 16_000) // 640 * 640
    if reach:
        contract = replace(contract, window=25_600, hop=8_000, reach=reach)
    audio = torch.cat([torch.zeros(contract.lookback), speech])[start : start + contract.lookback + length]
    features = []
    with torch.inference_mode():
        for window in plan(contract, length):
            first, last = owned_frames(contract, window)
            frames = model.frontend(audio[None, window.start : window.end + contract.lookback])
            features.append(model.encoder(frames, None)[0, first:last])
        whole = model.encoder(model.frontend(audio[None]), None)[0]
    torch.testing.assert_close(torch.cat(features), whole, atol=1e-5, rtol=1e-4)


def test_several_parts_of_a_window_are_pooled_as_if_each_were_encoded_alone(model, speech):
    """Cells and the rest, by one run of the encoder: the same states, scores, and the empty state for no frame."""
    contract = replace(model.contract, window=64_000, hop=8_000, reach=5_760)
    audio = speech[4_800 : 4_800 + contract.lookback + 48_000]
    window = now_window(contract, 0, 48_000, 0)
    assert window is not None
    frames = part_frames(contract, window)
    assert len(frames) == 7
    owned = torch.tensor([[*frames, (0, 0)]])
    with torch.inference_mode():
        encoded = model.encode(audio[None], torch.tensor([48_000]), owned)
        for place, (own, part) in enumerate(zip(frames, parts(contract, window), strict=True)):
            begin = max(0, part.own_start - contract.reach)
            end = min(48_000, part.own_end + contract.reach)
            first = own[0] - begin // 640
            alone = model.encode(
                audio[None, begin : end + contract.lookback],
                torch.tensor([end - begin]),
                torch.tensor([[first, first + own[1] - own[0]]]),
            )
            for name, array in alone.state.arrays().items():
                torch.testing.assert_close(array, getattr(encoded.state, name)[:, place], atol=2e-5, rtol=1e-4)
            scores = alone.scores[0, first : first + own[1] - own[0]]
            torch.testing.assert_close(scores, encoded.scores[0, own[0] : own[1]], atol=2e-5, rtol=1e-4)
    assert encoded.state.peak[:, -1].isneginf().all() and (encoded.state.mass[:, -1] == 0).all()


def test_a_contract_cannot_promise_a_shorter_reach_than_the_encoder_has(model):
    """Cells would be pooled before what they depend on was heard."""
    contract = replace(model.contract, window=64_000, hop=8_000, reach=5_120)
    with pytest.raises(ValueError, match="reaches 5760 samples"):
        SmallModel(model.config, contract, Calibration())
    assert SmallModel(model.config, replace(contract, reach=5_760), Calibration()).contract.reach == 5_760


@given(frame=st.integers(0, 59), side=st.sampled_from(["before", "after"]))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_feature_depends_on_nothing_beyond_the_encoders_reach(model, frame, side):
    """What is farther away than `reach` frames moves no feature; what is nearer may."""
    encoder = model.encoder
    frames = torch.randn(1, 240, 112, generator=torch.Generator().manual_seed(5))
    changed = frames.clone()
    first, last = frame * 4 - encoder.reach, frame * 4 + encoder.reach
    if side == "before":
        changed[:, : max(0, first)] += 1
    else:
        changed[:, last + 1 :] += 1
    with torch.inference_mode():
        torch.testing.assert_close(encoder(changed, None)[0, frame], encoder(frames, None)[0, frame])


def test_the_reach_is_no_longer_than_it_must_be(model):
    """The outermost frame within reach does move the feature."""
    encoder = model.encoder
    frames = torch.randn(1, 240, 112, generator=torch.Generator().manual_seed(5))
    for edge in (-encoder.reach, encoder.reach):
        changed = frames.clone()
        changed[:, 120 + edge] += 10
        with torch.inference_mode():
            assert not torch.equal(encoder(changed, None)[0, 30], encoder(frames, None)[0, 30])


def test_padding_cannot_be_told_from_the_edge(model, speech):
    """A short window gives the same frames alone and padded in a batch with a long one."""
    lookback = model.contract.lookback
    short, whole = speech[: lookback + 640 * 11], speech[: lookback + 25_600]
    owned = torch.tensor([[0, 11]])
    alone = model.encode(short[None], torch.tensor([640 * 11]), owned)
    padded = torch.nn.functional.pad(short, (0, len(whole) - len(short)))
    batch = model.encode(
        torch.stack([padded, whole]), torch.tensor([640 * 11, 25_600]), torch.tensor([[0, 11], [0, 40]])
    )
    for name, array in alone.state.arrays().items():
        torch.testing.assert_close(array[0], getattr(batch.state, name)[0], atol=1e-5, rtol=1e-5)


def test_a_reading_does_not_depend_on_its_batch(model, speech):
    """Neighbours in a batch move no number by more than 1e-5."""
    windows = torch.stack([speech[i : i + model.contract.lookback + 25_600] for i in (0, 6400, 12_800, 25_600)])
    lengths, owned = torch.full((4,), 25_600), torch.tensor([[0, 40], [10, 30], [3, 4], [0, 40]])
    together = model.encode(windows, lengths, owned)
    for row in range(4):
        one = slice(row, row + 1)
        alone = model.encode(windows[one], lengths[one], owned[one])
        scores, _ = model.read(alone.state, torch.tensor([2.0]))
        beside, _ = model.read(together.state.map(lambda array, one=one: array[one]), torch.tensor([2.0]))
        torch.testing.assert_close(scores, beside, atol=1e-5, rtol=0)


def test_silence_before_the_recording_stands_in_for_lookback(model, speech):
    """An utterance that begins with the recording is read as if quiet had gone before."""
    direct, _ = model.forward_windows(speech)
    late, _ = model.forward_windows(torch.cat([torch.zeros(1600), speech]), 1600)
    torch.testing.assert_close(direct, late, atol=1e-5, rtol=0)


def test_an_utterance_shorter_than_a_frame_has_no_reading(model):
    """Nothing can be pooled from 39 ms."""
    assert model.forward_windows(torch.zeros(639)) is None
    assert model.forward_windows(torch.zeros(640)) is not None


def test_digital_silence_gives_numbers_not_nans(model):
    """Zeros all through: every score is finite."""
    scores, dimensions = model.forward_windows(torch.zeros(16_000))
    assert scores.isfinite().all() and dimensions.isfinite().all()
    assert levelled(torch.full((1, 8, 64), -160.0), 4, 60.0).isfinite().all()


def test_temperature_by_seconds_of_speech_softens_early_readings(model, speech):
    """The same logits are less sure after half a second than after four, if the card says so."""
    state = model.pool_windows(speech)
    model.calibration = Calibration(seconds=(0.5, 4.0), temperature=(4.0, 1.0))
    try:
        early, _ = model.read(state, torch.tensor([0.5]))
        late, _ = model.read(state, torch.tensor([9.0]))
    finally:
        model.calibration = Calibration()
    assert early.max() < late.max()
    assert abs(early.sum().item() - 1) < 1e-6


def test_opening_the_model_imports_no_compiler() -> None:
    """Torch does arithmetic on the meta device in Python, by its compiler, which costs a second of the first minute."""
    program = (
        "import sys; from emoscope.models.store import load_model; load_model('small'); "
        "print([name for name in ('torch._dynamo', 'sympy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
