"""What a model makes of a clip: the attention that a session reports, and its cache."""

import json

import msgspec
import numpy as np
import pytest

from emoscope.models.errors import UsageError
from emoscope.models.store import card_of, load_model
from emoscope.streamer import Config, VadConfig, open_engine, replay
from emoscope.streamer.protocol.events import EmotionFinal
from emoscope.train.analysis.cache import ClipCache, cache_path, each_kept
from emoscope.train.analysis.frames import attended, utterances_of, with_attention
from emoscope.train.corpora import Clip, load_corpora
from emoscope.train.corpora.audio import read_clip
from emoscope.train.errors import TrainingError

from .made_frames import utterance

WEBRTC = Config(vad=VadConfig(backend="webrtc"))  # the other detectors know that a buzz is no voice


@pytest.mark.parametrize("name", ["model", "small"])
def test_the_attention_is_the_one_that_a_session_reports(name, model, conversation):
    """Span by span, for a model that encodes windows and for one that encodes cells."""
    folder = model if name == "model" else "small"
    config = Config(pace="fast", interim=False)
    events = replay(conversation, open_engine(folder, engine="torch", threads=1), config=config)
    finals = [event for event in events if isinstance(event, EmotionFinal)][:3]
    clip = Clip("recording", conversation.name, conversation, "", "")
    audio = read_clip(conversation, 16_000)[: round((finals[-1].end + 1.5) * 16_000)]
    found = attended(load_model(folder), clip, audio, config)
    assert len(found) >= 3
    for final, one in zip(finals, found, strict=False):
        assert one.start / 16_000 == pytest.approx(final.start, abs=0.002)
        assert sum(one.shares) == pytest.approx(1) and len(one.energy) == len(one.weights)
        for span in final.attention:
            inside = (one.centres_s > span.start) & (one.centres_s < span.end)
            assert one.shares[inside].sum() == pytest.approx(span.weight, abs=2e-3)


def test_a_second_run_reads_the_cache_and_loads_no_model(model, data, tmp_path):
    """Another subset of the clips finds what is there; arrays come back as they were."""
    clips = load_corpora(data, ["emodb"])[:4]
    card, work = card_of(model), tmp_path / "work"
    made = utterances_of(card, model, lambda: load_model(model), clips, WEBRTC, work)

    def refuse():
        raise AssertionError("the model was loaded again")

    again = utterances_of(card, model, refuse, clips[1:3], WEBRTC, work)
    wanted = [one for one in made if one.clip in clips[1:3]]
    assert [one.clip for one in again] == [one.clip for one in wanted] and len(again) >= 2
    for one, other in zip(again, wanted, strict=True):
        for part in ("weights", "energy", "embedding"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_the_cache_of_another_detector_or_calibration_is_another_one(model, tmp_path):
    """Otherwise utterances of one would be taken for the other's."""
    card = card_of(model)
    hotter = msgspec.structs.replace(card.calibration, temperature=[3.0])
    cards = (card, msgspec.structs.replace(card, calibration=hotter))
    paths = {cache_path(tmp_path, "frames", one, model, vad) for one in cards for vad in (Config().vad, WEBRTC.vad)}
    assert len(paths) == 4


def test_a_checkpoint_without_a_digest_is_known_by_its_files(model, tmp_path):
    """Other weights in the same folder are another model."""
    card = msgspec.structs.replace(card_of(model), weights_sha256="")
    before = cache_path(tmp_path, "frames", card, model, Config().vad)
    assert cache_path(tmp_path, "frames", card, model, Config().vad) == before
    weights = model / "weights.safetensors"
    weights.write_bytes(weights.read_bytes() + b" ")
    assert cache_path(tmp_path, "frames", card, model, Config().vad) != before


def test_a_clip_whose_file_has_changed_is_made_again(data, tmp_path):
    """The cache knows the size and the time of each file."""
    clips = load_corpora(data, ["emodb"])[:2]
    cache: ClipCache[int] = ClipCache(tmp_path / "c.jsonl", int)
    assert [kept for _, kept in each_kept(cache, clips, lambda clip: 1)] == [1, 1]
    clips[0].path.write_bytes(clips[0].path.read_bytes() + b"\0")
    assert [kept for _, kept in each_kept(cache, clips, lambda clip: 2)] == [2, 1]


def test_a_line_that_was_cut_off_by_a_kill_is_made_again_and_spoils_nothing(data, tmp_path):
    """The next line begins on a line of its own."""
    path = tmp_path / "c.jsonl"
    clips = load_corpora(data, ["emodb"])[:3]
    cache: ClipCache[int] = ClipCache(path, int)
    for number, clip in enumerate(clips[:2]):
        cache.add(clip, number)
    path.write_bytes(path.read_bytes()[:-4])
    cut: ClipCache[int] = ClipCache(path, int)
    assert [cut.get(clip) for clip in clips] == [0, None, None]
    cut.add(clips[2], 7)
    assert [ClipCache(path, int).get(clip) for clip in clips] == [0, None, 7]
    assert json.loads(path.read_text().splitlines()[-1])["kept"] == 7


def test_a_cache_that_cannot_be_written_says_where_to_put_it(data, tmp_path):
    """A file lies where its folder should be."""
    (tmp_path / "work").write_text("")
    cache: ClipCache[int] = ClipCache(tmp_path / "work" / "c.jsonl", int)
    with pytest.raises(TrainingError, match="--work DIR"):
        cache.add(load_corpora(data, ["emodb"])[0], 1)


@pytest.mark.parametrize("weights", [np.zeros((5, 0)), np.ones(5)], ids=["no softmax", "an even share for all"])
def test_a_model_without_attention_is_named(weights):
    """Max pooling has no shares; in average pooling they are all alike."""
    with pytest.raises(UsageError, match="best weighs all frames alike"):
        with_attention("best", [utterance(weights)])
