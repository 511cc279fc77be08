"""Which window owns which frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import CardInvalid, ModelContract
from emoscope.models.windows import complete_windows, grid_window, now_window, owned_frames, plan


@st.composite
def contracts(draw):
    frame = draw(st.sampled_from([1, 3, 320, 640]))
    hop = draw(st.integers(1, 12))
    window = hop + draw(st.integers(0, 20))
    return ModelContract(id="x", labels=("a",), window=window * frame, hop=hop * frame, frame=frame, lookback=0, tail=0)


@given(contracts(), st.integers(0, 30_000))
def test_each_frame_is_owned_by_exactly_one_window(contract, samples):
    """The windows of an utterance hand each of its frames to the pool once, in order, none left out."""
    owned = [frame for w in plan(contract, samples) for frame in range(w.own_start, w.own_end, contract.frame)]
    assert owned == list(range(0, samples // contract.frame * contract.frame, contract.frame))


@given(contracts(), st.integers(0, 30_000))
def test_a_window_sees_what_it_owns(contract, samples):
    """No window owns a frame that it does not cover, none is longer than the contract's."""
    windows = plan(contract, samples)
    assert windows or samples < contract.frame
    for window in windows:
        assert window.start <= window.own_start <= window.own_end <= window.end
        assert window.end - window.start <= contract.window
        first, last = owned_frames(contract, window)
        assert 0 <= first <= last <= (window.end - window.start) // contract.frame


@given(contracts(), st.integers(0, 12))
def test_a_frame_belongs_to_the_window_whose_centre_is_nearest(contract, k):
    """Ownership is by the frame's centre; ties go to the later window."""
    window = grid_window(contract, 0, k)
    assert window.own_start < window.own_end
    for start in range(window.own_start, window.own_end, contract.frame):
        centre = start + contract.frame / 2
        distances = [abs(centre - grid_window(contract, 0, j).centre) for j in range(k + 3)]
        nearest = max(j for j, d in enumerate(distances) if d == min(distances))
        assert nearest == k


def test_windows_are_complete_only_when_their_last_sample_has_arrived():
    """One sample short is not complete."""
    contract = ModelContract(id="x", labels=("a",), window=1600, hop=800, frame=40, lookback=0, tail=0)
    assert [complete_windows(contract, n) for n in (0, 1599, 1600, 2399, 2400)] == [0, 0, 1, 1, 2]


def test_there_is_no_now_window_when_every_frame_is_owned():
    """With hop equal to window, a complete window owns all it covers."""
    contract = ModelContract(id="x", labels=("a",), window=1600, hop=1600, frame=40, lookback=0, tail=0)
    assert now_window(contract, 0, 1600, 1) is None
    assert now_window(contract, 0, 1640, 1) is not None


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": 1601}, {"hop": 801}, {"hop": 3200}, {"labels": ()}, {"labels": ("a", "a")},
        {"labels": ("a", "unsure")}, {"frame": 0}, {"tail": -1},
    ],
)  # fmt: skip
def test_a_contract_that_would_skip_frames_or_mix_labels_is_refused(wrong):
    """The message says which numbers do not go together."""
    good = {"id": "x", "labels": ("a", "b"), "window": 1600, "hop": 800, "frame": 40, "lookback": 0, "tail": 0}
    with pytest.raises(CardInvalid):
        ModelContract(**(good | wrong))
