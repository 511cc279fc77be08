"""Small corpora that sound a little like voices, in both layouts."""

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_voice import write


@pytest.fixture
def make_ravdess() -> Callable[..., Path]:
    """Whole actors of 60 clips each; as the owners lay them out, or flat."""

    def make(folder: Path, actors: tuple[str, ...], *, flat: bool, seconds: float = 0.6) -> Path:
        for actor in actors:
            for emotion, intensity, sentence, repetition in itertools.product(range(1, 9), (1, 2), (1, 2), (1, 2)):
                if emotion == 1 and intensity == 2:
                    continue
                name = f"03-01-{emotion:02}-{intensity:02}-{sentence:02}-{repetition:02}-{actor}"
                path = folder / f"{name}.flac" if flat else folder / f"Actor_{actor}" / f"{name}.wav"
                write(path, seconds, 90 + 25 * emotion, seed=intensity + int(actor))
        return folder

    return make


@pytest.fixture
def make_emodb() -> Callable[..., Path]:
    """Seven clips a speaker."""

    def make(folder: Path, speakers: tuple[str, ...], *, flat: bool, seconds: float = 0.6) -> Path:
        for speaker in speakers:
            for place, emotion in enumerate("WLEAFTN"):
                name = f"{speaker}a01{emotion}a"
                write(folder / (f"{name}.flac" if flat else f"wav/{name}.wav"), seconds, 100 + 25 * place)
        return folder

    return make


@pytest.fixture
def make_nemo() -> Callable[..., Path]:
    """Six clips a speaker; the table also lists a speaker whose clips are not there."""

    def make(folder: Path, speakers: tuple[str, ...], *, flat: bool, seconds: float = 0.6) -> Path:
        rows = ["file_id\temotion\traw_text\tnormalized_text\tspeaker_id\tgender\tage"]
        for speaker in (*speakers, "ZZ9"):
            for place, emotion in enumerate(("anger", "fear", "happiness", "neutral", "sadness", "surprised")):
                name = f"{speaker}_{emotion}_1"
                rows.append(f"{name}.wav\t{emotion}\tTak.\ttak\t        {speaker}\tmale\t30")
                if speaker != "ZZ9":
                    write(folder / (f"{name}.flac" if flat else f"samples/{name}.wav"), seconds, 95 + 25 * place)
        (folder / "data.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        return folder

    return make


@pytest.fixture
def make_emotale() -> Callable[..., Path]:
    """Five clips a speaker, Danish, rated by three; the table also lists a speaker whose clips are not there."""

    def make(folder: Path, speakers: tuple[str, ...], *, seconds: float = 0.6) -> Path:
        columns = [f"a{rater}_{axis}" for rater in (1, 2, 3) for axis in ("A", "V", "D", "cat")]
        rows = [",".join(["file", *columns, "gt_emotion"])]
        for speaker in (*speakers, "999"):
            for place, emotion in enumerate("ABHNS"):
                name = f"DK_{speaker}_{emotion}_1"
                rows.append(",".join([f"{name}.wav", *[f"{1 + place}.0,{5 - place}.0,3.5,{emotion}"] * 3, emotion]))
                if speaker != "999":
                    write(folder / f"{name}.ogg", seconds, 100 + 25 * place)
        (folder / "annotations.csv").write_text("\n".join(rows) + "\n")
        (folder / "speaker_info.csv").write_text("speaker,gender,age\n" + "".join(f"{s},F,30\n" for s in speakers))
        return folder

    return make


@pytest.fixture
def make_read() -> Callable[..., Path]:
    """Read speech of `count` speakers, a clip each, named by numbers."""

    def make(folder: Path, count: int = 8, *, seconds: float = 2.5) -> Path:
        folder.mkdir(parents=True)
        rows = ["file,corpus,speaker,gender,age,text"]
        for n in range(count):
            write(folder / f"r{n}.wav", seconds, 110 + 10 * n)
            rows.append(f"r{n}.wav,speechocean762,{n},f,9,HELLO")
        (folder / "clips.csv").write_text("\n".join(rows) + "\n")
        return folder

    return make


@pytest.fixture
def make_sounds() -> Callable[..., Path]:
    """One sound of a second."""

    def make(folder: Path) -> Path:
        folder.mkdir(parents=True)
        write(folder / "hum_00.wav", 1.0, 150)
        return folder

    return make


@pytest.fixture(scope="session")
def shared(shared: Path) -> Path:
    """The real corpora."""
    return shared / "corpora"
