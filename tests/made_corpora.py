"""Small trees with the names and columns of corpora that must be asked for, with made voices in them."""

from pathlib import Path

from synthetic_voice import write


def make_crema_d(folder: Path, actors: tuple[str, ...] = ("1001", "1002", "1003"), seconds: float = 0.6) -> Path:
    """Six clips an actor, beside the table of actors."""
    rows = ["ActorID,Age,Sex,Race,Ethnicity"]
    for i, actor in enumerate(actors):
        rows.append(f"{actor},{30 + i},{'Male' if i % 2 else 'Female'},Caucasian,Not Hispanic")
        for place, emotion in enumerate(("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")):
            write(folder / "AudioWAV" / f"{actor}_IEO_{emotion}_XX.wav", seconds, 100 + 25 * place, seed=i)
    (folder / "VideoDemographics.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def make_cafe(folder: Path, actors: tuple[str, ...] = ("01", "02", "03"), seconds: float = 0.3) -> Path:
    """78 clips an actor, in folders of emotions and intensities."""
    for actor in actors:
        for place, emotion in enumerate("CDJNPST"):
            for intensity in "1" if emotion == "N" else "12":
                for sentence in range(1, 7):
                    inside = folder / "CaFE_48k" / emotion / ("Faible" if intensity == "1" else "Fort")
                    write(inside / f"{actor}-{emotion}-{intensity}-{sentence}.wav", seconds, 100 + 20 * place)
    return folder


def make_iemocap(folder: Path, sessions: tuple[int, ...] = (1, 2, 3), seconds: float = 0.6) -> Path:
    """Two speakers a session with five utterances each."""
    for session in sessions:
        place = folder / f"Session{session}"
        name = f"Ses{session:02}F_impro01"
        lines, said = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""], []
        for gender in "FM":
            for i, code in enumerate(("neu", "hap", "sad", "ang", "xxx")):
                turn = f"{name}_{gender}{i:03}"
                lines.append(f"[{i}.0000 - {i + 1}.5000]\t{turn}\t{code}\t[2.5000, 3.5000, {i + 1}.0000]")
                lines.append("C-E1:\tNeutral;\t()")
                said.append(f"{turn} [00{i}.0000-00{i + 1}.5000]: Word {code} there.")
                write(place / "sentences" / "wav" / name / f"{turn}.wav", seconds, 100 + 25 * i + 10 * (gender == "F"))
        for kind, content in (("EmoEvaluation", lines), ("transcriptions", said)):
            (place / "dialog" / kind).mkdir(parents=True, exist_ok=True)
            (place / "dialog" / kind / f"{name}.txt").write_text("\n".join(content) + "\n", encoding="utf-8")
    return folder


def make_msp_podcast(folder: Path, each: int = 2, seconds: float = 0.6) -> Path:
    """Ten classes in three partitions, with ratings, genders and transcripts; the third test set has no labels."""
    rows = ["FileName,EmoClass,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set"]
    number = 0
    for side, speaker in (("Train", 1), ("Development", 20), ("Test1", 40)):
        for place, code in enumerate("ASHUFDCNOX"):
            for one in range(each):
                number += 1
                name = f"MSP-PODCAST_{number:04}_0001"
                who = "Unknown" if number == 1 else str(speaker + one)
                rating = f"{1 + (number * 7) % 7},{1 + place * 0.6:.2f},{2 + one}"
                rows.append(f"{name}.wav,{code},{rating},{who},{'Male' if one else 'Female'},{side}")
                write(folder / "Audios" / f"{name}.wav", seconds, 100 + 15 * place, seed=number)
                (folder / "Transcripts").mkdir(exist_ok=True)
                (folder / "Transcripts" / f"{name}.txt").write_text(f"word {code}\n", encoding="utf-8")
    rows.append("MSP-PODCAST_9999_0001.wav,,,,,,,Test3")
    (folder / "Labels").mkdir(exist_ok=True)
    (folder / "Labels" / "labels_consensus.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def make_emospeech(folder: Path, each: int = 2, seconds: float = 0.6) -> Path:
    """Six classes in three tables, recordings in a folder beside them."""
    for side in ("train", "dev", "test"):
        rows = ["id,transcription,label"]
        for place, label in enumerate(("anger", "disgust", "fear", "joy", "neutral", "sadness")):
            for one in range(each):
                name = f"{side}{place}{one}"
                rows.append(f'{name}.wav,"palabra, {label}",{label}')
                write(folder / f"{side}_segments" / f"{name}.wav", seconds, 100 + 25 * place, seed=one)
        (folder / f"{side}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def make_own(folder: Path, labels: tuple[str, ...] = ("calm voice", "frustrated"), speakers: int = 6,
             each: int = 3, seconds: float = 1.2) -> Path:  # fmt: skip
    """LABEL/SPEAKER/clip.wav: labels differ in pitch."""
    for place, label in enumerate(labels):
        for speaker in range(speakers):
            for one in range(each):
                write(folder / label / f"s{speaker}" / f"{one}.wav", seconds, 110 + 120 * place + 5 * speaker, seed=one)
    return folder
