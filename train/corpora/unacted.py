"""Speech without played emotion, and sounds without a voice: what a model must not claim an emotion of."""

import csv
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing
from .listing import SOUNDS, Clip, assert_whole, distinct, parsed

READ_LABEL = "neutral"
"""What read speech counts as; `calm` and `bored` are as right."""
COLUMNS = {"file", "corpus", "speaker", "gender", "age"}


def list_read(folder: Path) -> list[Clip]:
    """Read speech (speechocean762 and LibriSpeech): a folder with clips.csv, whose `file` names a recording each."""
    table = folder / "clips.csv"
    if not table.is_file():
        raise CorpusMissing(f"read: no {table}; it lists the recordings with their speakers")
    try:
        with open(table, encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusInvalid(f"{table}: not a table in UTF-8: {error}") from None
    if not rows or not rows[0].keys() >= COLUMNS:
        raise CorpusInvalid(f"{table}: expected the columns {', '.join(sorted(COLUMNS))}")
    if empty := [number for number, row in enumerate(rows, 2) if not (row["file"] and row["speaker"])]:
        raise CorpusInvalid(f"{table}: line {empty[0]} names no file or no speaker")
    there = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() in SOUNDS}
    assert_whole("read", folder, {Path(row["file"]).stem for row in rows}, set(there))
    clips = []
    for row in rows:
        name = Path(row["file"]).stem
        age = int(row["age"]) if row["age"].isdecimal() else None
        speaker = f"{row['corpus']}-{row['speaker']}"
        gender, text = row["gender"][:1].lower(), row.get("text", "")
        clips.append(Clip("read", name, there[name], speaker, READ_LABEL, gender, "en", age=age, text=text))
    return distinct(clips)


def list_sounds(folder: Path) -> list[Clip]:
    """ESC-10 by class: CLASS_NN, such as dog_bark_07. The label is the class; nobody speaks."""
    found = parsed(folder, r"([a-z_]+)_(\d+)", ("*",))
    return distinct([Clip("sounds", path.stem, path, path.stem, kind) for path, (kind, _) in found])
