"""Which window owns which frame."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import CardInvalid, ModelContract
from emoscope.models.windows import (
    cells_window,
    complete_at,
    complete_windows,
    grid_window,
    now_window,
    owned_frames,
    part_frames,
    parts,
    plan,
    without_last,
)


@st.composite
def contracts(draw):
    frame = draw(st.sampled_from([1, 3, 320, 640]))
    hop = draw(st.integers(1, 12))
    window = hop + draw(st.integers(0, 20))
    return ModelContract(id="x", labels=("a",), window=window * frame, hop=hop * frame, frame=frame, lookback=0, tail=0)


@st.composite
def reaching(draw):
    """Contracts with a reach; the hop need not be a whole number of frames."""
    frame = draw(st.sampled_from([1, 3, 320, 640]))
    reach = draw(st.integers(1, 12)) * frame
    hop = reach + frame + draw(st.integers(0, 12 * frame))
    window = -(-(2 * reach + hop + frame + draw(st.integers(0, 50)) * frame) // frame) * frame
    return ModelContract(id="x", labels=("a",), window=window, hop=hop, frame=frame, lookback=0, tail=0, reach=reach)


@given(st.one_of(contracts(), reaching()), st.integers(0, 30_000))
def test_each_frame_is_owned_by_exactly_one_window(contract, samples):
    """The windows of an utterance hand each of its frames to the pool once, in order, none left out."""
    owned = [frame for w in plan(contract, samples) for frame in range(w.own_start, w.own_end, contract.frame)]
    assert owned == list(range(0, samples // contract.frame * contract.frame, contract.frame))


@given(st.one_of(contracts(), reaching()), st.integers(0, 30_000))
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


@given(reaching(), st.integers(0, 3_000), st.integers(0, 200), st.data())
def test_a_cell_has_its_reach_around_it_in_every_window(contract, start, first, data):
    """Cells lie side by side; each is complete as soon as its reach is there, and not before."""
    last = first + data.draw(st.integers(1, 9))
    window = cells_window(contract, start, first, last)
    assert window.end == start + complete_at(contract, last - 1) == window.own_end + contract.reach
    assert window.start == max(start, window.own_start - contract.reach)
    assert complete_windows(contract, window.end - start) == last
    assert complete_windows(contract, window.end - start - 1) == last - 1
    alone = [parts(contract, cells_window(contract, start, k, k + 1))[0] for k in range(first, last)]
    assert [(p.own_start, p.own_end) for p in parts(contract, window)] == [(p.own_start, p.own_end) for p in alone]
    assert all(p.own_start < p.own_end for p in alone)
    frames = [(a // contract.frame, b // contract.frame) for a, b in ((p.own_start, p.own_end) for p in alone)]
    first_frame = window.start // contract.frame if start % contract.frame == 0 else None
    if first_frame is not None:
        assert part_frames(contract, window) == [(a - first_frame, b - first_frame) for a, b in frames]


@given(reaching(), st.integers(0, 3_000), st.integers(1, 300), st.data())
def test_a_now_window_holds_the_complete_cells_and_the_rest(contract, start, frames, data):
    """Without its last part it is the window of the cells that were still missing."""
    end = start + frames * contract.frame
    complete = complete_windows(contract, end - start)
    committed = data.draw(st.integers(0, complete))
    window = now_window(contract, start, end, committed)
    assert window is not None and window.end == window.own_end == end
    kept = without_last(contract, window)
    if committed == complete:
        assert kept is None and window.borders == ()
    else:
        cells = cells_window(contract, start, committed, complete)
        assert kept is not None and vars(kept) == vars(cells) | {"index": -1}


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
        {"labels": ("a", "unsure")}, {"frame": 0}, {"tail": -1}, {"reach": 401, "hop": 500}, {"reach": -40},
        {"reach": 400, "hop": 400}, {"reach": 400, "hop": 800}, {"reach": 40, "window": 1601},
    ],
)  # fmt: skip
def test_a_contract_that_would_skip_frames_or_mix_labels_is_refused(wrong):
    """The message says which numbers do not go together."""
    good = {"id": "x", "labels": ("a", "b"), "window": 1600, "hop": 800, "frame": 40, "lookback": 0, "tail": 0}
    with pytest.raises(CardInvalid):
        ModelContract(**(good | wrong))
