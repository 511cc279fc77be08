"""Nobody is on two sides."""

from pathlib import Path

import pytest

from emoscope.train.corpora import Clip
from emoscope.train.corpora.splits import Split, assert_classes_present, split_by_speaker
from emoscope.train.errors import SpeakerLeak, SplitInvalid


def clip(speaker, name, label="sad"):
    return Clip("emodb", name, Path(f"{name}.wav"), speaker, label)


CLIPS = [clip("03", "a"), clip("03", "b"), clip("08", "c"), clip("09", "d")]


def test_a_speaker_in_two_splits_is_refused():
    """Named for two sides, or with clips on two sides: both are found, and the speaker is named."""
    with pytest.raises(SpeakerLeak, match="speaker 08 of emodb"):
        split_by_speaker(CLIPS, held_out={"emodb": ("08",)}, evaluation={"emodb": ("08",)})
    with pytest.raises(SpeakerLeak, match="speaker 03"):
        Split(train=(CLIPS[0],), held_out=(), evaluation=(CLIPS[1],))


def test_everyone_who_is_not_named_trains():
    """The three sides together are all clips, each once."""
    split = split_by_speaker(CLIPS, held_out={"emodb": ("08",)}, evaluation={"emodb": ("09",)})
    assert [c.name for c in split.train] == ["a", "b"]
    assert [c.name for c in split.held_out] == ["c"]
    assert [c.name for c in split.evaluation] == ["d"]


def test_a_speaker_who_is_not_there_is_an_error():
    """A typing error in a split must not turn into a training on everyone."""
    with pytest.raises(SplitInvalid, match="emodb 99"):
        split_by_speaker(CLIPS, held_out={"emodb": ("99",)}, evaluation={})


def test_a_class_absent_from_a_side_is_named():
    """Recall of a class without clips has no meaning."""
    with pytest.raises(SplitInvalid, match="emodb has no clip of angry in fold 2"):
        assert_classes_present("fold 2", CLIPS, {"emodb": ("angry", "sad")})
