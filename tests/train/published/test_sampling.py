"""Sampling, weights and validation scores, against values computed by hand and the papers' equations."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from made_corpora import make_msp_podcast
from synthetic_voice import write

from emoscope.models.errors import UsageError
from emoscope.train.corpora import Clip
from emoscope.train.corpora.dialogues import list_msp_podcast
from emoscope.train.corpora.library import divide, speaker_groups
from emoscope.train.errors import SplitInvalid
from emoscope.train.evaluation.scores import ccc
from emoscope.train.fit import Plateau
from emoscope.train.published.losses import inverse_frequency, weighted_cross_entropy
from emoscope.train.published.recipe import RECIPES, new_model
from emoscope.train.published.recipes import dry
from emoscope.train.published.sampling import balanced_ccc, moved, subsampled, usable
from emoscope.train.published.words import with_transcripts


def test_weighted_cross_entropy_is_the_weighted_mean():
    """Casals-Salvador et al., section 4: p = .5 and .25 with weights 1/2 and 3/2: (ln 2 / 2 + 3 ln 4 / 2) / 2."""
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.75, 0.25]]))
    weights = inverse_frequency([3, 1])
    assert weights.tolist() == pytest.approx([2 / 3, 2.0])
    loss = weighted_cross_entropy(logits, torch.tensor([0, 1]), torch.tensor([0.5, 1.5]))
    assert float(loss) == pytest.approx((0.5 * math.log(2) + 1.5 * math.log(4)) / 2)


def test_balanced_ccc_is_the_ccc_where_classes_are_as_frequent():
    """Lertpetchpun et al., section 2.4, with k = all: 2 cov / (var + var + bias^2), by hand 8/9 and 0."""
    rated = np.array([[1.0, 1.0], [3.0, 1.0], [1.0, 3.0], [3.0, 3.0]])
    said = np.array([[1.5, 2.0], [3.5, 2.0], [1.5, 2.0], [3.5, 2.0]])
    # First column: variances 1, covariance 1, bias .5: 2 / 2.25; second: said does not vary.
    assert balanced_ccc(said, rated, ["a", "a", "b", "b"]) == pytest.approx((8 / 9 + 0) / 2)


def test_balanced_ccc_hears_rare_emotions_as_often():
    """Ninety right answers of one emotion do not hide the ten wrong ones of the other."""
    rng = np.random.default_rng(0)
    rated = rng.uniform(1, 7, (100, 1))
    said = np.concatenate([rated[:90], 8 - rated[90:]])
    labels = ["common"] * 90 + ["rare"] * 10
    assert balanced_ccc(said, rated, labels) < 0.6 < ccc(said[:, 0], rated[:, 0])
    assert balanced_ccc(said, rated, labels, seed=3) == balanced_ccc(said, rated, labels, seed=3)


def clips_of(**counts: int) -> list[Clip]:
    return [
        Clip("x", f"{label}{i}", Path("x.wav"), "s", label) for label, count in counts.items() for i in range(count)
    ]


def test_subsampling_keeps_eight_to_one_and_undersampling_one_to_one():
    """Leygue et al., section 3: 26:1 becomes 8:1; Lertpetchpun et al.: m of each class."""
    clips = clips_of(neutral=52, sad=2, angry=5)
    labels = [clip.label for clip in clips]
    kept = subsampled(clips, labels, 8.0)
    assert [sum(clip.label == name for clip in kept) for name in ("neutral", "sad", "angry")] == [16, 2, 5]
    assert len(subsampled(clips, labels, 1.0)) == 6 and len(subsampled(clips, labels, None)) == 59
    assert subsampled(clips, labels, 8.0, seed=1) != kept
    with pytest.raises(UsageError, match="at least 1"):
        subsampled(clips, labels, 0.5)


def test_other_and_no_agreement_are_learned_where_asked_for(tmp_path):
    """Lertpetchpun et al., sections 2.3 and 3.1: never in the development set; theirs may move to training."""
    made = divide(list_msp_podcast(make_msp_podcast(tmp_path)))
    model = new_model(dry(RECIPES["attributes"]))

    def count(others):
        train, development = moved(made.train, made.development, others)
        return len(usable(model, train, "train", others)), len(usable(model, development, "development"))

    assert [count(others) for others in ("none", "train", "both")] == [(16, 16), (20, 16), (24, 16)]
    classes = {clip.label for clip in usable(new_model(dry(RECIPES["attentive"])), made.train, "train")}
    assert len(classes) == 8 and "other" not in classes
    with pytest.raises(SplitInvalid, match="no clip with a label among"):
        usable(new_model(dry(RECIPES["emospeech"])), clips_of(bored=2), "train")


def test_a_plateau_lowers_the_rate_after_each_five_epochs_without_a_better_score():
    """Casals-Salvador et al., section 4: -10 %; a better score starts the count anew."""
    plateau = Plateau(factor=0.9, patience=5)
    scores = [0.5, 0.4, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.6, 0.1]
    reached = [i for i in range(1, len(scores) + 1) if plateau.reached(scores[:i])]
    assert reached == [6, 11]


def test_ten_folds_leave_every_speaker_out_once():
    """Goel et al., section 4.2: about nine of CREMA-D's 91 in each."""
    speakers = [str(1001 + i) for i in range(91)]
    groups = speaker_groups(speakers, 10)
    assert sorted(one for group in groups for one in group) == speakers
    assert sorted(map(len, groups)) == [9] * 9 + [10]


def test_transcripts_are_made_once(tmp_path):
    """By a recognizer in its own process; what the file holds is not recognised again, and a clip's own text stays."""
    write(tmp_path / "a.wav", 0.8, 150)
    clips = [
        Clip("x", "a", tmp_path / "a.wav", "s", "sad", language="en"),
        Clip("x", "b", tmp_path / "a.wav", "s", "sad", text="said"),
    ]
    assert with_transcripts(clips, "none", tmp_path / "w") == clips and not (tmp_path / "w").exists()
    made = with_transcripts(clips, "pocketsphinx", tmp_path / "w")
    [file] = (tmp_path / "w").glob("transcripts-x-pocketsphinx.json")
    assert made[1].text == "said" and set(made[0].text) <= set("abcdefghijklmnopqrstuvwxyz' ")
    file.write_text('{"a": "kept words"}')
    assert with_transcripts(clips, "pocketsphinx", tmp_path / "w")[0].text == "kept words"
