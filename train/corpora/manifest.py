"""One's own recordings: a folder for each label, a CSV, or an audformat database or table.

Columns of a table, by any of these names, in any order; only the path and the label are needed:

    path (file, filename), label (emotion), speaker, split, gender, language, text (transcript), start, end,
    arousal, valence, dominance

`start` and `end` are seconds, or what pandas writes of a time (`0 days 00:00:01.5`), as in audformat's tables.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emoscope.streamer.sources.listing import SUFFIXES

from ..errors import CorpusInvalid, CorpusMissing, UnknownLabel, listed
from .listing import Clip
from .tables import Row, nearest, numbered, read_table

NAMES: Mapping[str, tuple[str, ...]] = {
    "path": ("path", "file", "filename", "wav"),
    "label": ("label", "emotion"),
    "speaker": ("speaker", "speaker_id"),
    "split": ("split", "partition", "set"),
    "gender": ("gender", "sex"),
    "language": ("language",),
    "text": ("text", "transcript", "transcription"),
    "start": ("start", "begin"),
    "end": ("end",),
    "arousal": ("arousal",),
    "valence": ("valence",),
    "dominance": ("dominance",),
}
SPLITS = {
    "train": "train", "training": "train", "dev": "development", "development": "development", "val": "development",
    "valid": "development", "validation": "development", "test": "test", "eval": "test", "evaluation": "test", "": "",
}  # fmt: skip
TIME = re.compile(r"(?:(?P<days>\d+) days? )?(?:(?P<hours>\d+):(?P<minutes>\d+):)?(?P<seconds>\d+(?:\.\d*)?)")
CORPUS = "own"
AUDFORMAT = "db.yaml"


@dataclass(frozen=True, kw_only=True)
class Ratings:
    """The ends of the scale on which arousal, valence and dominance are rated."""

    low: float = -1.0
    high: float = 1.0

    def scaled(self, value: float) -> float:
        """A rating as a dimension, -1 to 1."""
        return 2 * (value - self.low) / (self.high - self.low) - 1


def list_own(data: Path, labels: Sequence[str] = (), ratings: Ratings | None = None) -> list[Clip]:
    """The clips of a folder or a table, those of `labels` alone where some are named, sorted by path.

    CorpusMissing, CorpusInvalid and UnknownLabel say what is missing, in which line of which table.
    """
    if data.is_dir() and (data / AUDFORMAT).is_file():
        clips = _from_rows(data, _audformat_rows(data), data / AUDFORMAT, ratings or Ratings())
    elif data.is_dir():
        clips = _from_folders(data)
    elif data.suffix.lower() in (".csv", ".tsv"):
        rows = read_table(data, delimiter="\t" if data.suffix.lower() == ".tsv" else ",")
        clips = _from_rows(data.parent, rows, data, ratings or Ratings())
    elif data.is_file():
        raise CorpusInvalid(f"{data}: neither a folder nor a table that is read here; write it as .csv")
    else:
        raise CorpusMissing(f"no {data}: --data names a folder with a folder for each label, or a CSV")
    there = sorted({clip.label for clip in clips})
    for label in labels:
        if label not in there:
            raise UnknownLabel(f"--labels {label}: no clip has it{nearest(label, there)}")
    chosen = [clip for clip in clips if not labels or clip.label in labels]
    if len({clip.label for clip in chosen}) < 2:
        raise CorpusInvalid(f"{data}: every clip is {chosen[0].label!r}; a model must tell two labels or more apart")
    return sorted(chosen)


def _from_folders(data: Path) -> list[Clip]:
    """A folder a label: LABEL/name.wav, or LABEL/SPEAKER/name.wav. Without speakers' folders each clip's is unknown."""
    clips = []
    for label in sorted(path for path in data.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in sorted(label.rglob("*")):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                inside = path.relative_to(label).parts
                speaker = inside[0] if len(inside) > 1 else ""
                clips.append(Clip(CORPUS, str(path.relative_to(data)), path, speaker, label.name))
    if not clips:
        flat = sum(path.suffix.lower() in SUFFIXES for path in data.iterdir())
        hint = f"; its {flat} recordings lie in no folder: what is each one's label?" if flat else ""
        raise CorpusMissing(f"{data}: no folder of recordings{hint} (a folder a label, or a CSV)")
    return clips


def _audformat_rows(data: Path) -> list[Row]:
    """The rows of an audformat database: its tables (db.NAME.csv) joined by file, and by start and end where given."""
    tables = sorted(data.glob("db.*.csv"))
    if not tables:
        raise CorpusInvalid(
            f"{data}: an audformat database without a table as CSV (db.NAME.csv); its library writes one with "
            "db.save(root, storage_format='csv')"
        )
    of_files: dict[str, Row] = {}
    rows: dict[tuple[str, str, str], Row] = {}
    for table in tables:
        for row in read_table(table):
            if "file" not in row:
                break  # a table of other things, such as speakers
            if row.get("start") or row.get("end"):
                rows.setdefault((row["file"], row.get("start", ""), row.get("end", "")), {}).update(row)
            else:
                of_files.setdefault(row["file"], {}).update(row)
    if not of_files and not rows:
        raise CorpusInvalid(f"{data}: no table has the column file; there are {listed([one.name for one in tables])}")
    if not rows:
        return list(of_files.values())
    return [{**of_files.get(file, {}), **row} for (file, _, _), row in rows.items()]


def _from_rows(folder: Path, rows: Sequence[Row], table: Path, ratings: Ratings) -> list[Clip]:
    columns = _columns(dict.fromkeys(column for row in rows for column in row), table)
    clips, absent = [], []
    for line, row in numbered(rows):
        found = {name: row.get(column, "") for name, column in columns.items()}
        where = f"{table}: line {line}"
        if not found["path"] or not found["label"]:
            raise CorpusInvalid(f"{where} has no {'path' if not found['path'] else 'label'}")
        path = folder / found["path"]
        if not path.is_file():
            absent.append(f"{found['path']} (line {line})")
            continue
        clips.append(_clip(found, path, where, ratings))
    if absent:
        raise CorpusMissing(
            f"{table}: {len(absent)} of {len(rows)} paths are not there: {listed(absent)}; they are relative to "
            f"{folder}"
        )
    if twice := sorted(name for name, times in Counter(clip.name for clip in clips).items() if times > 1):
        raise CorpusInvalid(f"{table}: these clips are there twice: {listed(twice)}; one row a clip")
    return clips


def _columns(columns: Iterable[str], table: Path) -> dict[str, str]:
    """The column for each of NAMES that is among a table's columns."""
    lower = {column.lower(): column for column in columns}
    found = {
        name: next(lower[one] for one in known if one in lower)
        for name, known in NAMES.items()
        if any(one in lower for one in known)
    }
    for name in ("path", "label"):
        if name not in found:
            raise CorpusInvalid(f"{table}: no column {' or '.join(NAMES[name])}; it has {', '.join(lower.values())}")
    return found


def _clip(row: Mapping[str, str], path: Path, where: str, ratings: Ratings) -> Clip:
    split = row.get("split", "").lower()
    if split not in SPLITS:
        raise CorpusInvalid(f"{where}: split {split!r}{nearest(split, [one for one in SPLITS if one])}")
    begin, end = _seconds(row.get("start", ""), where), _seconds(row.get("end", ""), where)
    name = row["path"] if not begin and end is None else f"{row['path']}@{begin or 0.0:g}"
    return Clip(
        CORPUS,
        name,
        path,
        row.get("speaker", ""),
        row["label"],
        row.get("gender", "")[:1].lower(),
        row.get("language", "")[:2].lower(),
        _dimensions(row, where, ratings),
        text=row.get("text", ""),
        split=SPLITS[split],
        begin_s=begin or 0.0,
        end_s=end,
    )


def _seconds(text: str, where: str) -> float | None:
    if text in ("", "NaT"):
        return None
    match = TIME.fullmatch(text)
    if match is None:
        raise CorpusInvalid(f"{where}: {text!r} is no time; seconds, or 0 days 00:00:01.5")
    part = {name: float(value or 0) for name, value in match.groupdict().items()}
    return ((part["days"] * 24 + part["hours"]) * 60 + part["minutes"]) * 60 + part["seconds"]


def _dimensions(row: Mapping[str, str], where: str, ratings: Ratings) -> tuple[float, float, float] | None:
    given = [row.get(name, "") for name in ("arousal", "valence", "dominance")]
    if not all(given):
        return None
    try:
        a, v, d = (float(value) for value in given)
    except ValueError:
        raise CorpusInvalid(f"{where}: a rating that is not a number: {', '.join(given)}") from None
    if not all(ratings.low <= value <= ratings.high for value in (a, v, d)):
        raise CorpusInvalid(
            f"{where}: ratings {a:g}, {v:g}, {d:g} are not within {ratings.low:g} and {ratings.high:g}; --ratings "
            "LOW,HIGH names the scale"
        )
    return ratings.scaled(a), ratings.scaled(v), ratings.scaled(d)
