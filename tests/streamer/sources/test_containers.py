"""One clip in every container: the lossless ones give its samples, the others its sound, where it was."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from made_recordings import read_all, write
from real_voice import RECORDING, sentence

from emoscope.streamer import UnreadableAudio
from emoscope.streamer.sources.decoder import Damaged
from emoscope.streamer.sources.ffmpeg_decoder import FfmpegDecoder
from emoscope.streamer.sources.input_format import InputFormat
from emoscope.streamer.sources.recordings import Recording

QUIET = np.zeros(6_000, np.float32)
CLIP: npt.NDArray[np.float32] = np.round(np.concatenate([QUIET, sentence(1), QUIET]) * 32_768).astype(np.float32)
CLIP /= 32_768

LOSSLESS = [
    ("a.wav", "pcm_s16le"), ("a24.wav", "pcm_s24le"), ("f.wav", "pcm_f32le"), ("a.w64", "pcm_s16le"),
    ("a.aiff", "pcm_s16be"), ("a.au", "pcm_s16be"), ("a.caf", "pcm_s16be"), ("a.flac", "flac"), ("f.ogg", "flac"),
    ("v.voc", "pcm_s16le"), ("alac.m4a", "alac"), ("f.mkv", "flac"), ("p.mov", "pcm_s16le"), ("t.tta", "tta"),
    ("w.wv", "wavpack"),
]  # fmt: skip
LOSSY = [
    ("a.mp3", "libmp3lame", 16_000), ("a.m4a", "aac", 16_000), ("a.3gp", "aac", 16_000), ("n.3gp", "amr_nb", 8_000),
    ("a.amr", "amr_nb", 8_000), ("a.aac", "aac", 16_000), ("a.opus", "libopus", 48_000), ("a.webm", "libopus", 48_000),
    ("o.mkv", "libopus", 48_000), ("a.wma", "wmav2", 16_000), ("a.ac3", "ac3", 32_000),
    ("i.caf", "adpcm_ima_qt", 16_000),
    ("i.wav", "adpcm_ima_wav", 16_000), ("m.wav", "pcm_mulaw", 8_000), ("l.wav", "pcm_alaw", 8_000),
    ("g.wav", "g726", 8_000), ("mp3.wav", "libmp3lame", 16_000), ("a.ts", "mp2", 16_000),
    ("a.avi", "libmp3lame", 16_000),
]  # fmt: skip
BIT_RATES = {"amr_nb": 12_200, "g726": 32_000, "wmav2": 64_000}


@pytest.mark.parametrize(("name", "codec"), LOSSLESS, ids=str)
def test_a_lossless_container_gives_the_samples(tmp_path: Path, name: str, codec: str) -> None:
    sample_format = {"tta": "s16", "wavpack": "s16p"}.get(codec, "")
    with Recording(write(tmp_path / name, CLIP, codec, sample_format=sample_format)) as recording:
        assert recording.sample_rate == 16_000
        np.testing.assert_allclose(read_all(recording), CLIP, atol=1e-7)


def envelope(audio: np.ndarray, rate: int) -> np.ndarray:
    """The loudness every 10 ms."""
    step = rate // 100
    whole = len(audio) // step * step
    return np.sqrt(np.mean(np.square(audio[:whole].reshape(-1, step)), 1))


@pytest.mark.parametrize(("name", "codec", "rate"), LOSSY, ids=str)
def test_a_lossy_container_gives_the_sound_where_it_was(tmp_path: Path, name: str, codec: str, rate: int) -> None:
    """Within 0.1 s, which is what ADTS, AMR and MP3 in AVI lose: they do not say how much an encoder put first."""
    container = "ipod" if name == "a.m4a" else None
    path = write(tmp_path / name, CLIP, codec, rate=rate, container=container, bit_rate=BIT_RATES.get(codec, 0))
    with Recording(path) as recording:
        heard = envelope(read_all(recording), recording.sample_rate)
    meant = envelope(CLIP, 16_000)
    assert abs(len(heard) - len(meant)) <= 15
    size = min(len(heard), len(meant))
    shifts = range(-10, 11)
    alike = [float(np.corrcoef(np.roll(heard[:size], -shift), meant[:size])[0, 1]) for shift in shifts]
    assert max(alike) > 0.9


def test_what_a_browser_records_has_no_length_and_is_whole(tmp_path: Path) -> None:
    """MediaRecorder writes WebM as a stream."""
    path = write(tmp_path / "a.webm", CLIP, "libopus", rate=48_000, options={"live": "1"})
    with Recording(path) as recording:
        assert recording.declared is None
        assert len(read_all(recording)) / 48_000 == pytest.approx(len(CLIP) / 16_000, abs=0.05)


def test_an_mp3_without_a_length_tag_is_whole(tmp_path: Path) -> None:
    """Nothing says how long it is, so nothing is missing."""
    path = write(tmp_path / "a.mp3", CLIP, "libmp3lame", options={"write_xing": "0"})
    with Recording(path) as recording:
        assert recording.declared is None
        assert len(read_all(recording)) / 16_000 == pytest.approx(len(CLIP) / 16_000, abs=0.2)


@pytest.mark.parametrize("name", ["a.opus", "a.ogg", "a.mp3"])
def test_joined_files_are_read_to_the_end_of_the_last(tmp_path: Path, name: str) -> None:
    """A chain of Ogg streams, and MP3s one after the other."""
    if name == "a.ogg":
        soundfile.write(tmp_path / name, CLIP, 16_000, format="OGG", subtype="VORBIS")
    else:
        codec, rate = ("libopus", 48_000) if name == "a.opus" else ("libmp3lame", 16_000)
        write(tmp_path / name, CLIP, codec, rate=rate)
    one = (tmp_path / name).read_bytes()
    (tmp_path / f"two-{name}").write_bytes(one + one)
    with Recording(tmp_path / f"two-{name}") as recording:
        assert len(read_all(recording)) / recording.sample_rate == pytest.approx(2 * len(CLIP) / 16_000, abs=0.2)


CUT = [
    ("a.opus", "libopus", 48_000, ""), ("a.mp3", "libmp3lame", 16_000, ""), ("a.mkv", "flac", 16_000, ""),
    ("a.w64", "pcm_s16le", 16_000, ""), ("a.au", "pcm_s16be", 16_000, ""), ("a.aiff", "pcm_s16be", 16_000, ""),
    ("a.caf", "pcm_s16be", 16_000, ""), ("i.caf", "adpcm_ima_qt", 16_000, ""), ("a.wma", "wmav2", 16_000, ""),
    ("a.flv", "libmp3lame", 44_100, ""), ("v.avi", "pcm_s16le", 16_000, "mpeg4"), ("v.wmv", "wmav2", 16_000, "wmv2"),
    ("v.mkv", "libopus", 48_000, "mpeg4"), ("mp3.wav", "libmp3lame", 16_000, ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "codec", "rate", "picture"), CUT, ids=str)
def test_a_cut_file_says_where_it_ends(tmp_path: Path, name: str, codec: str, rate: int, picture: str) -> None:
    """What can be read is, and then an error says how much; whole, the same file is not called broken."""
    bits = BIT_RATES.get(codec, 0)
    path = write(tmp_path / name, np.tile(CLIP, 4), codec, rate=rate, picture=picture, bit_rate=bits)
    with Recording(path) as recording:
        assert len(read_all(recording)) / recording.sample_rate == pytest.approx(4 * len(CLIP) / 16_000, abs=0.2)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    blocks: list[npt.NDArray[np.float32]] = []
    with pytest.raises(UnreadableAudio, match="breaks off at"), Recording(path) as recording:
        blocks.extend(recording.blocks(0.5))
    assert sum(map(len, blocks)) / recording.sample_rate > (4.0 if not picture else 0.5)  # the picture comes last


@pytest.mark.parametrize(("name", "codec"), [("a.m4a", "aac"), ("a.mov", "pcm_s16le"), ("a.caf", "alac")])
def test_a_file_that_lost_its_index_says_so(tmp_path: Path, name: str, codec: str) -> None:
    """Nothing of it can be read."""
    path = write(tmp_path / name, np.tile(CLIP, 4), codec)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 5])
    with pytest.raises(UnreadableAudio, match="its index is missing"):
        Recording(path)


def test_a_hole_in_a_flac_is_silence_and_is_told(tmp_path: Path) -> None:
    """Times after it stay right."""
    path = tmp_path / "a.flac"
    audio = np.tile(CLIP, 3)
    soundfile.write(path, audio, 16_000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3_000] = bytes(3_000)
    path.write_bytes(content)
    blocks: list[npt.NDArray[np.float32]] = []
    with pytest.raises(UnreadableAudio, match="cannot be decoded"), Recording(path) as recording:
        blocks.extend(recording.blocks(0.5))
    heard = np.concatenate(blocks)[:, 0]
    assert len(heard) == len(audio)
    np.testing.assert_allclose(heard[-16_000:], audio[-16_000:], atol=1e-6)


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    """A FIFO is neither empty nor searched for its length."""
    soundfile.write(tmp_path / "a.wav", CLIP, 16_000, subtype="PCM_16")
    os.mkfifo(tmp_path / "fifo")
    feeder = threading.Thread(target=lambda: (tmp_path / "fifo").write_bytes((tmp_path / "a.wav").read_bytes()))
    feeder.start()
    with Recording(tmp_path / "fifo") as recording:
        np.testing.assert_allclose(read_all(recording), CLIP, atol=1e-7)
    feeder.join()


@pytest.mark.parametrize(
    ("encoding", "data"),
    [("pcm_s16le", (CLIP * 32_768).astype("<i2").tobytes()), ("pcm_f32le", CLIP.astype("<f4").tobytes())],
)
def test_samples_without_a_header_are_what_the_options_say(tmp_path: Path, encoding: str, data: bytes) -> None:
    (tmp_path / "raw").write_bytes(data)
    with Recording(tmp_path / "raw", InputFormat(encoding=encoding, sample_rate=8_000, interleaved=2)) as recording:
        assert (recording.sample_rate, recording.channels) == (8_000, 1)
        np.testing.assert_allclose(read_all(recording), CLIP[: len(CLIP) // 2 * 2].reshape(-1, 2).mean(1), atol=1e-7)


def test_a_playlist_opens_no_other_file(tmp_path: Path) -> None:
    """A recording is one file: what it names is neither opened nor fetched."""
    write(tmp_path / "a.ts", CLIP, "mp2")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\na.ts\n#EXT-X-ENDLIST\n")
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile a.ts\n")
    for name in ("list.m3u8", "list.ffconcat"):
        with pytest.raises(UnreadableAudio, match="not a readable recording"):
            Recording(tmp_path / name)


def test_a_picture_and_a_silent_video_have_no_sound(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "v.mp4"), "w") as output:
        stream = output.add_stream("mpeg4", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(5):
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), "rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(UnreadableAudio, match="there is no sound in it"):
        Recording(tmp_path / "v.mp4")
    (tmp_path / "p.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    with pytest.raises(UnreadableAudio, match="not a readable recording"):
        Recording(tmp_path / "p.png")


def test_a_few_bytes_cannot_claim_years_of_silence(tmp_path: Path) -> None:
    """Sixty packets that are 50 minutes apart would be 50 hours; no more than a day of silence is made of them."""
    path = tmp_path / "pauses.mkv"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("pcm_s16le", rate=8_000, layout="mono")
        for number in range(60):
            frame = av.AudioFrame.from_ndarray(np.full((1, 800), 1_000, np.int16), "s16", "mono")
            frame.sample_rate, frame.pts = 8_000, number * 3_000 * 8_000
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    assert path.stat().st_size < 200_000
    with open(path, "rb") as file:
        decoder, samples = FfmpegDecoder(file), 0
        with suppress(Damaged):  # the header promises more
            for block in decoder.blocks():
                samples += len(block)
        decoder.close()
    seconds = samples / 8_000
    assert 80_000 < seconds <= 86_400 + 60 * 0.1


@pytest.mark.parametrize("name", ["a.mp3", "a.wav"])
def test_a_decoders_own_words_never_reach_the_terminal(tmp_path: Path, name: str) -> None:
    """Of an MP3 that is cut and has a hole, by itself or in a WAV."""
    path = write(tmp_path / name, np.tile(CLIP, 3), "libmp3lame")
    content = bytearray(path.read_bytes())
    content[9_000:9_400] = b"\xff" * 400
    path.write_bytes(content[:-500])
    program = (
        "import sys; from pathlib import Path; from emoscope.streamer.sources.recordings import Recording\n"
        "try: list(Recording(Path(sys.argv[1])).blocks(1.0))\nexcept Exception: pass"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")


def test_the_sounds_that_libsndfile_breaks_off_are_read_whole(shared: Path) -> None:
    """Their first pages have positions that do not fit their packets, which libsndfile takes for damage."""
    broken = []
    for path in sorted((shared / "corpora" / "sounds").glob("*.ogg")):
        try:
            with soundfile.SoundFile(path) as file:
                whole = len(file.read()) == file.frames
        except soundfile.LibsndfileError:
            whole = False
        if not whole:
            broken.append(path)
    assert broken
    for path in broken:
        with Recording(path) as recording:
            assert len(read_all(recording)) > 4.0 * recording.sample_rate


def test_the_demo_recording_is_bit_exact_in_a_video(tmp_path: Path) -> None:
    """Beside a picture, the sound is found."""
    audio = soundfile.read(RECORDING, dtype="float32", frames=64_000)[0]
    with Recording(write(tmp_path / "v.mkv", audio, "flac")) as recording:
        np.testing.assert_allclose(read_all(recording), audio, atol=1e-7)


class LateStream:
    """A container as PyAV opens it, in which another stream begins late: its loop over packets may then fail once."""

    def __init__(self, container: Any) -> None:
        self._container, self._failed = container, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def demux(self, stream: Any) -> Iterator[Any]:
        for number, packet in enumerate(self._container.demux(stream)):
            if number == 20 and not self._failed:
                self._failed = True
                raise IndexError("list index out of range")
            yield packet


@pytest.mark.parametrize("fails", [False, True])
def test_a_stream_that_begins_in_the_middle_of_a_file_is_none_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """One packet of a Flash file is said to be of a picture, of which the header knows nothing."""
    path = write(tmp_path / "a.flv", CLIP, "libmp3lame", rate=44_100)
    content = bytearray(path.read_bytes())
    tags, at = [], 13
    while at + 15 < len(content):
        tags.append(at)
        at += 15 + int.from_bytes(content[at + 1 : at + 4], "big")
    content[tags[len(tags) // 2]] = 9
    path.write_bytes(content)
    if fails:
        really = av.open
        monkeypatch.setattr(av, "open", lambda *given, **named: LateStream(really(*given, **named)))
    with Recording(path) as recording:
        heard = len(read_all(recording)) / recording.sample_rate
    assert heard == pytest.approx(len(CLIP) / 16_000, abs=0.2)


@pytest.mark.parametrize("channels", [9, 16])
def test_more_than_eight_channels_are_read_as_they_are(tmp_path: Path, channels: int) -> None:
    """PyAV counts planes beyond the last one of such a frame, and ended the process when it read them."""
    rate, t = 48_000, np.arange(48_000) / 48_000
    pitches = [200 + 100 * number for number in range(channels)]
    sound = np.stack([0.3 * np.sin(2 * np.pi * pitch * t) for pitch in pitches], 1).astype(np.float32)
    with av.open(str(tmp_path / "many.opus"), "w", format="ogg") as output:
        stream: Any = output.add_stream("libopus", rate=rate, options={"mapping_family": "255"})
        stream.layout, stream.format = f"{channels} channels", "flt"
        frame = av.AudioFrame.from_ndarray(sound.reshape(1, -1), "flt", f"{channels} channels")
        frame.sample_rate, frame.pts = rate, 0
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with open(tmp_path / "many.opus", "rb") as file:
        decoder = FfmpegDecoder(file)
        assert decoder.channels == channels
        heard = np.concatenate(list(decoder.blocks()))
        decoder.close()
    loudest = np.abs(np.fft.rfft(heard[:rate], axis=0)).argmax(0)
    assert loudest.tolist() == pitches


def test_a_header_that_names_a_place_outside_of_the_file_is_damage(tmp_path: Path) -> None:
    """A chunk of a Wave64 that would be longer than any file."""
    path = write(tmp_path / "a.w64", CLIP, "pcm_s16le")
    content = bytearray(path.read_bytes()[:281])
    size = content.index(b"data") + 16
    content[size : size + 8] = b"\x18\x77\x01\x00\x00\x00\xcb\x33"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio), Recording(path) as recording:
        read_all(recording)
    content[size : size + 8] = b"\xff" * 8
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio), Recording(path) as recording:
        read_all(recording)
