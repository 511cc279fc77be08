"""Speech corpora with emotion labels: each as its owners distribute it, and as flat folders of FLAC or Ogg.

A loader only lists: it parses names, checks that the corpus is whole, and maps labels to ours. Nothing is decoded.
"""

import csv
import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from .errors import CorpusInvalid, CorpusMissing, UnknownLabel, listed

LABELS = ("angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
SOUNDS = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, order=True)
class Clip:
    """One recording of one speaker with one label. `name` is unique in its corpus and the same in every layout."""

    corpus: str
    name: str
    path: Path
    speaker: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """What must be known about a corpus: its labels (a subset of LABELS), its terms, how to list it."""

    name: str
    labels: tuple[str, ...]
    language: str
    licence: str
    citation: str
    list_clips: Callable[[Path], list[Clip]]


RAVDESS_LABELS = {
    "01": "neutral",
    "02": "calm",
    "03": "happy",
    "04": "sad",
    "05": "angry",
    "06": "fearful",
    "07": "disgust",
    "08": "surprised",
}
EMODB_LABELS = {
    "W": "angry",
    "L": "bored",
    "E": "disgust",
    "A": "fearful",
    "F": "happy",
    "T": "sad",
    "N": "neutral",
}
NEMO_LABELS = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "neutral": "neutral",
    "sadness": "sad",
    "surprised": "surprised",
}


def list_ravdess(folder: Path) -> list[Clip]:
    """RAVDESS speech: Actor_01/03-01-EE-II-SS-RR-AA.wav, or all in one folder. Whole actors may be absent."""
    clips = []
    for path, fields in _parsed(folder, r"03-01-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)", ("*", "Actor_*/*")):
        label = _label("ravdess", RAVDESS_LABELS, fields[0], path)
        clips.append(Clip("ravdess", path.stem, path, fields[4], label))
    # Each actor says 2 sentences twice in 8 emotions at 2 intensities; neutral has no strong one.
    wanted = {
        f"03-01-{emotion}-{intensity}-{sentence}-{repetition}-{actor}"
        for actor in {clip.speaker for clip in clips}
        for emotion in RAVDESS_LABELS
        for intensity in ("01", "02")[: 1 if emotion == "01" else 2]
        for sentence in ("01", "02")
        for repetition in ("01", "02")
    }
    _whole("ravdess", folder, wanted, {clip.name for clip in clips})
    return _distinct(clips)


def list_emodb(folder: Path) -> list[Clip]:
    """EmoDB: wav/SSTTTEV.wav, or all in one folder. Its versions have gaps, so a missing file cannot be seen."""
    clips = []
    for path, fields in _parsed(folder, r"(\d\d)([a-z]\d\d)([A-Z])([a-z])", ("*", "wav/*")):
        label = _label("emodb", EMODB_LABELS, fields[2], path)
        clips.append(Clip("emodb", path.stem, path, fields[0], label))
    return _distinct(clips)


def list_nemo(folder: Path) -> list[Clip]:
    """nEMO: samples/SPK_emotion_n.wav with data.tsv, or all in one folder. Whole speakers may be absent."""
    table = folder / "data.tsv"
    if not table.is_file():
        raise CorpusMissing(f"nemo: no {table}; it comes with the corpus and says which files there are")
    with open(table, encoding="utf-8", newline="") as lines:
        rows = [
            {str(k).strip(): str(v).strip() for k, v in row.items()} for row in csv.DictReader(lines, delimiter="\t")
        ]
    if not rows or not {"file_id", "emotion", "speaker_id"} <= rows[0].keys():
        raise CorpusInvalid(f"{table}: expected columns file_id, emotion and speaker_id, parted by tabs")
    listed_rows = {Path(row["file_id"]).stem: row for row in rows}
    clips = []
    for path, fields in _parsed(folder, r"([A-Z]+\d)_([a-z]+)_(\d+)", ("*", "samples/*")):
        label = _label("nemo", NEMO_LABELS, fields[1], path)
        row = listed_rows.get(path.stem)
        if row is None:
            raise CorpusInvalid(f"{path}: not in {table.name}; was it renamed?")
        if row["emotion"] != fields[1] or row["speaker_id"] != fields[0]:
            raise CorpusInvalid(f"{path}: {table.name} says {row['emotion']} by {row['speaker_id']}")
        clips.append(Clip("nemo", path.stem, path, fields[0], label))
    present = {clip.speaker for clip in clips}
    _whole(
        "nemo",
        folder,
        {name for name, row in listed_rows.items() if row["speaker_id"] in present},
        {clip.name for clip in clips},
    )
    return _distinct(clips)


CORPORA: dict[str, Corpus] = {
    corpus.name: corpus
    for corpus in (
        Corpus(
            name="ravdess",
            labels=tuple(sorted(RAVDESS_LABELS.values())),
            language="en",
            licence="CC BY-NC-SA 4.0",
            citation="Livingstone and Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song "
            "(RAVDESS), PLoS ONE 13(5): e0196391",
            list_clips=list_ravdess,
        ),
        Corpus(
            name="emodb",
            labels=tuple(sorted(EMODB_LABELS.values())),
            language="de",
            licence="free to use, citation asked for",
            citation="Burkhardt, Paeschke, Rolfes, Sendlmeier and Weiss (2005), A database of German emotional "
            "speech, Interspeech",
            list_clips=list_emodb,
        ),
        Corpus(
            name="nemo",
            labels=tuple(sorted(NEMO_LABELS.values())),
            language="pl",
            licence="CC BY-NC-SA 4.0",
            citation="Christop (2024), nEMO: dataset of emotional speech in Polish, LREC-COLING",
            list_clips=list_nemo,
        ),
    )
}


def load_corpora(data: Path, names: Iterable[str]) -> list[Clip]:
    """All clips of the named corpora under `data`, one folder a corpus, in an order that no file system changes."""
    if not data.is_dir():
        raise CorpusMissing(f"no folder {data}; `--data DIR` names the one that holds {', '.join(names)}")
    clips: list[Clip] = []
    for name in names:
        folder = data / name
        if not folder.is_dir():
            there = sorted(path.name for path in data.iterdir() if path.is_dir())
            raise CorpusMissing(f"no folder {name!r} in {data} (there: {listed(there) or 'no folders'})")
        clips += CORPORA[name].list_clips(folder)
    return clips


def _parsed(folder: Path, pattern: str, places: tuple[str, ...]) -> list[tuple[Path, tuple[str, ...]]]:
    """Every sound file in `places` with the groups of its name; a name that does not fit is an error."""
    paths = sorted(path for place in places for path in folder.glob(place) if path.suffix.lower() in SOUNDS)
    if not paths:
        raise CorpusMissing(f"no {', '.join(SOUNDS)} files in {folder}, nor in {folder}/{places[-1]}")
    matches = [(path, re.fullmatch(pattern, path.stem)) for path in paths]
    strange = [path.name for path, match in matches if match is None]
    if strange:
        raise CorpusInvalid(f"{folder}: names that do not fit {pattern!r}: {listed(strange)}; were they renamed?")
    return [(path, match.groups()) for path, match in matches if match is not None]


def _label(corpus: str, known: dict[str, str], code: str, path: Path) -> str:
    if code not in known:
        raise UnknownLabel(f"{path}: emotion {code!r} is none of {corpus}'s ({', '.join(known)})")
    return known[code]


def _whole(corpus: str, folder: Path, wanted: set[str], there: set[str]) -> None:
    missing = sorted(wanted - there)
    if missing:
        raise CorpusInvalid(f"{corpus}: {len(missing)} files missing in {folder}: {listed(missing)}; copy them again")


def _distinct(clips: list[Clip]) -> list[Clip]:
    """Sorted by name; the same clip in two places or formats is an error, it would be counted twice."""
    clips = sorted(clips, key=lambda clip: clip.name)
    twice = [b.name for a, b in itertools.pairwise(clips) if a.name == b.name]
    if twice:
        raise CorpusInvalid(f"{clips[0].corpus}: there twice: {listed(twice)}; keep one layout and one format")
    return clips
