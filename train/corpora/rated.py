"""EmoTale: Danish and English sentences, rated for arousal, valence and dominance by three listeners."""

import csv
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing
from .listing import Clip, assert_whole, distinct, label_of, parsed

EMOTALE_LABELS = {"A": "angry", "B": "bored", "H": "happy", "N": "neutral", "S": "sad"}
LANGUAGES = {"DK": "da", "EN": "en"}
RATERS = (1, 2, 3)


def list_emotale(folder: Path) -> list[Clip]:
    """EmoTale: LANG_SPK_E_n.wav in one folder, with annotations.csv and speaker_info.csv; speakers may be absent."""
    ratings = _table(folder, "annotations.csv", ["file", *(f"a{i}_{axis}" for i in RATERS for axis in "AVD")])
    genders = {
        row["speaker"]: row["gender"].lower() for row in _table(folder, "speaker_info.csv", ["speaker", "gender"])
    }
    rated = {Path(row["file"]).stem: row for row in ratings}
    clips = []
    for path, (language, speaker, emotion, _) in parsed(folder, r"(DK|EN)_(\d{3})_([A-Z])_(\d+)", ("*", "*/*")):
        row = rated.get(path.stem)
        if row is None:
            raise CorpusInvalid(f"{path}: not in annotations.csv; was it renamed?")
        label = label_of("emotale", EMOTALE_LABELS, emotion, path)
        gender = genders.get(speaker, "")[:1]
        dimensions = (_mean(row, "A", path), _mean(row, "V", path), _mean(row, "D", path))
        clips.append(Clip("emotale", path.stem, path, speaker, label, gender, LANGUAGES[language], dimensions))
    present = {tuple(clip.name.split("_")[:2]) for clip in clips}
    wanted = {name for name in rated if tuple(name.split("_")[:2]) in present}
    assert_whole("emotale", folder, wanted, {clip.name for clip in clips})
    return distinct(clips)


def _mean(row: dict[str, str], axis: str, path: Path) -> float:
    """The raters' mean, from 1..5 to -1..1."""
    try:
        values = [float(row[f"a{i}_{axis}"]) for i in RATERS]
    except ValueError:
        raise CorpusInvalid(f"{path}: annotations.csv holds a rating that is not a number") from None
    if not all(1 <= value <= 5 for value in values):
        raise CorpusInvalid(f"{path}: annotations.csv holds {values} for {axis}; ratings go from 1 to 5")
    return (sum(values) / len(values) - 3) / 2


def _table(folder: Path, name: str, columns: list[str]) -> list[dict[str, str]]:
    path = folder / name
    if not path.is_file():
        raise CorpusMissing(f"emotale: no {path}; it comes with the corpus")
    with open(path, encoding="utf-8-sig", newline="") as lines:
        rows = [{str(k).strip(): str(v).strip() for k, v in row.items()} for row in csv.DictReader(lines)]
    absent = [column for column in columns if not rows or column not in rows[0]]
    if absent:
        raise CorpusInvalid(f"{path}: no column {', '.join(absent)}")
    return rows
