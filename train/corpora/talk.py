"""The URDU corpus: talk shows, not acted. Most of its speakers show one emotion only."""

from pathlib import Path

from .listing import Clip, distinct, label_of, parsed

URDU_LABELS = {"A": "angry", "H": "happy", "N": "neutral", "S": "sad"}


def list_urdu(folder: Path) -> list[Clip]:
    """URDU: Angry/SGn_Fnn_Ennn.wav, or all in one folder. Its numbers have gaps, so a missing file cannot be seen."""
    clips = []
    for path, (gender, number, emotion) in parsed(folder, r"S([MF])(\d+)_F\d+_([A-Z])\d+", ("*", "*/*")):
        label = label_of("urdu", URDU_LABELS, emotion, path)
        clips.append(Clip("urdu", path.stem, path, f"S{gender}{number}", label, gender.lower(), "ur"))
    return distinct(clips)
