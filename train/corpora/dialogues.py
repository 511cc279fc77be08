"""Corpora of the papers that must be asked for: conversations, podcasts and series, with tables.

iemocap      Session1..5 with dialog/EmoEvaluation, dialog/transcriptions and sentences/wav (Busso et al. 2008)
msp-podcast  Audios, Transcripts and Labels/labels_consensus.csv (Lotfian and Busso 2019)
emospeech    tables with the columns id, transcription and label; the recordings in any folder beside them
meld         train_, dev_ and test_sent_emo.csv; each split's recordings diaN_uttM as sound (Poria et al. 2019)
"""

import re
from pathlib import Path

from ..errors import CorpusInvalid, CorpusMissing, listed
from .listing import SOUNDS, Clip, assert_whole, distinct, label_of
from .tables import read_table

IEMOCAP_LABELS = {
    "neu": "neutral", "hap": "happy", "sad": "sad", "ang": "angry", "exc": "excited", "fru": "frustrated",
    "sur": "surprised", "fea": "fearful", "dis": "disgust", "oth": "other", "xxx": "no agreement",
}  # fmt: skip
MSP_PODCAST_LABELS = {
    "A": "angry", "S": "sad", "H": "happy", "U": "surprised", "F": "fearful", "D": "disgust", "C": "contempt",
    "N": "neutral", "O": "other", "X": "no agreement",
}  # fmt: skip
MSP_PODCAST_SPLITS = {
    "Train": "train", "Development": "development", "Validation": "development", "Test": "test", "Test1": "test",
    "Test2": "test2", "Test3": "test3",
}  # fmt: skip
EMOSPEECH_LABELS = {
    "anger": "angry", "disgust": "disgust", "fear": "fearful", "joy": "happy", "neutral": "neutral", "sadness": "sad",
}  # fmt: skip
MELD_LABELS = {
    "anger": "angry", "disgust": "disgust", "fear": "fearful", "joy": "happy", "neutral": "neutral", "sadness": "sad",
    "surprise": "surprised",
}  # fmt: skip
MELD_SPLITS = {"train": ("train", 9_989), "dev": ("development", 1_109), "test": ("test", 2_610)}
OTHER_OR_NONE = ("other", "no agreement")
"""Labels without a class: `attributes` learns their ratings all the same."""

LINE = re.compile(
    r"\[(\d+\.\d+) - (\d+\.\d+)\]\t(Ses\d\d[FM]_\S+_([FM])\d+)\t(\w+)\t\[(\d\.\d+), (\d\.\d+), (\d\.\d+)\]"
)
SAID = re.compile(r"(Ses\d\d[FM]_\S+_[FM]\d+) \[[^\]]*\]: (.*)")


def list_iemocap(folder: Path) -> list[Clip]:
    """IEMOCAP. Whole sessions may be absent. The speaker is session and gender, Ses01F; ratings go from 1 to 5."""
    sessions = sorted(path for path in folder.glob("Session*") if path.is_dir())
    if not sessions:
        raise CorpusMissing(f"iemocap: no Session1 to Session5 in {folder}")
    clips, absent = [], []
    for session in sessions:
        said: dict[str, str] = {}
        for path in sorted((session / "dialog" / "transcriptions").glob("Ses*.txt")):
            said.update(SAID.findall(path.read_text("utf-8", "replace")))
        tables = sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt"))
        if not tables:
            raise CorpusMissing(f"iemocap: no dialog/EmoEvaluation/Ses*.txt in {session}")
        for table in tables:
            for _, _, name, gender, code, valence, arousal, dominance in LINE.findall(table.read_text("latin-1")):
                path = session / "sentences" / "wav" / name.rsplit("_", 1)[0] / f"{name}.wav"
                if not path.is_file():
                    absent.append(name)
                    continue
                label = label_of("iemocap", IEMOCAP_LABELS, code, table)
                rated = tuple((float(value) - 3) / 2 for value in (arousal, valence, dominance))
                clips.append(
                    Clip("iemocap", name, path, f"{name[:5]}{gender}", label, gender.lower(), "en",
                         (rated[0], rated[1], rated[2]), text=said.get(name, "").strip())
                )  # fmt: skip
    _all_there("iemocap", folder, absent, len(clips))
    return distinct(clips)


def list_msp_podcast(folder: Path) -> list[Clip]:
    """MSP-Podcast: categories with O and X, ratings from 1 to 7, speakers, genders, partitions, transcripts.

    An unknown speaker counts as one of each clip's own. Clips of the third test set have no labels and are left out.
    """
    table = folder / "Labels" / "labels_consensus.csv"
    rows = read_table(table, ("FileName", "EmoClass", "EmoAct", "EmoVal", "EmoDom", "SpkrID", "Gender", "Split_Set"))
    places = [folder / name for name in ("Audios", "Audio") if (folder / name).is_dir()]
    if not places:
        raise CorpusMissing(f"msp-podcast: no folder Audios in {folder}")
    clips, absent = [], []
    for row in rows:
        if not row["EmoClass"]:
            continue
        path = places[0] / row["FileName"]
        if not path.is_file():
            absent.append(row["FileName"])
            continue
        if row["Split_Set"] not in MSP_PODCAST_SPLITS:
            raise CorpusInvalid(f"{table}: {row['FileName']}: Split_Set {row['Split_Set']!r} is none of the corpus's")
        speaker = row["SpkrID"] if row["SpkrID"].lower() not in ("", "unknown") else f"unknown {path.stem}"
        gender = row["Gender"][:1].lower()
        try:
            rated = tuple((float(row[name]) - 4) / 3 for name in ("EmoAct", "EmoVal", "EmoDom"))
        except ValueError:
            raise CorpusInvalid(f"{table}: {row['FileName']}: a rating that is not a number") from None
        words = folder / "Transcripts" / f"{path.stem}.txt"
        clips.append(
            Clip(
                "msp-podcast", path.stem, path, speaker, label_of("msp-podcast", MSP_PODCAST_LABELS, row["EmoClass"],
                path), gender if gender in "fm" else "", "en", (rated[0], rated[1], rated[2]),
                text=words.read_text("utf-8").strip() if words.is_file() else "",
                split=MSP_PODCAST_SPLITS[row["Split_Set"]],
            )
        )  # fmt: skip
    _all_there("msp-podcast", folder, absent, len(clips))
    return distinct(clips)


def list_emospeech(folder: Path) -> list[Clip]:
    """EmoSPeech: tables whose names hold train, dev or test. The speakers are not published: each clip is its own."""
    tables = sorted(folder.glob("*.csv"))
    if not tables:
        raise CorpusMissing(f"emospeech: no table (*.csv with id, transcription and label) in {folder}")
    sounds = {path.stem: path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (*SOUNDS, ".mp3")}
    clips, absent = [], []
    for table in tables:
        split = next((to for name, (to, _) in MELD_SPLITS.items() if name in table.stem.lower()), "")
        for row in read_table(table, ("id", "transcription", "label")):
            path = sounds.get(Path(row["id"]).stem) or sounds.get(row["id"])
            if path is None:
                absent.append(row["id"])
                continue
            label = label_of("emospeech", EMOSPEECH_LABELS, row["label"].lower(), table)
            clips.append(
                Clip("emospeech", path.stem, path, path.stem, label, "", "es", text=row["transcription"], split=split)
            )
    _all_there("emospeech", folder, absent, len(clips))
    return distinct(clips)


def list_meld(folder: Path) -> list[Clip]:
    """MELD: the three tables; of each split's folder (its name begins with train, dev, test or output) the sounds."""
    clips = []
    for split, (side, count) in MELD_SPLITS.items():
        rows = read_table(folder / f"{split}_sent_emo.csv", ("Utterance", "Speaker", "Emotion", "Dialogue_ID"))
        if len(rows) < count:
            raise CorpusInvalid(f"meld: {split}_sent_emo.csv has {len(rows)} of {count} rows; copy it again")
        begins = (split, "output_repeated") if split == "test" else (split,)
        sounds = {
            path.stem: path
            for place in sorted(folder.iterdir())
            if place.is_dir() and place.name.startswith(begins)
            for path in sorted(place.rglob("dia*_utt*"))
        }
        names = {f"dia{row['Dialogue_ID']}_utt{row['Utterance_ID']}": row for row in rows}
        films = [name for name in names if name in sounds and sounds[name].suffix.lower() not in SOUNDS]
        if films:
            raise CorpusInvalid(
                f"meld: {len(films)} films without their sound beside them: {listed(films)}; for each, "
                "`ffmpeg -i FILM.mp4 -ac 1 -ar 16000 FILM.wav`, and move the films away"
            )
        assert_whole(f"meld, {split}", folder, set(names), set(sounds))
        for name, row in names.items():
            label = label_of("meld", MELD_LABELS, row["Emotion"].lower(), folder)
            clips.append(
                Clip("meld", f"{split}_{name}", sounds[name], row["Speaker"], label, "", "en",
                     text=row["Utterance"], split=side)
            )  # fmt: skip
    return distinct(clips)


def _all_there(corpus: str, folder: Path, absent: list[str], there: int) -> None:
    if absent:
        raise CorpusInvalid(
            f"{corpus}: {len(absent)} of {there + len(absent)} recordings that its tables name are missing in "
            f"{folder}: {listed(absent)}; copy them again"
        )
