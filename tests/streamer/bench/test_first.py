"""`emoscope bench first`, where there is no microphone; with one, `end_to_end/test_listen.py` runs it."""

import pytest

from emoscope.streamer.bench.first import NothingShown, times


def test_a_start_that_fails_is_told_with_its_own_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOSCOPE_CONFIG", "")
    with pytest.raises(NothingShown, match="ended before 'listening': emoscope: "):
        times(["--input", "no such microphone"])
