"""A window that goes on from earlier ones of its utterance: its frames are those of the window encoded whole."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models.graph.kept import FORGOTTEN_S, Name, Utterances
from emoscope.models.graph.load import load_graph_model
from emoscope.models.graph.model import GraphModel
from emoscope.models.windows import Window, complete_windows, next_window, now_window
from emoscope.streamer.testing import silence, voice

CLOSE = 1e-5
SOUND = np.concatenate([silence(1.5), voice(9.0), 0.05 * np.random.default_rng(1).standard_normal(16_000)])
SOUND = SOUND.astype(np.float32)


@pytest.fixture(scope="module")
def graph() -> GraphModel:
    return load_graph_model("small")


def heard(graph: GraphModel, window: Window) -> np.ndarray:
    return SOUND[window.start - graph.contract.lookback : window.end]


def off(graph: GraphModel, voice: str, window: Window) -> tuple[float, bool]:
    """How far the frames that a window owns are from those of the window encoded whole, and whether it went on."""
    name = Name(voice, 1)
    start, audio = graph.start(name, window), heard(graph, window)
    [(features, scores)] = graph.owned([name], [window], [audio], [start])
    [(whole_features, whole_scores)] = graph.owned([Name()], [window], [audio], [None])
    assert features.shape == whole_features.shape and scores.shape == whole_scores.shape
    return max(np.abs(features - whole_features).max(), np.abs(scores - whole_scores).max()), start is not None


def windows(graph: GraphModel, start: int, lengths: list[int]) -> Iterator[Window]:
    """Interims at these frames of an utterance, and its cells where none is due, as a session asks for them."""
    contract, committed = graph.contract, 0
    for frames in sorted(set(lengths)):
        end = frames * contract.frame
        while (window := next_window(contract, start, committed)).end <= start + end - contract.window:
            yield window
            committed = complete_windows(contract, window.end - start)
        interim = now_window(contract, start, start + end, committed)
        if interim is not None:
            yield interim
        committed = complete_windows(contract, end)


@given(st.integers(0, 40), st.lists(st.integers(1, 210), min_size=1, max_size=12), st.integers(0, 10_000))
@settings(deadline=None, max_examples=40)
def test_frames_are_the_same_however_the_windows_follow_each_other(
    graph: GraphModel, begin: int, lengths: list[int], name: int
) -> None:
    """Short steps, long ones, and some that skip so much that nothing of what is kept is of use."""
    start = 16_320 + 320 * begin
    for window in windows(graph, start, lengths):
        assert off(graph, f"{name}/{begin}/{lengths}", window)[0] < CLOSE


@pytest.mark.parametrize("interval_s", [0.2, 0.5, 1.0])
def test_each_window_of_a_stream_but_the_first_goes_on(graph: GraphModel, interval_s: float) -> None:
    step = round(interval_s * 25)
    went_on = [off(graph, f"stream {interval_s}", one)[1] for one in windows(graph, 16_320, [*range(step, 200, step)])]
    assert len(went_on) > 6 and went_on == [False] + [True] * (len(went_on) - 1)


def test_windows_of_many_utterances_share_a_pass(graph: GraphModel) -> None:
    starts = [16_320, 17_600, 20_160]
    names = [Name(f"shared {start}", 1) for start in starts]
    for frames, committed in ((12, 0), (25, 0), (37, 1)):
        asked = [now_window(graph.contract, start, start + 640 * frames, committed) for start in starts]
        assert all(asked)
        audio = [heard(graph, window) for window in asked if window]
        going = [graph.start(name, window) for name, window in zip(names, asked, strict=True) if window]
        assert len({start and start.step for start in going}) == 1
        together = graph.owned(names, [window for window in asked if window], audio, going)
        for window, (features, _) in zip(asked, together, strict=True):
            assert window is not None
            [(alone, _)] = graph.owned([Name()], [window], [heard(graph, window)], [None])
            assert np.abs(features - alone).max() < CLOSE


def test_a_window_that_does_not_follow_is_encoded_whole(graph: GraphModel) -> None:
    """Asked for again, earlier than the last one, off its frames, and long after."""
    first, second = (now_window(graph.contract, 16_320, 16_320 + 640 * frames, 0) for frames in (12, 25))
    assert first is not None and second is not None
    for window in (second, second, first, second):
        assert off(graph, "again", window)[0] < CLOSE
    again = Name("again", 1)
    assert graph.start(again, second) is None and graph.start(again, first) is None
    assert graph.start(Name("another", 1), second) is None and graph.start(Name(), second) is None
    assert graph.start(again, Window(16_330, 41_930, 16_330, 41_930, -1)) is None
    late = now_window(graph.contract, 16_320, 16_320 + 640 * 150, 9)
    assert late is not None and off(graph, "again", late)[0] < CLOSE


def test_of_a_voice_only_the_newest_utterance_is_kept_and_only_while_it_asks(graph: GraphModel) -> None:
    window, following = (now_window(graph.contract, 16_320, 16_320 + 640 * frames, 0) for frames in (12, 25))
    assert window is not None and following is not None
    now = 0.0
    few = Utterances(graph.stages, most=2, clock=lambda: now)
    off(graph, "kept", window)
    start = graph.start(Name("kept", 1), following)
    assert start is not None

    def known(name: str, utterance: int = 1) -> bool:
        return few.start(Name(name, utterance), following) is not None

    for name in ("a", "b", "a", "c"):
        few.keep(Name(name, 1), start.kept)
    assert [known(name) for name in "abc"] == [True, False, True]
    few.keep(Name("a", 2), start.kept)
    assert not known("a", 1) and known("a", 2) and len(few) == 2
    now = FORGOTTEN_S + 1.0
    few.keep(Name("d", 1), start.kept)
    assert known("d") and len(few) == 1
