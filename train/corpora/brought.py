"""Corpora of the papers that must be asked for, as their owners distribute them: acted sentences.

crema-d  AudioWAV/1001_DFA_ANG_XX.wav, VideoDemographics.csv: 7,442 clips of 91 actors (Cao et al. 2014)
cafe     CaFE_48k/Colère/Faible/01-C-1-1.wav: 936 clips of 12 actors (Gournay et al. 2018)
"""

from pathlib import Path

from ..errors import CorpusInvalid
from .listing import Clip, assert_whole, distinct, label_of, parsed
from .tables import read_table

CREMA_D_LABELS = {
    "ANG": "angry", "DIS": "disgust", "FEA": "fearful", "HAP": "happy", "NEU": "neutral", "SAD": "sad",
}  # fmt: skip
CREMA_D_SENTENCES = {
    "IEO": "It's eleven o'clock",
    "TIE": "That is exactly what happened",
    "IOM": "I'm on my way to the meeting",
    "IWW": "I wonder what this is about",
    "TAI": "The airplane is almost full",
    "MTI": "Maybe tomorrow it will be cold",
    "IWL": "I would like a new alarm clock",
    "ITH": "I think I have a doctor's appointment",
    "DFA": "Don't forget a jacket",
    "ITS": "I think I've seen this before",
    "TSI": "The surface is slick",
    "WSI": "We'll stop in a couple of minutes",
}
CREMA_D_ACTORS, CREMA_D_CLIPS = 91, 7_442
CAFE_LABELS = {
    "C": "angry", "D": "disgust", "J": "happy", "N": "neutral", "P": "fearful", "S": "surprised", "T": "sad",
}  # fmt: skip


def list_crema_d(folder: Path) -> list[Clip]:
    """CREMA-D. Whole actors may be absent; with all 91 the number of clips is checked."""
    genders, ages = _demographics(folder)
    clips = []
    for path, (actor, sentence, emotion, _) in parsed(
        folder, r"(\d{4})_([A-Z]{3})_([A-Z]{3})_(LO|MD|HI|XX|X)", ("*", "AudioWAV/*")
    ):
        label = label_of("crema-d", CREMA_D_LABELS, emotion, path)
        text = CREMA_D_SENTENCES.get(sentence, "")
        gender, age = genders.get(actor, ""), ages.get(actor)
        clips.append(Clip("crema-d", path.stem, path, actor, label, gender, "en", age=age, text=text))
    clips = distinct(clips)
    if len({clip.speaker for clip in clips}) == CREMA_D_ACTORS and len(clips) < CREMA_D_CLIPS:
        raise CorpusInvalid(
            f"crema-d: {CREMA_D_CLIPS - len(clips)} of {CREMA_D_CLIPS} clips are missing in {folder}; a copy without "
            "Git LFS has short text files in their place"
        )
    return clips


def _demographics(folder: Path) -> tuple[dict[str, str], dict[str, int]]:
    rows = read_table(folder / "VideoDemographics.csv", ("ActorID", "Age", "Sex"))
    genders = {row["ActorID"]: row["Sex"][:1].lower() for row in rows}
    return genders, {row["ActorID"]: int(row["Age"]) for row in rows if row["Age"].isdecimal()}


def list_cafe(folder: Path) -> list[Clip]:
    """CaFE: each actor says 6 sentences in 6 emotions at 2 intensities, and neutrally. Whole actors may be absent."""
    clips = []
    for path, (actor, emotion, _, _) in parsed(
        folder, r"(\d\d)-([A-Z])-([12])-([1-6])", ("*", "*/*", "*/*/*", "*/*/*/*")
    ):
        label = label_of("cafe", CAFE_LABELS, emotion, path)
        clips.append(Clip("cafe", path.stem, path, actor, label, "", "fr"))
    wanted = {
        f"{actor}-{emotion}-{intensity}-{sentence}"
        for actor in {clip.speaker for clip in clips}
        for emotion in CAFE_LABELS
        for intensity in ("1" if emotion == "N" else "12")
        for sentence in range(1, 7)
    }
    assert_whole("cafe", folder, wanted, {clip.name for clip in clips})
    return distinct(clips)
