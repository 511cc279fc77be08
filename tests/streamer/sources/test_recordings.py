"""Recordings: whole, broken, and not recordings at all."""

import numpy as np
import pytest
import soundfile

from emoscope.streamer import UnreadableAudio
from emoscope.streamer.sources.recordings import Recording, recordings
from emoscope.streamer.testing import voice


def test_blocks_are_the_file(tmp_path):
    """Any rate, any number of channels, in order."""
    audio = np.stack([voice(1.3), voice(1.3, 200.0)], 1)
    soundfile.write(tmp_path / "a.wav", audio, 44_100, subtype="FLOAT")
    with Recording(tmp_path / "a.wav") as recording:
        assert (recording.sample_rate, recording.channels) == (44_100, 2)
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks(0.1))), audio)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "mp3"])
def test_compressed_recordings_are_read(tmp_path, suffix):
    """FLAC, Ogg and MP3 without another program."""
    soundfile.write(tmp_path / f"a.{suffix}", voice(1.0), 16_000)
    with Recording(tmp_path / f"a.{suffix}") as recording:
        assert abs(sum(map(len, recording.blocks(0.25))) - 16_000) < 3_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.wav", b"", "the file is empty"),
        ("text.wav", b"this is not audio at all, it is text\n" * 9, "not a readable recording"),
        ("header.wav", b"RIFF\x00\x00\x00\x00WAVEfmt ", "not a readable recording|has no samples"),
    ],
)
def test_what_is_no_recording_says_so(tmp_path, name, content, said):
    """One sentence, with the file's name."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableAudio, match=said), Recording(tmp_path / name) as recording:
        list(recording.blocks(1.0))


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    """Neither is a traceback."""
    with pytest.raises(UnreadableAudio, match="no such file"):
        Recording(tmp_path / "none.wav")
    with pytest.raises(UnreadableAudio, match="is a folder"):
        Recording(tmp_path)


def test_a_recording_without_samples_says_so(tmp_path):
    """A whole header and nothing behind it."""
    soundfile.write(tmp_path / "a.wav", np.zeros(0, np.float32), 16_000)
    with pytest.raises(UnreadableAudio, match="has no samples"), Recording(tmp_path / "a.wav") as recording:
        list(recording.blocks(1.0))


@pytest.mark.parametrize("suffix", ["flac", "wav"])
def test_a_cut_recording_gives_what_is_there_and_then_says_where_it_broke(tmp_path, suffix):
    """Nothing readable is lost, and the break is not taken for the end."""
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, voice(6.0), 16_000)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    lengths: list[int] = []

    def read():
        with Recording(path) as recording:
            lengths.extend(len(block) for block in recording.blocks(0.5))

    with pytest.raises(UnreadableAudio, match="breaks off at"):
        read()
    assert 30_000 < sum(lengths) < 60_000


def test_a_flac_whose_length_was_never_known_is_whole(tmp_path):
    """A total of zero in the header means unknown; all but the last hundredth of a second is read."""
    soundfile.write(tmp_path / "a.flac", voice(10.4), 16_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    with Recording(tmp_path / "a.flac") as recording:
        assert recording.declared is None
        assert 10.39 * 16_000 <= sum(map(len, recording.blocks(1.0))) <= 10.4 * 16_000


@pytest.mark.parametrize(("rate", "channels"), [(4_000, 1), (384_000, 1), (16_000, 40)])
def test_a_rate_or_a_number_of_channels_that_no_session_takes_is_named_with_its_file(tmp_path, rate, channels):
    """Before anything is read."""
    soundfile.write(tmp_path / "odd.wav", np.zeros((4_000, channels)), rate)
    with pytest.raises(UnreadableAudio, match=rf"odd\.wav: {rate} Hz, {channels} channels"):
        Recording(tmp_path / "odd.wav")


def test_a_name_that_is_too_long_or_no_text_is_no_traceback(tmp_path):
    """One is an error in words; the other is simply read."""
    import os

    with pytest.raises(UnreadableAudio, match="too long"):
        recordings([tmp_path / ("x" * 300)])
    strange = tmp_path / os.fsdecode(b"\xff\xe9.wav")
    soundfile.write(tmp_path / "a.wav", voice(0.5), 16_000)
    (tmp_path / "a.wav").rename(strange)
    with Recording(strange) as recording:
        assert sum(map(len, recording.blocks(1.0))) == 8_000


def test_a_folder_is_read_recursively_and_in_order(tmp_path):
    """Only recordings, sorted; a folder without any says what it looked for."""
    for name in ("b.wav", "a.flac", "deep/c.WAV", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert [p.name for p in recordings([tmp_path])] == ["a.flac", "b.wav", "c.WAV"]
    (tmp_path / "nothing").mkdir()
    with pytest.raises(UnreadableAudio, match="no recordings in this folder"):
        recordings([tmp_path / "nothing"])


@pytest.mark.parametrize("size", [0xFFFF_FFFF, 0x8000_0000, 0x7FFF_F000])
def test_a_wav_whose_length_was_never_known_is_whole(tmp_path, size):
    """Programs that write to a pipe leave the sizes at a maximum of theirs: that is no break."""
    soundfile.write(tmp_path / "a.wav", voice(1.0), 16_000, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    with Recording(tmp_path / "a.wav") as recording:
        assert sum(map(len, recording.blocks(1.0))) == 16_000
