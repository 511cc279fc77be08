"""A recognizer's process, for real: what it says, and what happens when it breaks."""

import os
import signal
from typing import Any

import numpy as np
import pytest
from odd_worker import exited, odd_recognizer
from tiny_whisper import TINY_WHISPER
from waiting import wait_until

from emoscope.streamer import Config, Session, UsageError
from emoscope.streamer.asr import Choice, Recognizer, RecognizerUnavailable, choose, prepare
from emoscope.streamer.asr.service import NICE
from emoscope.streamer.protocol.events import EmotionFinal, TranscriptFinal, WarningEvent
from emoscope.streamer.session.requests import Done, Failed, Transcribe, with_words
from emoscope.streamer.session.transcript.gate import kept_words
from emoscope.streamer.session.transcript.hypothesis import Hypothesis
from emoscope.streamer.session.transcript.rolling import to_int16
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, silence, voice

TALK = np.concatenate([voice(2.0), silence(1.0), voice(1.5, 200.0, seed=3), silence(1.0)])


def chosen(name: str) -> Choice:
    """The recognizer of that name, which must be there."""
    choice = choose(name)
    assert choice is not None
    return choice


def request(number=1, seconds=1.0):
    return Transcribe(number, 1, 0, 0, True, None, to_int16(voice(seconds)))


def events_with(recognizer, audio=TALK):
    session = Session(CONTRACT, Config(), transcribe=True)
    return run(session, with_words(FakeEngine(), recognizer), [audio])


def test_words_come_back_from_another_process():
    """Whatever its libraries print: the messages are whole."""
    with odd_recognizer("chatters") as recognizer:
        results = recognizer([request(1), request(2, 0.5)])
        assert [r.id for r in results] == [1, 2] and all(isinstance(r, Done) for r in results)
        assert results[1].value.segments[0].words[0].end == 0.5
        assert recognizer.pid != os.getpid() and recognizer.audio_s == 1.5
        assert recognizer.name == "odd" and recognizer.failure == ""
    assert isinstance(recognizer([request(3)])[0], Failed) and recognizer.gave_up


BREAKS = [("raises", "no room for the batch"), ("hangs", "timed out"), ("dies", "signal 11"), ("garbage", "bytes")]


@pytest.mark.parametrize(("how", "message"), BREAKS)
def test_emotions_go_on_when_a_recognizer_breaks(how, message):
    """One warning says why; every utterance has its final, without words."""
    limits: dict[str, Any] = {"timeout_s": 0.5, "timeout_per_audio_s": 0.0} if how == "hangs" else {}
    with odd_recognizer(how, **limits) as recognizer:
        recognizer.check()
        events = events_with(recognizer)
    [warning] = [e for e in events if isinstance(e, WarningEvent)]
    assert warning.code == "text_disabled" and message in warning.message
    finals = [e for e in events if isinstance(e, EmotionFinal)]
    alone = [e for e in run(Session(CONTRACT), FakeEngine(), [TALK]) if isinstance(e, EmotionFinal)]
    assert [f.scores for f in finals] == [f.scores for f in alone] and len(finals) == 2
    assert [f.text for f in finals] == ["off", "off"]
    assert [e.text for e in events if isinstance(e, TranscriptFinal)] == ["", ""]


def test_a_recognizer_that_was_killed_is_started_again_and_fails_passes_meanwhile(tmp_path):
    """At once, with the reason: nobody waits for another process to load."""
    marker = tmp_path / "cannot load"
    with odd_recognizer("dies loading while marked", marker) as recognizer:
        assert isinstance(recognizer([request(1)])[0], Done)
        marker.touch()
        os.kill(recognizer.pid, signal.SIGKILL)
        wait_until(lambda: recognizer.failure)
        [result] = recognizer([request(2)])
        assert isinstance(result, Failed) and "signal 9" in result.message
        with pytest.raises(RecognizerUnavailable, match="signal 9"):
            recognizer.check()
        assert not recognizer.gave_up
        marker.unlink()
        wait_until(lambda: not recognizer.failure)
        assert isinstance(recognizer([request(3)])[0], Done)
        recognizer.check()
        assert "signal 9" in recognizer.last_exit


def test_a_recognizer_that_cannot_be_loaded_stays_unavailable_and_says_what_to_do():
    """It hangs or dies: nothing waits for ever."""
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("hangs loading", {"load_timeout_s": 0.5}, "not loaded within 0.5 s"),
        ("dies loading", {}, "signal 9"),
    ]
    for how, limits, message in cases:
        with odd_recognizer(how, **limits) as recognizer:
            with pytest.raises(RecognizerUnavailable, match=f"{message}.*--asr pocketsphinx"):
                recognizer.check()
            assert recognizer.gave_up and isinstance(recognizer([request(1)])[0], Failed)


def test_a_recognizer_that_is_killed_while_it_first_loads_is_started_again(tmp_path):
    """Else a server that was short of memory at its start would have no words until it is started again."""
    marker = tmp_path / "cannot load"
    marker.touch()
    with odd_recognizer("dies loading while marked", marker) as recognizer:
        wait_until(lambda: recognizer.pid != 0)
        first = recognizer.pid
        wait_until(lambda: recognizer.pid != first)
        marker.unlink()
        recognizer.check()
        assert isinstance(recognizer([request(1)])[0], Done)


def test_a_process_in_which_every_pass_fails_is_replaced(tmp_path):
    """One pass may be at fault itself; a device that has failed fails for as long as the process lives."""
    marker = tmp_path / "the device is broken"
    with odd_recognizer("raises while marked", marker) as recognizer:
        recognizer.check()
        first = recognizer.pid
        marker.touch()
        for number in (1, 2):
            [result] = recognizer([request(number)])
            assert isinstance(result, Failed) and "no room" in result.message
        marker.unlink()
        assert isinstance(recognizer([request(3)])[0], Done)
        marker.touch()
        for number in (4, 5, 6):
            assert isinstance(recognizer([request(number)])[0], Failed)
        marker.unlink()
        wait_until(lambda: recognizer.pid != first and not recognizer.failure)
        assert isinstance(recognizer([request(7)])[0], Done)


def test_its_process_yields_to_the_others():
    """So that readings and sockets are served before words, where the processor has not enough time for all."""
    with Recognizer(Choice(name="pocketsphinx")) as recognizer:
        lower = min(19, os.nice(0) + NICE)
        wait_until(lambda: recognizer.pid and os.getpriority(os.PRIO_PROCESS, recognizer.pid) == lower)


def test_closing_ends_a_process_that_is_loading(tmp_path):
    """Whoever leaves does not wait for a native library."""
    marker = tmp_path / "it hangs"
    recognizer = odd_recognizer("hangs loading", marker)
    wait_until(marker.exists)
    assert not recognizer.loaded()
    recognizer.close()
    assert exited(recognizer.pid)


@pytest.mark.parametrize("content", [{}, {"model.bin": b"no model", "config.json": b"{}", "tokenizer.json": b"{}"}])
def test_an_unreadable_model_folder_is_reported_with_what_to_do(tmp_path, content):
    """Empty, or full of something else: no traceback, no crash of ours."""
    for name, data in content.items():
        (tmp_path / name).write_bytes(data)
    with Recognizer(chosen(f"faster-whisper:{tmp_path}")) as recognizer:
        words = prepare(recognizer, Config())
        assert words.recognizer is None
        [warning] = words.warnings
        assert warning.code == "text_disabled" and "--asr pocketsphinx" in warning.message


def test_names_are_checked_before_anything_is_started(tmp_path):
    """An unknown recognizer, a model where there is none to choose, a folder that is not there."""
    for text in ("whisper", "pocketsphinx:large", f"faster-whisper:{tmp_path}/none", "none:x"):
        with pytest.raises(UsageError, match="--asr"):
            choose(text)
    assert choose("none") is None
    assert choose("pocketsphinx") == Choice(name="pocketsphinx")
    assert choose("faster-whisper:small") == Choice(name="faster-whisper", model="small", fetch=True)
    assert choose(f"faster-whisper:{tmp_path}") == Choice(name="faster-whisper", model=str(tmp_path))


def test_the_default_is_a_model_that_is_cached_and_never_a_download(tmp_path, monkeypatch):
    """`auto` looks into the hub's cache; the best of what is there is taken."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert choose("auto") is None
    for size in ("tiny", "small"):
        model = tmp_path / f"models--Systran--faster-whisper-{size}" / "snapshots" / "abc" / "model.bin"
        model.parent.mkdir(parents=True)
        model.write_bytes(b"")
    assert choose("auto") == Choice(name="faster-whisper", model="small", fetch=False)


def test_a_language_that_a_recognizer_does_not_support_disables_transcription():
    """A recognizer that supports a single language fixes the language of the session."""
    with odd_recognizer("english") as recognizer:
        assert prepare(recognizer, Config()).options == {"language": "en"}
        words = prepare(recognizer, Config(language="de"))
        assert words.recognizer is None and "not de" in words.warnings[0].message


def test_pocketsphinx_recognises_english_and_gives_the_same_words_again(conversation):
    """Real words with real times, and never surer than it is right; a pass does not change the next."""
    import soundfile

    audio, _ = soundfile.read(conversation, dtype="float32")
    one, other = (Transcribe(i, i, 0, 0, True, "en", to_int16(audio[a:b])) for i, a, b in
                  ((1, 5_760, 51_200), (2, 79_040, 120_000)))  # fmt: skip
    with Recognizer(chosen("pocketsphinx")) as recognizer:
        answers: list[Any] = recognizer([one, other, one])
        first, _, again = answers
        assert first.value == again.value and first.value.language == "en"
        words = first.value.segments[0].words
        assert " ".join(word.word for word in words) == "kids are talking by the door"
        assert all(0 < word.p <= 0.6 for word in words)
        # The clip's voice, by its level: .6 s to 2.5 s.
        assert abs(words[0].start - 0.62) < 0.1 and abs(words[-1].end - 2.55) < 0.15
        noise: Any
        [noise] = recognizer(
            [
                Transcribe(
                    3,
                    1,
                    0,
                    0,
                    True,
                    "en",
                    to_int16(0.02 * np.random.default_rng(0).standard_normal(32_000).astype(np.float32)),
                )
            ]
        )
        assert noise.value.segments == () or noise.value.segments[0].words == ()


def test_faster_whisper_recognises_a_speaker_who_was_not_in_its_training_data(conversation):
    """The real library, a converted folder of int8 weights: words, a language, and times near the voice."""
    import soundfile

    audio, _ = soundfile.read(conversation, dtype="float32")
    one = Transcribe(1, 1, 0, 0, True, None, to_int16(audio[5_760:51_200]))
    with Recognizer(chosen(f"faster-whisper:{TINY_WHISPER}")) as recognizer:
        [result] = recognizer([one])
    assert isinstance(result, Done) and isinstance(result.value, Hypothesis)
    assert result.value.language == "en" and (result.value.language_p or 0.0) > 0.5
    words = kept_words(result.value, one.audio, 0)
    assert [word.word.lower().strip(".") for word in words] == ["kids", "are", "talking", "by", "the", "door"]
    assert abs(words[0].start - 0.62) < 0.4 and abs(words[-1].end - 2.55) < 0.4
