"""`emoscope train whisper`, on corpora of a minute and a random encoder: training sees what the stream sees."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from emoscope.models import Calibration
from emoscope.models.whisper import WhisperConfig, WhisperModel
from emoscope.models.whisper.checkpoint import digests_of
from emoscope.models.whisper.encoder import LowerWhisper
from emoscope.streamer.cli.main import main
from emoscope.streamer.session.spans import speech_spans
from emoscope.train.acted.batches import BatchConfig
from emoscope.train.acted.shipping import fold_split
from emoscope.train.corpora import load_corpora
from emoscope.train.corpora.audio import read_clip
from emoscope.train.whisper import features, recipe
from emoscope.train.whisper.calibrate import held_out_logits
from emoscope.train.whisper.degrade import Degrader
from emoscope.train.whisper.fitting import FitConfig, pooled, set_statistics
from emoscope.train.whisper.recipe import CONTRACT, Recipe, train_whisper

TINY = Recipe(
    fit=FitConfig(
        epochs=1,
        batches=BatchConfig(
            steps=3,
            voices=5,
            size=4,
            shares={"ravdess": 1.0, "emodb": 1.0, "nemo": 1.0, "emotale": 1.0, "read": 5.0},
            lengths=((1.0, 8, 20),),
            grain=1,
        ),
    ),
    model=WhisperConfig(width=16, members=2),
    evaluation={"ravdess": ("21",)},
)


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(2)
    return {name: tensor.half() for name, tensor in LowerWhisper().model.state_dict().items()}


@pytest.fixture
def lower(encoder):
    made = LowerWhisper()
    made.model.load_state_dict({name: tensor.float() for name, tensor in encoder.items()})
    return made


@pytest.fixture
def data(tmp_path, make_ravdess, make_emodb, make_nemo, make_emotale, make_read, make_sounds):
    folder = tmp_path / "corpora"
    make_ravdess(folder / "ravdess", ("01", "21"), flat=False)
    make_emodb(folder / "emodb", ("03", "09"), flat=False)
    make_nemo(folder / "nemo", ("EB0", "KD0"), flat=True)
    make_emotale(folder / "emotale", ("001", "003"))
    make_read(folder / "read")
    make_sounds(folder / "sounds")
    return folder


@pytest.mark.parametrize("variant", ["whole", "beginnings"])
def test_the_cached_states_pool_to_what_the_stream_pools(tmp_path, data, lower, encoder, variant):
    """The embedding of an utterance from the cache is the one that its windows give live, beginnings alike."""
    clips = load_corpora(data, ["read"])[:2]
    utterances = features.prepare(clips, lower, CONTRACT, variant, tmp_path / "cache", Degrader([]))
    model = WhisperModel(WhisperConfig(width=16, members=2), CONTRACT, Calibration()).eval()
    model.attach(encoder)
    set_statistics(model, utterances)
    assert len(utterances) >= (2 if variant == "whole" else 4)
    for utterance in utterances:
        audio = torch.from_numpy(read_clip(utterance.clip.path, 16_000))
        with torch.inference_mode():
            cached = pooled(model, torch.from_numpy(utterance.sound[None].astype(np.float32)))
            state = model.pool_windows(audio, utterance.start, utterance.end)
        assert state is not None and (utterance.end - utterance.start) // 640 == utterance.frames
        torch.testing.assert_close(cached, model.embed(state), atol=5e-3, rtol=5e-3)  # the cache has float16
    spans = {span for clip in clips for span in speech_spans(read_clip(clip.path, 16_000), CONTRACT)}
    assert {u.start for u in utterances} == {start for start, _ in spans}
    again = features.prepare(clips, lower, CONTRACT, variant, tmp_path / "cache", Degrader([]))
    assert len(again) == len(utterances)
    assert all(np.array_equal(a.sound, b.sound) for a, b in zip(again, utterances, strict=True))


def test_a_degraded_copy_is_always_the_same_and_differs_from_the_clip(data):
    """A restart must not see other copies; every kind of degradation comes up."""
    clips = load_corpora(data, ["ravdess"])
    degrader = Degrader(load_corpora(data, ["sounds"]))
    audio = read_clip(clips[0].path, 16_000)
    copies = [degrader.degrade(clip, audio) for clip in clips[:40]]
    for clip, copy in zip(clips[:40], copies, strict=True):
        assert np.array_equal(degrader.degrade(clip, audio), copy)
        assert np.isfinite(copy).all() and np.abs(copy).max() <= 1
    assert len({copy.tobytes() for copy in copies}) > 20
    assert {round(len(copy) / len(audio), 1) for copy in copies} == {0.9, 1.0, 1.1}


def test_one_training_alone_is_resumed_and_writes_the_same_weights(tmp_path, data, encoder):
    """Features, a training with read speech, the card, and the logits for the calibration."""
    work = tmp_path / "work"
    assert train_whisper(data, work, tmp_path / "model", TINY, encoder, threads=1, only_part="fold-0") is None
    assert {path.name for path in work.glob("fold-0*.safetensors")} == {"fold-0-0.safetensors", "fold-0-1.safetensors"}
    assert not (tmp_path / "model").exists()
    clips = load_corpora(data, recipe.SPOKEN)
    variants = recipe.prepare_variants(clips, encoder, data, work / "cache")
    split = fold_split(clips, 0, recipe.SPOKEN)
    tiny = replace(TINY, model=replace(TINY.model, encoder=digests_of(encoder)))
    again = recipe.train_one(variants, split, tiny, encoder, work / "fold-0.safetensors", True, "again")
    fresh = recipe.train_one(variants, split, tiny, encoder, work / "other.safetensors", False, "fresh")
    for (name, one), other in zip(again.model.state_dict().items(), fresh.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name
    held_out = held_out_logits(again.model, recipe.only(variants[:2], split.held_out, ("ravdess", "read")))
    assert len(held_out.truth) > 60 and np.isfinite(held_out.logits.max(1)).all()
    card = recipe.make_card(again, TINY, "whisper, fold 0")
    assert card.checked().contract().lookback == 240
    speakers = {corpus.name: corpus.speakers for corpus in card.data}
    assert speakers["ravdess"] == ["21"] and speakers["emodb"] == ["09"]
    assert 0 < len(speakers["read"]) < 8
    noises = recipe.make_card(again, TINY, "whisper", sounds=load_corpora(data, ["sounds"])).data[-1]
    assert (noises.name, noises.speakers) == ("sounds", ["hum_00"])
    # Another encoder has other states: nothing of the cache is taken for it.
    read = load_corpora(data, ["read"])[:1]
    silent = LowerWhisper.of({name: tensor * 0 for name, tensor in encoder.items()})
    [one, *_] = features.prepare(read, silent, CONTRACT, "whole", work / "cache", Degrader([]))
    assert not one.sound.any()
    [one, *_] = features.prepare(read, LowerWhisper.of(encoder), CONTRACT, "whole", work / "cache", Degrader([]))
    assert one.sound.any()


def test_the_command_says_how_to_get_the_encoder(tmp_path, capsys):
    """No encoder is on this machine: one line, exit code 1."""
    assert main(["train", "whisper", "--data", str(tmp_path), "--work", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "emoscope models pull whisper" in said
