"""A file that grows, and which files a list or a folder stands for."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from emoscope.streamer import UnreadableAudio
from emoscope.streamer.sources.ffmpeg_decoder import FfmpegDecoder
from emoscope.streamer.sources.listing import listed, recordings
from emoscope.streamer.sources.streams import GrowingFile, without_length
from emoscope.streamer.testing import FakeClock, voice


def test_a_file_that_is_still_written_is_read_to_where_it_stops_growing(tmp_path: Path) -> None:
    """The header's length is the writer's first guess, and does not count."""
    audio = voice(4.0)
    soundfile.write(tmp_path / "whole.wav", audio, 16_000, subtype="FLOAT")
    whole = (tmp_path / "whole.wav").read_bytes()
    head = whole[: whole.index(b"data") + 4] + bytes(4)
    pieces = [whole[len(head) : 100_000], whole[100_000:180_001], whole[180_001:]]
    path = tmp_path / "growing.wav"
    path.write_bytes(head)
    clock = FakeClock()

    def wait(seconds: float) -> None:
        clock.sleep(seconds)
        if pieces:
            with open(path, "ab") as file:
                file.write(pieces.pop(0))

    with open(path, "rb", buffering=0) as file:
        decoder = FfmpegDecoder(GrowingFile(file, 2.0, wait, clock.now))
        heard = np.concatenate(list(decoder.blocks()))[:, 0]
        decoder.close()
    np.testing.assert_array_equal(heard, audio)
    assert clock.seconds >= 2.0


def test_only_a_wav_loses_its_length() -> None:
    head = b"RIFF\x10\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\x08\0\0\0rest"
    assert without_length(head).endswith(b"data\xff\xff\xff\xffrest") and len(without_length(head)) == len(head)
    assert without_length(b"OggS" + bytes(40)) == b"OggS" + bytes(40)


def test_a_folder_is_searched_once_however_its_links_lead(tmp_path: Path) -> None:
    """A link to a folder is followed, a circle of links is not walked for ever, hidden files are left alone."""
    for name in ("in/b.wav", "in/deep/a.m4a", "in/notes.txt", "in/notes", "in/.hidden.wav", "other/c.OPUS"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "in" / "deep" / "back").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "other").symlink_to(tmp_path / "other")
    listing = listed([tmp_path / "in"])
    assert [path.name for path, _ in listing.files] == ["b.wav", "a.m4a", "c.OPUS"]
    assert listing.skipped_line == "1 file passed over, by name no recordings: notes" and not listing.failures


def test_texts_that_a_shell_names_beside_recordings_are_no_failures(tmp_path: Path) -> None:
    """A text alone was meant, and so was one that is not there."""
    names = ["a.wav", "notes.txt", "table.TSV", "odd.bin"]
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    listing = listed([tmp_path / name for name in [*names, "gone.csv"]])
    assert [path.name for path, _ in listing.files] == ["a.wav", "odd.bin", "gone.csv"]
    assert listing.skipped_line == "2 files passed over, by name no recordings: notes.txt, table.TSV"
    assert [path.name for path, _ in listed([tmp_path / "notes.txt"]).files] == ["notes.txt"]
    assert len(listed([tmp_path / "notes.txt", tmp_path / "table.TSV"]).files) == 2


def test_a_list_names_a_file_a_line(tmp_path: Path) -> None:
    """Names with spaces and of other alphabets; relative ones lie beside the list."""
    (tmp_path / "list.txt").write_text("# talks\na b.wav\n\nдва/三.mp3\n/abs/x.ogg\n", encoding="utf-8")
    files = [path for path, _ in listed([tmp_path / "@list.txt"]).files]
    assert files == [tmp_path / "a b.wav", tmp_path / "два" / "三.mp3", Path("/abs/x.ogg")]
    with pytest.raises(UnreadableAudio, match="the list cannot be read"):
        recordings([tmp_path / "@none.txt"])


def test_a_folder_without_recordings_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    assert "no recordings in this folder" in listed([tmp_path]).failures[0]
