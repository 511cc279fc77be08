"""A folder of many recordings' outputs: names, what is done, and what a killed run leaves."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoscope.streamer import InputError, Session
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.streamer.sinks.output_folder import LOCK, SUMMARY, OutputFolder, output_names
from emoscope.streamer.sinks.recording_summary import RecordingSummary
from emoscope.streamer.testing import CONTRACT, FakeEngine, run, voice


def names(*files: str, folder: str | None = None) -> list[str]:
    listed = [(Path(file), None if folder is None else Path(folder)) for file in files]
    return [str(name) for name in output_names(listed).values()]


def test_outputs_lie_as_the_recordings_do() -> None:
    assert names("in/a.wav", "in/deep/a.wav", folder="in") == ["a", "deep/a"]


def test_no_two_recordings_share_a_name() -> None:
    """The suffix tells them apart, or a number; letters' case does not, as some systems do not know it."""
    assert names("a.wav", "a.mp3", "b.wav") == ["a.wav", "a.mp3", "b"]
    assert names("x/a.wav", "y/a.wav") == ["a.wav", "a.wav.2"]
    assert len({name.casefold() for name in names("x/A.wav", "y/a.wav", "z/a.WAV")}) == 3


def read(folder: Path, files: list[Path], *, resume: bool, stop_after: int | None = None) -> None:
    """Write the outputs of files as replay does, up to a kill after so many."""
    events = run(Session(CONTRACT), FakeEngine(), [voice(2.0)])
    with OutputFolder(folder, ("csv", "json"), frames=False, resume=resume) as out:
        for count, file in enumerate(files):
            name = Path(file.stem)
            if out.done(file, name):
                continue
            if count == stop_after:
                opened = out.open(name)
                opened[0].append(b"half")
                return
            opened, summary = out.open(name), RecordingSummary(str(file))
            for event in events:
                summary.add(event)
                for one in opened:
                    if isinstance(event, EmotionFinal):
                        one.write(event)
            out.publish(name, opened)
            out.note(file, summary)
        out.finish(files)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_killed_run_that_goes_on_leaves_what_a_whole_run_leaves(tmp_path: Path) -> None:
    """Also where the kill came in the middle of a row of the table."""
    files = [Path(f"{number:03d}.wav") for number in range(20)]
    read(tmp_path / "whole", files, resume=False)
    read(tmp_path / "killed", files, resume=False, stop_after=7)
    with open(tmp_path / "killed" / SUMMARY, "ab") as table:
        table.write(b'"019.wav",1.')
    assert (tmp_path / "killed" / ".007.csv.part").exists()
    read(tmp_path / "killed", files, resume=True)
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    rows = list(csv.DictReader((tmp_path / "whole" / SUMMARY).read_text().splitlines(), strict=True))
    assert [row["file"] for row in rows] == [str(file) for file in files]


def test_a_failed_recording_is_read_again(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, ("csv",), frames=False) as out:
        out.note(Path("a.wav"), RecordingSummary("a.wav", error="a.wav: breaks off"))
        assert not out.done(Path("a.wav"), Path("a"))


def test_an_earlier_runs_folder_is_not_written_over(tmp_path: Path) -> None:
    """Unless the run is to go on."""
    read(tmp_path, [Path("a.wav")], resume=False)
    with pytest.raises(InputError, match="--skip-done"):
        OutputFolder(tmp_path, ("csv",), frames=False)


def test_two_runs_on_one_folder_do_not_mix(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows does not lock")
    with (
        OutputFolder(tmp_path, ("csv",), frames=False),
        pytest.raises(InputError, match="another run writes there"),
    ):
        OutputFolder(tmp_path, ("csv",), frames=False, resume=True)
    assert not (tmp_path / LOCK).exists()


def test_what_was_not_read_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    with OutputFolder(tmp_path, ("csv", "vtt"), frames=False) as out:
        out.discard(out.open(Path("deep/a")))
        out.finish([])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [SUMMARY]


@given(
    st.lists(
        st.lists(st.sampled_from(["..", ".", "a", "C:", "~", "a..b", "\\", "con"]), min_size=1, max_size=4), max_size=5
    )
)
def test_no_name_of_a_recording_leads_out_of_the_folder(names: list[list[str]]) -> None:
    """Whether a recording was named by itself, with dots on its way, or lay in a folder that was named."""
    files: list[tuple[Path, Path | None]] = []
    for parts in names:
        files.append((Path(*parts, "x.wav"), None))
        inner = [part for part in parts if part != ".."]
        files.append((Path("folder", *inner, "x.wav"), Path("folder")))
    outputs = output_names(files)
    assert len({str(name).casefold() for name in outputs.values()}) == len(files)
    for name in outputs.values():
        assert not name.is_absolute() and ".." not in name.parts
