"""Corpora are listed whole, in either layout, or refused with the reason."""

import shutil

import pytest
from synthetic_voice import write

from emoscope.train.corpora import (
    CATEGORICAL,
    CORPORA,
    LABELS,
    list_emodb,
    list_emotale,
    list_nemo,
    list_ravdess,
    list_read,
    list_urdu,
    load_corpora,
)
from emoscope.train.errors import CorpusInvalid, CorpusMissing, UnknownLabel


def told(clips):
    return [(clip.corpus, clip.name, clip.speaker, clip.label) for clip in clips]


def test_ravdess_is_the_same_in_its_owners_layout_and_flat(tmp_path, make_ravdess):
    """Where the files lie and what format they have changes nothing that is learnt."""
    owners = list_ravdess(make_ravdess(tmp_path / "owners", ("01", "02"), flat=False, seconds=0.1))
    flat = list_ravdess(make_ravdess(tmp_path / "flat", ("01", "02"), flat=True, seconds=0.1))
    assert told(owners) == told(flat)
    assert len(flat) == 120
    assert {clip.label for clip in flat} == set(CORPORA["ravdess"].labels)


def test_emodb_is_the_same_in_its_owners_layout_and_flat(tmp_path, make_emodb):
    """As above, with the wav folder of the Berlin database."""
    owners = list_emodb(make_emodb(tmp_path / "owners", ("03", "08"), flat=False, seconds=0.1))
    flat = list_emodb(make_emodb(tmp_path / "flat", ("03", "08"), flat=True, seconds=0.1))
    assert told(owners) == told(flat)
    assert {clip.label for clip in flat} == set(CORPORA["emodb"].labels)


def test_nemo_is_the_same_in_its_owners_layout_and_flat_and_whole_speakers_may_be_absent(tmp_path, make_nemo):
    """Its table lists a speaker who is not there: that is a choice, not a fault."""
    owners = list_nemo(make_nemo(tmp_path / "owners", ("AB0", "CD0"), flat=False, seconds=0.1))
    flat = list_nemo(make_nemo(tmp_path / "flat", ("AB0", "CD0"), flat=True, seconds=0.1))
    assert told(owners) == told(flat)
    assert {clip.speaker for clip in flat} == {"AB0", "CD0"}
    assert {clip.label for clip in flat} == set(CORPORA["nemo"].labels)


def test_ratings_become_numbers_from_minus_one_to_one(tmp_path, make_emotale):
    """1 to 5 by three raters: their mean, halved about 3. A rating that is none is refused, with the file's name."""
    clips = list_emotale(make_emotale(tmp_path, ("001", "004"), seconds=0.1))
    assert len(clips) == 10
    assert {clip.speaker for clip in clips} == {"001", "004"}
    ratings = {clip.label: clip.dimensions for clip in clips}
    assert ratings["angry"] == (-1.0, 1.0, 0.25) and ratings["sad"] == (1.0, -1.0, 0.25)
    assert {(clip.gender, clip.language) for clip in clips} == {("f", "da")}
    table = tmp_path / "annotations.csv"
    table.write_text(table.read_text().replace("DK_001_H_1.wav,3.0", "DK_001_H_1.wav,7.0"))
    with pytest.raises(CorpusInvalid, match=r"DK_001_H_1.*7\.0"):
        list_emotale(tmp_path)
    table.write_text(table.read_text().replace("DK_001_H_1.wav,7.0", "DK_001_H_1.wav,loud"))
    with pytest.raises(CorpusInvalid, match="not a number"):
        list_emotale(tmp_path)


def test_urdus_genders_come_from_its_names(tmp_path):
    """SM is a man, SF a woman; an emotion that it does not have is refused."""
    for name in ("SM1_F1_A01", "SF2_F3_H02"):
        write(tmp_path / "Angry" / f"{name}.wav", 0.1, 120)
    assert [(c.speaker, c.gender, c.label) for c in list_urdu(tmp_path)] == [
        ("SF2", "f", "happy"),
        ("SM1", "m", "angry"),
    ]
    write(tmp_path / "Angry" / "SM1_F1_X01.wav", 0.1, 120)
    with pytest.raises(UnknownLabel, match="'X'"):
        list_urdu(tmp_path)


def test_a_missing_file_is_named(tmp_path, make_ravdess, make_nemo):
    """A corpus with a hole is refused, with the name of what is missing."""
    ravdess = make_ravdess(tmp_path / "ravdess", ("07",), flat=True, seconds=0.1)
    (ravdess / "03-01-04-02-01-01-07.flac").unlink()
    with pytest.raises(CorpusInvalid, match="03-01-04-02-01-01-07"):
        list_ravdess(ravdess)
    nemo = make_nemo(tmp_path / "nemo", ("AB0",), flat=False, seconds=0.1)
    (nemo / "samples" / "AB0_fear_1.wav").unlink()
    with pytest.raises(CorpusInvalid, match="AB0_fear_1"):
        list_nemo(nemo)


def test_a_renamed_file_is_named(tmp_path, make_emodb, make_nemo):
    """A name that cannot be parsed, or that the table does not know, is no clip."""
    emodb = make_emodb(tmp_path / "emodb", ("03",), flat=False, seconds=0.1)
    (emodb / "wav" / "03a01Wa.wav").rename(emodb / "wav" / "angry one.wav")
    with pytest.raises(CorpusInvalid, match="angry one"):
        list_emodb(emodb)
    nemo = make_nemo(tmp_path / "nemo", ("AB0",), flat=True, seconds=0.1)
    (nemo / "AB0_fear_1.flac").rename(nemo / "AB0_fear_77.flac")
    with pytest.raises(CorpusInvalid, match="AB0_fear_77"):
        list_nemo(nemo)


def test_a_label_outside_the_map_is_refused(tmp_path, make_ravdess):
    """Emotion 09 does not exist in RAVDESS."""
    folder = make_ravdess(tmp_path, ("01",), flat=True, seconds=0.1)
    shutil.copy(folder / "03-01-01-01-01-01-01.flac", folder / "03-01-09-01-01-01-01.flac")
    with pytest.raises(UnknownLabel, match="'09'"):
        list_ravdess(folder)


def test_a_clip_in_two_formats_is_refused(tmp_path, make_ravdess):
    """It would count twice."""
    folder = make_ravdess(tmp_path, ("01",), flat=True, seconds=0.1)
    shutil.copy(folder / "03-01-01-01-01-01-01.flac", folder / "03-01-01-01-01-01-01.wav")
    with pytest.raises(CorpusInvalid, match="there twice"):
        list_ravdess(folder)


def test_a_folder_without_the_corpora_says_where_to_point(tmp_path):
    """The message names `--data`, and what is there instead."""
    with pytest.raises(CorpusMissing, match="--data"):
        load_corpora(tmp_path / "nowhere", CORPORA)
    (tmp_path / "songs").mkdir()
    with pytest.raises(CorpusMissing, match=r"ravdess.*songs"):
        load_corpora(tmp_path, CATEGORICAL)


def test_the_real_corpora_are_listed_whole(shared):
    """Every clip that is there, every label one of ours, a gender and a language for each."""
    spoken = [name for name in CORPORA if name not in ("read", "sounds")]
    clips = load_corpora(shared, spoken)
    counts = {name: sum(clip.corpus == name for clip in clips) for name in spoken}
    assert counts == {"ravdess": 1320, "emodb": 408, "nemo": 3402, "emotale": 700, "urdu": 284}
    assert {clip.label for clip in clips} == set(LABELS)
    assert {clip.gender for clip in clips} == {"f", "m"}
    assert {clip.language for clip in clips} == {"da", "de", "en", "pl", "ur"}
    assert {clip.corpus for clip in clips if clip.dimensions} == {"emotale"}
    assert len({clip.speaker for clip in clips if clip.corpus == "urdu"}) == 25


def test_read_speech_is_listed_whole_with_ages_and_sounds_with_their_kinds(shared):
    """Nobody plays an emotion in the one, nobody speaks in the other."""
    read, sounds = load_corpora(shared, ["read"]), load_corpora(shared, ["sounds"])
    assert len(read) == 1851 and {clip.label for clip in read} == {"neutral"}
    assert len({clip.speaker for clip in read}) == 451
    assert 300 < sum(clip.age is not None and clip.age < 13 for clip in read) < 1000
    assert len(sounds) == 300 and len({clip.label for clip in sounds}) == 10


def test_a_table_of_read_speech_that_names_a_missing_file_is_refused(tmp_path):
    """A copy that broke off."""
    folder = tmp_path / "read"
    folder.mkdir()
    with pytest.raises(CorpusMissing, match=r"clips\.csv"):
        list_read(folder)
    header = "file,corpus,speaker,gender,age,text\n"
    (folder / "clips.csv").write_text(header + "a.wav,speechocean762,1,f,9,HELLO\nb.wav,LibriSpeech,2,m,,HELLO\n")
    (folder / "a.wav").touch()
    with pytest.raises(CorpusInvalid, match=r"1 files missing.*b"):
        list_read(folder)
    (folder / "b.wav").touch()
    assert [(clip.speaker, clip.age) for clip in list_read(folder)] == [
        ("speechocean762-1", 9),
        ("LibriSpeech-2", None),
    ]
    (folder / "clips.csv").write_text(header + "a.wav,lib\n")
    with pytest.raises(CorpusInvalid, match="line 2 names no file or no speaker"):
        list_read(folder)
    (folder / "clips.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusInvalid, match="not a table in UTF-8"):
        list_read(folder)
    (folder / "clips.csv").write_text("name\na.wav\n")
    with pytest.raises(CorpusInvalid, match="expected the columns"):
        list_read(folder)
