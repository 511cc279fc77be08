"""Sentences with emotion labels: GoEmotions in its Ekman grouping, and MELD, which is only for evaluation."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from emoscope.models.text.words import split

from ..errors import CorpusInvalid, CorpusMissing, UnknownLabel, listed

CLASSES = ("anger", "disgust", "fear", "joy", "neutral", "sadness", "surprise")
LICENCES = {"goemotions": "CC BY 4.0", "meld": "GPL-3.0"}
CITATIONS = {
    "goemotions": "Demszky, Movshovitz-Attias, Ko, Cowen, Nemade and Ravi (2020), GoEmotions: a dataset of "
    "fine-grained emotions, ACL",
    "meld": "Poria, Hazarika, Majumder, Naik, Cambria and Mihalcea (2019), MELD: a multimodal multi-party dataset for "
    "emotion recognition in conversations, ACL",
}


@dataclass(frozen=True)
class Labelled:
    """N sentences, as words; and truth (N, 7), 1 for each of CLASSES that a sentence has."""

    words: list[list[str]]
    truth: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.words)

    def some(self, places: npt.NDArray[np.int64]) -> "Labelled":
        """The sentences at these indices."""
        return Labelled([self.words[i] for i in places], self.truth[places])


def read_goemotions(folder: Path, part: str) -> Labelled:
    """`part` ("train" or "dev") of GoEmotions with its seven Ekman classes: PART.tsv in `folder`.

    A labels.txt in the folder must list the classes in the order of CLASSES; without one, that order is assumed.

    A line is a sentence, its classes' numbers separated by commas, and the comment's id, separated by tabs.
    """
    labels = folder / "labels.txt"
    names = _lines(labels) if labels.is_file() else list(CLASSES)
    if tuple(names) != CLASSES:
        raise CorpusInvalid(f"{folder / 'labels.txt'}: {listed(names)}; the Ekman grouping has {listed(CLASSES)}")
    words, rows = [], []
    for number, line in enumerate(_lines(folder / f"{part}.tsv"), 1):
        fields = line.split("\t")
        places = fields[1].split(",") if len(fields) == 3 else []
        if not places or not all(place.isdigit() and int(place) < len(CLASSES) for place in places):
            raise CorpusInvalid(f"{folder / part}.tsv, line {number}: expected text, class numbers and id, with tabs")
        row = np.zeros(len(CLASSES), np.float32)
        row[[int(place) for place in places]] = 1
        words.append(split(fields[0]))
        rows.append(row)
    return Labelled(words, np.stack(rows))


def read_meld(folder: Path, part: str) -> Labelled:
    """`part` ("train" or "dev") of MELD: PART.csv in `folder`, or PART_sent_emo.csv as its owners name it."""
    path = next((p for p in (folder / f"{part}.csv", folder / f"{part}_sent_emo.csv") if p.is_file()), None)
    if path is None:
        raise CorpusMissing(f"meld: no {part}.csv and no {part}_sent_emo.csv in {folder}")
    words, rows = [], []
    with open(path, encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            if not {"Utterance", "Emotion"} <= row.keys():
                raise CorpusInvalid(f"{path}: expected columns Utterance and Emotion")
            if row["Emotion"] not in CLASSES:
                raise UnknownLabel(f"{path}: emotion {row['Emotion']!r} is none of {listed(CLASSES)}")
            words.append(split(row["Utterance"]))
            rows.append(np.eye(len(CLASSES), dtype=np.float32)[CLASSES.index(row["Emotion"])])
    if not rows:
        raise CorpusInvalid(f"{path}: no sentences in it; copy it again")
    return Labelled(words, np.stack(rows))


def text_folder(data: Path, corpus: str) -> Path:
    """The folder of a text corpus: DATA itself, DATA/CORPUS or DATA/text/CORPUS; CorpusMissing if none of them."""
    names = {"goemotions": ("labels.txt",), "meld": ("dev.csv", "dev_sent_emo.csv")}[corpus]
    places = (data, data / corpus, data / "text" / corpus)
    for folder in places:
        if any((folder / name).is_file() for name in names):
            return folder
    raise CorpusMissing(f"no {corpus} in {', '.join(map(str, places))}: none holds {' or '.join(names)}")


def text_part(data: Path, corpus: str, part: str) -> tuple[Path, str]:
    """Folder and part that `data` means: a file such as test.tsv names its own part, a folder holds `part`."""
    if data.is_file():
        return data.parent, data.stem.removesuffix("_sent_emo")
    return text_folder(data, corpus), part


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusMissing(f"{path}: cannot be read: {error}") from None
    # Split at line feeds only: sentences hold other characters that `splitlines` would split at.
    lines = [line.removesuffix("\r") for line in text.split("\n") if line.strip()]
    if not lines:
        raise CorpusInvalid(f"{path}: empty; copy it again")
    return lines
