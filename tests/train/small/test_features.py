"""Clips are cut as the stream cuts them, once, and kept."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from synthetic_voice import RATE, voice, write

from emoscope.models import ModelContract
from emoscope.models.small.frontend import Frontend
from emoscope.streamer.session.spans import speech_spans
from emoscope.train.corpora import Clip
from emoscope.train.corpora.audio import read_clip
from emoscope.train.errors import ClipUnusable, CorpusInvalid
from emoscope.train.small.features import extract, prepare

CONTRACT = ModelContract(id="x", labels=("sad",), window=25_600, hop=12_800, frame=640, lookback=480, tail=4_800)


def clip(path: Path) -> Clip:
    return Clip("emodb", path.stem, path, "03", "sad")


@pytest.mark.parametrize("milliseconds", [0, 100])
def test_an_empty_or_very_short_clip_is_named(tmp_path, milliseconds):
    """0 and 100 ms hold no expression; the message gives the file and its length."""
    path = tmp_path / "short.wav"
    soundfile.write(path, np.zeros(RATE * milliseconds // 1000, np.float32), RATE)
    with pytest.raises(ClipUnusable, match=rf"short.wav: {milliseconds} ms"):
        read_clip(path, RATE)


def test_text_named_wav_and_samples_that_are_no_numbers_are_named(tmp_path):
    """One line each, with the file."""
    path = tmp_path / "text.wav"
    path.write_text("hello")
    with pytest.raises(ClipUnusable, match=r"text.wav"):
        read_clip(path, RATE)
    sound = voice(0.5, 150)
    sound[100] = np.nan
    soundfile.write(tmp_path / "nan.wav", sound, RATE, subtype="FLOAT")
    with pytest.raises(ClipUnusable, match=r"nan.wav"):
        read_clip(tmp_path / "nan.wav", RATE)


def test_frames_are_those_that_the_stream_would_compute(tmp_path):
    """From the utterance's start as the live detector finds it; levelled, they are those of the front end."""
    write(tmp_path / "a.wav", 1.0, 150)
    frontend = Frontend(64, 48)
    [utterance] = extract(clip(tmp_path / "a.wav"), frontend, CONTRACT)
    audio = read_clip(tmp_path / "a.wav", RATE)
    [(start, end)] = speech_spans(audio, CONTRACT)
    assert utterance.start == start
    assert end - CONTRACT.frame < utterance.end <= end
    quiet = torch.zeros(frontend.lookback)
    quiet[-480:] = torch.from_numpy(audio[start - 480 : start])
    whole = frontend(torch.cat([quiet, torch.from_numpy(audio[start : utterance.end])])[None])[0]
    assert utterance.sound.shape == whole.shape == ((utterance.end - start) // 160, 112)
    ours = frontend.level(torch.from_numpy(utterance.sound)[None].float())[0]
    torch.testing.assert_close(ours, whole, atol=0.02, rtol=0)


def test_the_cache_gives_what_was_computed_and_a_broken_one_says_so(tmp_path):
    """Second time from the file, bit for bit; a torn file is named, not believed."""
    paths = [tmp_path / f"{name}.wav" for name in "ab"]
    for place, path in enumerate(paths):
        write(path, 0.6, 120 + 60 * place)
    clips = [clip(path) for path in paths]
    first = prepare(clips, Frontend(64, 48), CONTRACT, tmp_path / "cache")
    again = prepare(clips, Frontend(64, 48), CONTRACT, tmp_path / "cache")
    assert [u.clip.name for u in again] == ["a", "b"]
    for a, b in zip(first, again, strict=True):
        assert (a.start, a.end) == (b.start, b.end)
        np.testing.assert_array_equal(a.sound, b.sound)
    [held] = (tmp_path / "cache").iterdir()
    held.write_bytes(held.read_bytes()[:100])
    with pytest.raises(CorpusInvalid, match="delete it"):
        prepare(clips, Frontend(64, 48), CONTRACT, tmp_path / "cache")
