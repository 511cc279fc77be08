"""Chunks of a call come out in order, side by side, with silence where the provider sent nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer.protocol.audio import MULAW
from emoscope.streamer.server.phone.calls import ALAW, CallAudio, CallRefused, codec
from emoscope.streamer.server.phone.tracks import HELD, MAX_LATE, Tracks

PCMU = codec("PCMU", 8_000)
ONE = ("inbound",)
BOTH = ("inbound", "outbound")


def chunk(number: int, track: str = "inbound", time_s: float | None = None, timed: bool = True) -> CallAudio:
    data = bytes([number % 128] * 160)
    return CallAudio(track, data, number, (0.02 * (number - 1) if time_s is None else time_s) if timed else None)


def out(tracks: Tracks, chunks: list[CallAudio]) -> np.ndarray:
    return np.concatenate([*(tracks.accept(one) for one in chunks), tracks.finish()])


def samples_of(*numbers: int) -> np.ndarray:
    return np.concatenate([MULAW[np.full(160, number % 128)] for number in numbers])[:, None]


@given(st.permutations(range(1, HELD + 1)))
def test_chunks_in_any_order_are_put_in_order(numbers: list[int]) -> None:
    later = [HELD + 1, HELD + 2]
    assert (out(Tracks(PCMU, ONE), [chunk(n) for n in (*numbers, *later)]) == samples_of(*range(1, HELD + 3))).all()


def test_a_chunk_that_comes_twice_or_after_it_was_given_up_is_left_out_and_counted() -> None:
    tracks = Tracks(PCMU, ONE)
    came = out(tracks, [chunk(n, timed=False) for n in (1, 2, 2, 4, 5, 6, 7, 8, 9, 3, 10)])
    assert (came == samples_of(1, 2, 4, 5, 6, 7, 8, 9, 10)).all()
    assert tracks.late == 2


def test_a_provider_may_count_anew() -> None:
    tracks = Tracks(PCMU, ONE)
    came = out(tracks, [chunk(n, timed=False) for n in (*range(1, 21), *range(1, 41))])
    assert (came[: 160 * 20] == samples_of(*range(1, 21))).all()
    assert (came[160 * 20 :] == samples_of(*range(1 + MAX_LATE, 41))).all()


def test_a_pause_in_the_times_is_silence_and_a_trembling_clock_is_not() -> None:
    came = out(Tracks(PCMU, ONE), [chunk(1), chunk(2, time_s=0.06), chunk(3, time_s=1.04), chunk(4, time_s=1.06)])
    assert len(came) == 160 * 54  # until the end of the last chunk, at 1.08 s
    assert (came[:320] == samples_of(1, 2)).all() and (came[-320:] == samples_of(3, 4)).all()
    assert not came[320:-320].any()


def test_a_time_that_jumps_by_hours_is_not_believed() -> None:
    came = out(Tracks(PCMU, ONE), [chunk(1), chunk(2, time_s=9_999.0), chunk(3, time_s=9_999.02)])
    assert (came == samples_of(1, 2, 3)).all()


def test_two_tracks_have_one_clock() -> None:
    tracks = Tracks(PCMU, BOTH)
    came = out(tracks, [chunk(n, track) for n in range(1, 41) for track in BOTH])
    assert (came == np.repeat(samples_of(*range(1, 41)), 2, axis=1)).all()


def test_a_track_that_is_silent_is_waited_for_at_most_a_fifth_of_a_second() -> None:
    tracks = Tracks(PCMU, BOTH)
    came = sum(len(tracks.accept(chunk(n))) for n in range(1, 51))
    assert came == 160 * 50 - 1_600
    assert len(tracks.finish()) == 1_600


def test_every_code_of_alaw_has_the_value_of_the_standard() -> None:
    """Each step is twice as wide as in the segment below, and the signs mirror each other (ITU-T G.711)."""
    order = np.sort(ALAW.astype(int))
    assert (order == -order[::-1]).all() and len(set(order)) == 256
    assert (order[128], order[129], order[-1]) == (8, 24, 32_256)
    widths = np.diff(order[128:])
    assert sorted(set(widths)) == [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024]
    assert (ALAW[0xD5], ALAW[0x55]) == (8, -8)


@pytest.mark.parametrize("name", ["", "audio/x-opus", "AMR-WB", "pcmx"])
def test_an_encoding_that_is_not_known_is_refused(name: str) -> None:
    with pytest.raises(CallRefused, match="PCMU"):
        codec(name, 8_000)
