"""RAVDESS, EmoDB and nEMO: acted sentences with a label each."""

import csv
from pathlib import Path

import soundfile

from ..errors import CorpusInvalid, CorpusMissing
from .listing import Clip, assert_whole, distinct, label_of, parsed
from .phones import label_lines

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
RAVDESS_SENTENCES = {"01": "Kids are talking by the door", "02": "Dogs are sitting by the door"}
EMODB_SENTENCES = {
    "a01": "Der Lappen liegt auf dem Eisschrank",
    "a02": "Das will sie am Mittwoch abgeben",
    "a04": "Heute Abend könnte ich es ihm sagen",
    "a05": "Das schwarze Stück Papier befindet sich da oben neben dem Holzstück",
    "a07": "In sieben Stunden wird es soweit sein",
    "b01": "Was sind denn das für Tüten, die da unter dem Tisch stehen",
    "b02": "Sie haben es gerade hochgetragen und jetzt gehen sie wieder runter",
    "b03": "An den Wochenenden bin ich jetzt immer nach Hause gefahren und habe Agnes besucht",
    "b09": "Ich will das eben wegbringen und dann mit Karl was trinken gehen",
    "b10": "Die wird auf dem Platz sein, wo wir sie immer hinlegen",
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
EMODB_GENDERS = dict.fromkeys(("03", "10", "11", "12", "15"), "m") | dict.fromkeys(("08", "09", "13", "14", "16"), "f")
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
    for path, fields in parsed(folder, r"03-01-(\d\d)-(\d\d)-(\d\d)-(\d\d)-(\d\d)", ("*", "Actor_*/*")):
        label = label_of("ravdess", RAVDESS_LABELS, fields[0], path)
        gender, text = "fm"[int(fields[4]) % 2], RAVDESS_SENTENCES.get(fields[2], "")
        clips.append(Clip("ravdess", path.stem, path, fields[4], label, gender, "en", text=text))
    # Each actor says 2 sentences twice in 8 emotions at 2 intensities; neutral has no strong one.
    wanted = {
        f"03-01-{emotion}-{intensity}-{sentence}-{repetition}-{actor}"
        for actor in {clip.speaker for clip in clips}
        for emotion in RAVDESS_LABELS
        for intensity in ("01", "02")[: 1 if emotion == "01" else 2]
        for sentence in ("01", "02")
        for repetition in ("01", "02")
    }
    assert_whole("ravdess", folder, wanted, {clip.name for clip in clips})
    return distinct(clips)


def list_emodb(folder: Path) -> list[Clip]:
    """EmoDB: wav/SSTTTEV.wav, or all in one folder. Its versions have gaps, so a missing file cannot be seen."""
    clips = []
    for path, fields in parsed(folder, r"(\d\d)([a-z]\d\d)([A-Z])([a-z])", ("*", "wav/*")):
        label = label_of("emodb", EMODB_LABELS, fields[2], path)
        gender = EMODB_GENDERS.get(fields[0], "")
        spoken = _spoken(path, folder)
        whole = spoken is None or spoken[1] <= soundfile.info(path).duration
        text = EMODB_SENTENCES.get(fields[1], "") if whole else ""
        spoken = spoken if whole else None
        clips.append(Clip("emodb", path.stem, path, fields[0], label, gender, "de", text=text, spoken=spoken))
    return distinct(clips)


def _spoken(path: Path, folder: Path) -> tuple[float, float] | None:
    """Where a sentence of EmoDB begins and ends, seconds; None without phone times.

    In copies that are cut to one length, a sentence may end after its recording. The phone times are in
    lablaut/STEMxx.lablaut (`phones.py`): the end of a phone and its name in each line. The last line is the silence
    after the sentence, and a first phone that begins with _ is a closure, in which nothing is heard.
    """
    labels = folder / "lablaut" / f"{path.stem}xx.lablaut"
    if not labels.is_file():
        return None
    found = label_lines(labels)
    if len(found) < 2:
        return None
    return found[0][0] if found[0][1].startswith("_") else 0.0, found[-2][0]


def list_nemo(folder: Path) -> list[Clip]:
    """nEMO: samples/SPK_emotion_n.wav with data.tsv, or all in one folder. Whole speakers may be absent."""
    table = folder / "data.tsv"
    if not table.is_file():
        raise CorpusMissing(f"nemo: no {table}; it comes with the corpus and lists its files")
    with open(table, encoding="utf-8", newline="") as lines:
        rows = [
            {str(k).strip(): str(v).strip() for k, v in row.items()} for row in csv.DictReader(lines, delimiter="\t")
        ]
    if not rows or not {"file_id", "emotion", "speaker_id"} <= rows[0].keys():
        raise CorpusInvalid(f"{table}: expected columns file_id, emotion and speaker_id, separated by tabs")
    listed_rows = {Path(row["file_id"]).stem: row for row in rows}
    clips = []
    for path, fields in parsed(folder, r"([A-Z]+\d)_([a-z]+)_(\d+)", ("*", "samples/*")):
        label = label_of("nemo", NEMO_LABELS, fields[1], path)
        row = listed_rows.get(path.stem)
        if row is None:
            raise CorpusInvalid(f"{path}: not in {table.name}; was it renamed?")
        if row["emotion"] != fields[1] or row["speaker_id"] != fields[0]:
            raise CorpusInvalid(f"{path}: {table.name} says {row['emotion']} by {row['speaker_id']}")
        gender, text = row.get("gender", "")[:1], row.get("raw_text", "")
        clips.append(Clip("nemo", path.stem, path, fields[0], label, gender, "pl", text=text))
    present = {clip.speaker for clip in clips}
    assert_whole(
        "nemo",
        folder,
        {name for name, row in listed_rows.items() if row["speaker_id"] in present},
        {clip.name for clip in clips},
    )
    return distinct(clips)
