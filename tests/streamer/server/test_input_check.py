"""A client's input is judged by when it arrives, unless the client only catches up."""

import numpy as np

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.server.input_check import InputCheck
from emoscope.streamer.testing import voice

BLOCK = 1_600  # .1 s


def warned(check: InputCheck, paces: list[tuple[float, float]]) -> list[str]:
    """Codes of the warnings about a voice, so many seconds of it at each pace, in seconds of it a second."""
    codes: list[str] = []
    now = 0.0
    for seconds, pace in paces:
        samples = (voice(seconds) * 32_767).astype(np.int16)[:, None]
        for begin in range(0, len(samples), BLOCK):
            now += BLOCK / 16_000 / pace
            codes += [warning.code for warning in check.accept(samples[begin : begin + BLOCK], now)]
    return codes


def test_a_client_that_resumes_and_catches_up_gets_no_warning_about_its_rate() -> None:
    assert "rate_mismatch" not in warned(InputCheck(Config(), resumed=True), [(20.0, 20.0), (15.0, 1.0)])


def test_a_wrong_rate_is_told_after_a_resume_too() -> None:
    caught_up = [(20.0, 20.0), (3.0, 1.0)]
    assert "rate_mismatch" in warned(InputCheck(Config(), resumed=True), [*caught_up, (10.0, 1.1)])


def test_a_client_that_sends_too_fast_from_the_beginning_is_warned() -> None:
    assert "rate_mismatch" in warned(InputCheck(Config()), [(15.0, 1.1)])
