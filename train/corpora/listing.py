"""Clips, corpora, and how the files of a corpus are listed: names are parsed, nothing is decoded."""

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing, UnknownLabel, listed

LABELS = ("angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised")
SOUNDS = (".wav", ".flac", ".ogg")


@dataclass(frozen=True, order=True)
class Clip:
    """One recording of one speaker with one label. `name` is unique in its corpus and the same in every layout.

    gender      "f", "m", or "" where the corpus does not say
    language    ISO 639-1
    dimensions  arousal, valence and dominance in [-1, 1], the mean of the raters; None without ratings
    age         of the speaker in years; None where the corpus does not say
    text        what is said; "" where the corpus does not say
    split       "train", "development" or "test", where its owners divide it; "" where they do not
    begin_s, end_s  the part of the recording that is the clip, where a table divides longer recordings; None: its end
    spoken      where in the recording the text begins and ends, seconds; None where the corpus does not say
    """

    corpus: str
    name: str
    path: Path
    speaker: str
    label: str
    gender: str = ""
    language: str = ""
    dimensions: tuple[float, float, float] | None = field(default=None, compare=False)
    age: int | None = field(default=None, compare=False)
    text: str = field(default="", compare=False)
    split: str = field(default="", compare=False)
    begin_s: float = field(default=0.0, compare=False)
    end_s: float | None = field(default=None, compare=False)
    spoken: tuple[float, float] | None = field(default=None, compare=False)


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """A corpus: its labels (a subset of LABELS), languages, licence and citation, and how to list its clips."""

    name: str
    labels: tuple[str, ...]
    languages: tuple[str, ...]
    licence: str
    citation: str
    list_clips: Callable[[Path], list[Clip]]


def parsed(folder: Path, pattern: str, places: tuple[str, ...]) -> list[tuple[Path, tuple[str, ...]]]:
    """Every sound file in `places` with the groups of its name; a name that does not fit is an error."""
    paths = sorted(path for place in places for path in folder.glob(place) if path.suffix.lower() in SOUNDS)
    if not paths:
        raise CorpusMissing(f"no {', '.join(SOUNDS)} files in {folder}, nor in {folder}/{places[-1]}")
    matches = [(path, re.fullmatch(pattern, path.stem)) for path in paths]
    strange = [path.name for path, match in matches if match is None]
    if strange:
        raise CorpusInvalid(f"{folder}: names that do not fit {pattern!r}: {listed(strange)}; were they renamed?")
    return [(path, match.groups()) for path, match in matches if match is not None]


def label_of(corpus: str, known: dict[str, str], code: str, path: Path) -> str:
    """Our label for a corpus's code; UnknownLabel lists the known codes."""
    if code not in known:
        raise UnknownLabel(f"{path}: emotion {code!r} is none of {corpus}'s ({', '.join(known)})")
    return known[code]


def assert_whole(corpus: str, folder: Path, wanted: set[str], there: set[str]) -> None:
    """CorpusInvalid names the files that are missing."""
    missing = sorted(wanted - there)
    if missing:
        raise CorpusInvalid(f"{corpus}: {len(missing)} files missing in {folder}: {listed(missing)}; copy them again")


def distinct(clips: list[Clip]) -> list[Clip]:
    """Sorted by name; the same clip in two places or formats is an error, because it would be counted twice."""
    clips = sorted(clips, key=lambda clip: clip.name)
    twice = [b.name for a, b in itertools.pairwise(clips) if a.name == b.name]
    if twice:
        raise CorpusInvalid(
            f"{clips[0].corpus}: these clips are there twice: {listed(twice)}; keep one layout and one format"
        )
    return clips
