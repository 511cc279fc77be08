"""Neighbours in the space of embeddings, and the plane."""

import numpy as np
import pytest

from emoscope.train.analysis.embedding import FEWEST, clip_embeddings, map_clips, neighbours
from emoscope.train.errors import ClipUnusable

from .made_frames import utterance


def clouds(count=40):
    """Two labels far apart, two speakers who do not differ."""
    rng = np.random.default_rng(0)
    return [
        utterance([1, 2], speaker="ab"[i % 4 // 2], label=("angry", "sad")[i % 2], name=f"c{i}",
                  embedding=rng.normal(10 * (i % 2), 1, 5))
        for i in range(count)
    ]  # fmt: skip


def test_the_embedding_of_a_clip_is_weighted_by_frames():
    """Two utterances of one clip, of three frames and of one."""
    clips, rows = clip_embeddings([utterance([1, 1, 1], embedding=[0]), utterance([1], embedding=[4])])
    assert len(clips) == 1 and rows.tolist() == [[1.0]]


def test_neighbours_by_hand():
    """On a line at 0, 1 and 10, 11, the nearest of each is of its own name; by chance that is one of three others."""
    points = np.array([[0.0], [1], [10], [11]])
    found = neighbours(points, ["a", "a", "b", "b"], 1)
    assert (found.same, found.among) == (1.0, 2) and found.chance == pytest.approx(1 / 3)
    assert neighbours(points, ["a", "b", "a", "b"], 1).same == 0


def test_a_point_is_no_neighbour_of_itself_though_others_lie_on_it():
    """Copies of a clip lie on one point."""
    assert neighbours(np.zeros((12, 2)), ["a"] * 6 + ["b"] * 6, 10).same == pytest.approx(5 / 11, abs=0.1)


def test_labels_that_lie_apart_are_seen_to():
    """And voices that do not are at the level of chance."""
    found = map_clips(clouds(), perplexity=5)
    assert found.labels.same == 1 and abs(found.speakers.same - found.speakers.chance) < 0.15
    angry = np.array([clip.label == "angry" for clip in found.clips])
    assert found.places.shape == (40, 2)
    spread = [
        np.linalg.norm(found.places[rows] - found.places[rows].mean(0), axis=1).mean() for rows in (angry, ~angry)
    ]
    assert np.linalg.norm(found.places[angry].mean(0) - found.places[~angry].mean(0)) > max(spread)


def test_the_same_seed_gives_the_same_plane():
    """So a picture can be made again."""
    np.testing.assert_array_equal(map_clips(clouds(), 5).places, map_clips(clouds(), 5).places)


def test_too_few_clips_are_refused():
    """The message says how many are needed."""
    with pytest.raises(ClipUnusable, match=f"at least {FEWEST}"):
        map_clips(clouds(FEWEST - 1), perplexity=5)
    with pytest.raises(ClipUnusable, match="at least 91"):
        map_clips(clouds(), perplexity=30)
