"""Corpora that must be asked for, as small made trees: names, columns, counts, and what is said to be missing."""

import os

import made_recordings
import numpy as np
import pytest
import soundfile
from made_corpora import make_cafe, make_crema_d, make_emospeech, make_iemocap, make_msp_podcast, make_own
from synthetic_voice import write

from emoscope.streamer.testing import voice
from emoscope.train.corpora import Clip, audio
from emoscope.train.corpora.audio import read_part
from emoscope.train.corpora.brought import list_cafe, list_crema_d
from emoscope.train.corpora.dialogues import (
    MELD_SPLITS,
    list_emospeech,
    list_iemocap,
    list_meld,
    list_msp_podcast,
)
from emoscope.train.corpora.library import divide, list_corpus
from emoscope.train.corpora.manifest import Ratings, list_own
from emoscope.train.errors import CorpusInvalid, CorpusMissing, SplitInvalid, UnknownLabel


def test_crema_d_has_actors_sentences_and_genders(tmp_path):
    """Of the file names and the table of actors."""
    clips = list_crema_d(make_crema_d(tmp_path))
    assert len(clips) == 18 and {clip.speaker for clip in clips} == {"1001", "1002", "1003"}
    first = clips[0]
    assert (first.name, first.label, first.gender, first.age) == ("1001_IEO_ANG_XX", "angry", "f", 30)
    assert first.text == "It's eleven o'clock"
    (tmp_path / "VideoDemographics.csv").unlink()
    with pytest.raises(CorpusMissing, match=r"VideoDemographics\.csv"):
        list_crema_d(tmp_path)


def test_crema_d_with_all_actors_must_be_whole(tmp_path):
    """91 actors with fewer than 7,442 clips: how many are missing."""
    make_crema_d(tmp_path, tuple(str(1001 + i) for i in range(91)), seconds=0.25)
    with pytest.raises(CorpusInvalid, match="6896 of 7442 clips are missing"):
        list_crema_d(tmp_path)


def test_cafe_names_the_clip_that_an_actor_lacks(tmp_path):
    """Each actor has 78."""
    make_cafe(tmp_path, ("01", "02"), seconds=0.25)
    clips = list_cafe(tmp_path)
    assert len(clips) == 156 and {clip.label for clip in clips} >= {"angry", "surprised"}
    (tmp_path / "CaFE_48k" / "P" / "Fort" / "02-P-2-6.wav").unlink()
    with pytest.raises(CorpusInvalid, match=r"1 files missing.*02-P-2-6"):
        list_cafe(tmp_path)


def test_iemocap_has_turns_ratings_words_and_speakers(tmp_path):
    """Arousal before valence here, valence before arousal in the owners' tables."""
    clips = list_iemocap(make_iemocap(tmp_path))
    assert len(clips) == 30 and len({clip.speaker for clip in clips}) == 6
    happy = next(clip for clip in clips if clip.name == "Ses01F_impro01_M001")
    assert (happy.label, happy.speaker, happy.gender, happy.text) == ("happy", "Ses01M", "m", "Word hap there.")
    assert happy.dimensions == (0.25, -0.25, -0.5)
    happy.path.unlink()
    with pytest.raises(CorpusInvalid, match=r"1 of 30 recordings.*Ses01F_impro01_M001"):
        list_iemocap(tmp_path)


def test_iemocap_is_divided_by_sessions(tmp_path):
    """Five folds; the second has session 2 for the test."""
    clips = list_iemocap(make_iemocap(tmp_path, (1, 2, 3, 4, 5)))
    made = divide(clips, 1)
    assert {clip.speaker for clip in made.test} == {"Ses02F", "Ses02M"}
    assert {clip.speaker for clip in made.development} == {"Ses03F", "Ses03M"}
    assert len(made.train) == 30


def test_msp_podcast_has_partitions_ratings_and_unknown_speakers(tmp_path):
    """O and X are labels of their own; clips without labels are left out."""
    clips = list_msp_podcast(make_msp_podcast(tmp_path))
    assert len(clips) == 60 and {clip.split for clip in clips} == {"train", "development", "test"}
    assert {"other", "no agreement", "contempt"} <= {clip.label for clip in clips}
    assert clips[0].speaker == "unknown MSP-PODCAST_0001_0001" and clips[0].text == "word A"
    assert clips[0].dimensions is not None
    assert clips[0].dimensions == pytest.approx((-1.0, -1.0, -2 / 3))
    made = divide(clips)
    assert (len(made.train), len(made.development), len(made.test)) == (20, 20, 20)
    (tmp_path / "Audios" / "MSP-PODCAST_0002_0001.wav").unlink()
    with pytest.raises(CorpusInvalid, match="1 of 60 recordings"):
        list_msp_podcast(tmp_path)


def test_emospeech_has_tables_with_transcripts(tmp_path):
    """Splits by the tables' names."""
    clips = list_emospeech(make_emospeech(tmp_path))
    assert len(clips) == 36 and clips[0].language == "es" and "palabra" in clips[0].text
    assert {clip.split for clip in clips} == {"train", "development", "test"}
    (tmp_path / "train.csv").write_text("id,label\n")
    with pytest.raises(CorpusInvalid, match="without a row"):
        list_emospeech(tmp_path)


def make_meld(folder, monkeypatch):
    """Two rows a split, each split said to have two."""
    monkeypatch.setattr(
        "emoscope.train.corpora.dialogues.MELD_SPLITS", {name: (side, 2) for name, (side, _) in MELD_SPLITS.items()}
    )
    for split in MELD_SPLITS:
        rows = ["Sr No.,Utterance,Speaker,Emotion,Sentiment,Dialogue_ID,Utterance_ID"]
        for i, emotion in enumerate(("joy", "surprise")):
            rows.append(f"{i},Hello there,Monica,{emotion},positive,0,{i}")
            place = "output_repeated_splits_test" if split == "test" else f"{split}_splits"
            write(folder / place / f"dia0_utt{i}.wav", 0.4, 150)
        (folder / f"{split}_sent_emo.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_meld_has_a_folder_a_split(tmp_path, monkeypatch):
    """The same names in every split mean other recordings."""
    clips = list_meld(make_meld(tmp_path, monkeypatch))
    assert len(clips) == 6 and {clip.split for clip in clips} == {"train", "development", "test"}
    film = tmp_path / "dev_splits" / "dia0_utt1.wav"
    film.rename(film.with_suffix(".mp4"))
    with pytest.raises(CorpusInvalid, match=r"1 films.*ffmpeg"):
        list_meld(tmp_path)
    film.with_suffix(".mp4").unlink()
    with pytest.raises(CorpusInvalid, match="dia0_utt1"):
        list_meld(tmp_path)


def test_meld_with_too_few_rows_is_not_whole(tmp_path):
    """The counts are those of the owners."""
    (tmp_path / "train_sent_emo.csv").write_text("Utterance,Speaker,Emotion,Dialogue_ID\nHi,Joey,joy,0\n")
    with pytest.raises(CorpusInvalid, match="1 of 9989 rows"):
        list_meld(tmp_path)


def test_another_corpus_and_an_unknown_one_are_named(tmp_path):
    """The nearest name, and what lies in the folder."""
    make_msp_podcast(tmp_path, each=1)
    with pytest.raises(CorpusMissing, match="holds msp-podcast, not iemocap"):
        list_corpus("iemocap", tmp_path)
    with pytest.raises(SplitInvalid, match="did you mean iemocap"):
        list_corpus("iemocab", tmp_path)


def test_own_folders_are_labels_and_speakers(tmp_path):
    """LABEL/SPEAKER/clip.wav; labels may be anything."""
    clips = list_own(make_own(tmp_path, seconds=0.3))
    assert {clip.label for clip in clips} == {"calm voice", "frustrated"}
    assert {clip.speaker for clip in clips} == {f"s{i}" for i in range(6)}
    assert len(list_own(tmp_path, ("calm voice", "frustrated"))) == 36
    with pytest.raises(UnknownLabel, match="did you mean frustrated"):
        list_own(tmp_path, ("frustated",))
    with pytest.raises(CorpusInvalid, match="every clip is 'frustrated'"):
        list_own(tmp_path, ("frustrated",))


def table(folder, *rows):
    path = folder / "clips.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def test_a_table_has_parts_ratings_and_splits(tmp_path):
    """audformat's times, the scale that is named, splits by their usual names."""
    write(tmp_path / "long.wav", 2.0, 120)
    rows = (
        "file,start,end,emotion,speaker,split,arousal,valence,dominance",
        "long.wav,0 days 00:00:00.5,0 days 00:00:01,glad,a,train,1,4,7",
        "long.wav,1.0,,hold music,b,dev,4,4,4",
    )
    first, second = list_own(table(tmp_path, *rows), ratings=Ratings(low=1, high=7))
    assert (first.begin_s, first.end_s, first.label, first.split) == (0.5, 1.0, "glad", "train")
    assert first.dimensions == (-1.0, 0.0, 1.0) and first.name != second.name
    assert (second.begin_s, second.end_s, second.split) == (1.0, None, "development")
    with pytest.raises(CorpusInvalid, match=r"line 2.*not within -1 and 1"):
        list_own(table(tmp_path, *rows))


def test_an_audformat_database_joins_its_tables(tmp_path):
    """Labels in one, speakers in another, by file; a table of speakers is none of files."""
    for name in ("a", "b"):
        write(tmp_path / "wav" / f"{name}.wav", 0.4, 120)
    (tmp_path / "db.yaml").write_text("name: made\n")
    (tmp_path / "db.emotion.csv").write_text("file,emotion\nwav/a.wav,glad\nwav/b.wav,sad\n")
    (tmp_path / "db.files.csv").write_text("file,speaker\nwav/a.wav,1\nwav/b.wav,2\n")
    (tmp_path / "db.speaker.csv").write_text("speaker,gender\n1,female\n2,male\n")
    assert [(c.label, c.speaker) for c in list_own(tmp_path)] == [("glad", "1"), ("sad", "2")]
    # A column that the first file lacks is read where it is there.
    (tmp_path / "db.files.csv").write_text("file,speaker\nwav/b.wav,2\n")
    assert [(c.label, c.speaker) for c in list_own(tmp_path)] == [("glad", ""), ("sad", "2")]
    for name in ("emotion", "files"):
        (tmp_path / f"db.{name}.csv").unlink()
    with pytest.raises(CorpusInvalid, match=r"no table has the column file; there are db\.speaker\.csv"):
        list_own(tmp_path)
    (tmp_path / "db.speaker.csv").unlink()
    with pytest.raises(CorpusInvalid, match="storage_format='csv'"):
        list_own(tmp_path)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (("path,label", "a.wav,x", "gone.wav,y"), r"1 of 2 paths are not there: gone\.wav \(line 3\)"),
        (("path,mood", "a.wav,x"), "no column label or emotion; it has path, mood"),
        (("path,label", "a.wav,"), "line 2 has no label"),
        (("path,label,split", "a.wav,x,trian"), "did you mean train"),
        (("path,label,start", "a.wav,x,soon"), "'soon' is no time"),
        (("path,label", "a.wav,x", "a.wav,x"), "there twice"),
        (("path,label,arousal,valence,dominance", "a.wav,x,1,much,1"), "a rating that is not a number"),
    ],
)
def test_a_table_that_is_wrong_names_line_and_column(rows, said, tmp_path):
    """Before anything is decoded."""
    write(tmp_path / "a.wav", 0.3, 120)
    with pytest.raises((CorpusInvalid, CorpusMissing), match=said):
        list_own(table(tmp_path, *rows))


def test_no_data_says_what_is_wanted(tmp_path):
    """A path that is not there, an empty folder, sounds without a folder, a table of another kind."""
    with pytest.raises(CorpusMissing, match="a folder for each label"):
        list_own(tmp_path / "nowhere")
    with pytest.raises(CorpusMissing, match="a folder a label"):
        list_own(tmp_path)
    write(tmp_path / "a.wav", 0.3, 120)
    with pytest.raises(CorpusMissing, match="its 1 recordings lie in no folder"):
        list_own(tmp_path)
    (tmp_path / "x.xlsx").write_bytes(b"PK")
    with pytest.raises(CorpusInvalid, match=r"write it as \.csv"):
        list_own(tmp_path / "x.xlsx")


def test_recordings_of_a_telephone_are_read_as_they_are(tmp_path):
    """What `replay` reads can be trained on: AAC, MP3 and Opus sound as the samples that they were made of."""
    sound = voice(1.0)
    for label, name, codec, rate in (
        ("a", "x.m4a", "aac", 16_000),
        ("b", "x.mp3", "libmp3lame", 16_000),
        ("c", "x.opus", "libopus", 48_000),
    ):
        (tmp_path / label).mkdir()
        made_recordings.write(tmp_path / label / name, sound, codec, rate=rate)
    clips = list_own(tmp_path)
    assert [clip.label for clip in clips] == ["a", "b", "c"]
    for clip in clips:
        heard = read_part(clip, 16_000)
        assert abs(len(heard) - len(sound)) < 0.1 * 16_000
        assert np.sqrt(np.mean(heard**2)) == pytest.approx(np.sqrt(np.mean(sound**2)), rel=0.1)


def test_parts_of_a_recording_decode_it_once_until_it_changes(tmp_path, monkeypatch):
    """An hour of conversation has hundreds of clips. Each part is its own samples, which may be changed."""
    read, opened = audio.read_clip, []

    def counted(path, sample_rate):
        opened.append(path)
        return read(path, sample_rate)

    monkeypatch.setattr(audio, "read_clip", counted)
    path = tmp_path / "talk.wav"
    sound = voice(2.0)
    soundfile.write(path, sound, 16_000, subtype="FLOAT")
    clips = [Clip("own", str(i), path, "", "x", begin_s=i / 2, end_s=(i + 1) / 2) for i in range(4)]
    for i, clip in enumerate(clips):
        part = read_part(clip, 16_000)
        np.testing.assert_array_equal(part, sound[i * 8_000 : (i + 1) * 8_000])
        part[:] = 0
    np.testing.assert_array_equal(read_part(clips[0], 16_000), sound[:8_000])
    assert len(opened) == 1
    soundfile.write(path, -sound, 16_000, subtype="FLOAT")
    os.utime(path, (1, 1))
    np.testing.assert_array_equal(read_part(clips[0], 16_000), -sound[:8_000])
