"""Recordings: whole, broken, and not recordings at all."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from emoscope.streamer import UnreadableAudio
from emoscope.streamer.sources.input_format import InputFormat
from emoscope.streamer.sources.listing import recordings
from emoscope.streamer.sources.recordings import Recording
from emoscope.streamer.testing import voice


def test_blocks_are_the_file(tmp_path):
    """Any rate, any number of channels, in order."""
    audio = np.stack([voice(1.3), voice(1.3, 200.0)], 1)
    soundfile.write(tmp_path / "a.wav", audio, 44_100, subtype="FLOAT")
    with Recording(tmp_path / "a.wav", InputFormat(channels="split")) as recording:
        assert (recording.sample_rate, recording.channels) == (44_100, 2)
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks(0.1))), audio)
    with Recording(tmp_path / "a.wav") as recording:
        assert (recording.sample_rate, recording.channels) == (44_100, 1)
        mixed = np.concatenate(list(recording.blocks(0.7)))
        np.testing.assert_allclose(mixed, audio.mean(1, keepdims=True), atol=1e-7)


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
    """A total of zero in the header means unknown; every sample is read."""
    soundfile.write(tmp_path / "a.flac", voice(10.4), 16_000)
    content = bytearray((tmp_path / "a.flac").read_bytes())
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    with Recording(tmp_path / "a.flac") as recording:
        assert recording.declared is None
        assert sum(map(len, recording.blocks(1.0))) == round(10.4 * 16_000)


@pytest.mark.parametrize("rate", [4_000, 6_000, 384_000])
def test_a_rate_that_no_session_takes_is_resampled(tmp_path, rate):
    """The blocks have a rate that a session takes, and last as long."""
    soundfile.write(tmp_path / "odd.wav", np.zeros((rate * 2, 1)), rate)
    with Recording(tmp_path / "odd.wav") as recording:
        assert recording.sample_rate in (16_000, 48_000)
        seconds = sum(map(len, recording.blocks(0.3))) / recording.sample_rate
        assert seconds == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("rate", [0, 1, 999, 768_001, 0xFFFF_FFFF])
def test_a_rate_that_no_recording_has_is_an_error(tmp_path, rate):
    """A header of 1 Hz would make days of a minute."""
    with pytest.raises(UnreadableAudio, match=r"a\.wav: (its header says|not a readable recording).*--rate"):
        Recording(with_rate(tmp_path / "a.wav", voice(2.0), rate))


def test_a_rate_that_may_be_is_believed(tmp_path):
    """Nothing tells that it is wrong, and every sample is read; what the voice is really sampled at can be named."""
    path = with_rate(tmp_path / "a.wav", voice(2.0), 8_000)
    with Recording(path) as recording:
        assert sum(map(len, recording.blocks(1.0))) / recording.sample_rate == 4.0
    with Recording(path, InputFormat(encoding="pcm_s16le", sample_rate=16_000)) as recording:
        assert sum(map(len, recording.blocks(1.0))) / recording.sample_rate == pytest.approx(2.0, abs=0.01)


def with_rate(path, audio, rate):
    """A WAV file whose header says that rate."""
    soundfile.write(path, audio, 16_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"fmt ") + 12
    content[at : at + 4] = rate.to_bytes(4, "little")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("at", [0, 20_000])
def test_a_sample_that_is_no_number_ends_the_recording(tmp_path, sample, at):
    """What stands before it is read."""
    audio = voice(2.0).astype(np.float32)
    audio[at] = sample
    soundfile.write(tmp_path / "a.wav", audio, 16_000, subtype="FLOAT")
    blocks: list[np.ndarray] = []
    with (
        pytest.raises(UnreadableAudio, match=rf"breaks off at {at / 16_000:.2f} s of 2\.00 s .*not a valid number"),
        Recording(tmp_path / "a.wav") as recording,
    ):
        blocks.extend(recording.blocks(0.5))
    assert sum(map(len, blocks)) == at


READ = """
import resource, sys
from pathlib import Path
from emoscope.streamer.sources.recordings import Recording
with Recording(Path(sys.argv[1])) as recording:
    count = sum(map(len, recording.blocks(1.0)))
print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 << 20 if sys.platform == "darwin" else 1 << 10))
"""


def test_four_hours_in_one_file_take_no_more_memory_than_a_minute(tmp_path):
    """Each is read by a process of its own."""
    peaks = []
    for minutes in (1, 240):
        path = tmp_path / f"{minutes}.flac"
        with soundfile.SoundFile(path, "w", 8_000, 1, subtype="PCM_16") as file:
            for _ in range(minutes):
                file.write(np.zeros(8_000 * 60, np.int16))
        done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
        count, peak = map(int, done.stdout.split())
        assert count == minutes * 60 * 8_000
        peaks.append(peak)
    assert peaks[1] - peaks[0] <= 20, "MB"


def test_more_channels_than_a_session_takes_need_a_choice(tmp_path):
    """40 channels are named with their file; one of them can be read."""
    audio = np.zeros((4_000, 40), np.float32)
    audio[:, 33] = voice(0.25)
    soundfile.write(tmp_path / "odd.wav", audio, 16_000, subtype="FLOAT")
    with pytest.raises(UnreadableAudio, match=r"odd\.wav: 40 channels"):
        Recording(tmp_path / "odd.wav")
    with Recording(tmp_path / "odd.wav", InputFormat(channels=33)) as recording:
        np.testing.assert_array_equal(np.concatenate(list(recording.blocks(1.0)))[:, 0], audio[:, 33])
    with pytest.raises(UnreadableAudio, match="40 channels, counted from 0, and so none of number 40"):
        Recording(tmp_path / "odd.wav", InputFormat(channels=40))


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


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF, 0x8000_0000, 0x7FFF_F000])
def test_a_wav_whose_length_was_never_known_is_whole(tmp_path, size):
    """Programs that write to a pipe leave the sizes at a maximum of theirs: that is no break."""
    soundfile.write(tmp_path / "a.wav", voice(1.0), 16_000, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    at = content.index(b"data") + 4
    content[4:8] = content[at : at + 4] = size.to_bytes(4, "little")
    (tmp_path / "a.wav").write_bytes(content)
    with Recording(tmp_path / "a.wav") as recording:
        assert sum(map(len, recording.blocks(1.0))) == 16_000


def test_a_cut_flac_gives_every_whole_frame(tmp_path):
    """libsndfile stops a block early; FFmpeg goes on from there."""
    path = tmp_path / "a.flac"
    audio = voice(6.0)
    soundfile.write(path, audio, 16_000, subtype="PCM_16")
    whole = soundfile.read(path, dtype="float32")[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    blocks: list[np.ndarray] = []
    with pytest.raises(UnreadableAudio, match="breaks off"), Recording(path) as recording:
        blocks.extend(recording.blocks(0.5))
    read = np.concatenate(blocks)[:, 0]
    np.testing.assert_array_equal(read, whole[: len(read)])
    assert len(read) % 4_096 == 0 and len(read) > 3.5 * 16_000


def test_channels_in_opposite_phase_are_not_mixed_to_silence(tmp_path):
    """The louder channel is heard alone, and the recording says from when on."""
    audio = voice(3.0)
    soundfile.write(tmp_path / "a.wav", np.stack([0.5 * audio, -0.5 * audio], 1), 16_000, subtype="FLOAT")
    with Recording(tmp_path / "a.wav") as recording:
        heard = np.concatenate(list(recording.blocks(0.3)))
        assert recording.heard.cancelled == 0.0 and recording.heard.mixer.chosen == 0
    np.testing.assert_array_equal(heard[:, 0], 0.5 * audio)


@pytest.mark.parametrize("seconds", [0.013, 0.4, 3.0])
def test_how_a_recording_is_cut_into_blocks_changes_no_sample(tmp_path, seconds):
    """Also where channels cancel each other out from the middle on."""
    audio = np.stack([voice(4.0), np.concatenate([voice(2.2), -voice(4.0)[35_200:]])], 1)
    soundfile.write(tmp_path / "a.wav", audio, 16_000, subtype="FLOAT")
    with Recording(tmp_path / "a.wav") as recording:
        one = np.concatenate(list(recording.blocks(seconds)))
    with Recording(tmp_path / "a.wav") as recording:
        np.testing.assert_array_equal(one, np.concatenate(list(recording.blocks(1.0))))


def test_a_link_that_leads_to_itself_is_one_line(tmp_path):
    """The system's words for it."""
    (tmp_path / "loop.wav").symlink_to("loop.wav")
    with pytest.raises(UnreadableAudio, match=r"loop\.wav: cannot be opened: "):
        Recording(tmp_path / "loop.wav")
