"""`emoscope train head` on made voices: one command from a folder to a model that streams, and its warnings."""

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from made_corpora import make_own
from synthetic_voice import voice, write

from emoscope.models import load_model
from emoscope.models.cards import read_card
from emoscope.models.encoders import speech_encoder
from emoscope.models.encoders.config import SpeechConfig
from emoscope.models.encoders.published import tiny_model
from emoscope.streamer import Config, VadConfig, replay
from emoscope.streamer.cli.main import main
from emoscope.train.corpora.audio import read_clip
from emoscope.train.corpora.manifest import list_own
from emoscope.train.errors import ClipUnusable, CorpusInvalid
from emoscope.train.head.dangers import dangers, explained, recorded
from emoscope.train.head.encoders import Answers, PublicEncoder, SmallEncoder
from emoscope.train.head.features import prepare
from emoscope.train.head.fitting import Draw, HeadFit, Heard, fit_head, gather, label_weights, outputs_of
from emoscope.train.head.folds import divide
from emoscope.train.head.recipe import HeadRecipe, sides, train_head

torch.set_num_threads(1)

SHORT = HeadFit(epochs=3, batch=8)
TWO = Answers(name="x", labels=("calm voice", "frustrated"))


def command(*given):
    return main(["train", "head", *(str(one) for one in given)])


@pytest.fixture(scope="module")
def small():
    return SmallEncoder()


def test_one_command_makes_a_model_that_streams(tmp_path, capsys):
    """Labels of one's own, a report with intervals, a card that says whose data it was; and again with --resume."""
    data = make_own(tmp_path / "calls", ("calm voice", "hold music"))
    given = ("--data", data, "--work", tmp_path / "work", "--epochs", 6, "--threads", 1)
    assert command(*given, "--out", tmp_path / "mine") == 0
    said = capsys.readouterr().err
    assert "cross-validation: 36 clips, 6 speakers" in said and "UAR" in said and "beware: few clips" in said
    card, model = read_card(tmp_path / "mine"), load_model(tmp_path / "mine")
    assert (card.id, card.labels, card.architecture) == ("mine", ["calm voice", "hold music"], "small")
    assert card.data[0].name == "calls" and card.data[0].speakers == [f"s{i}" for i in range(6)]
    assert {"ravdess", "emodb"} <= {corpus.name for corpus in card.data}
    assert any("flatter" in note for note in card.notes)
    uar = next(score for score in card.scores if score.metric == "UAR")
    assert uar.n == 36 and uar.ci95 is not None and uar.value > 0.9
    report = json.loads((tmp_path / "mine" / "report.json").read_text())
    assert report["reports"][0]["by"] == "speaker" and report["reports"][0]["ci95_by"] == "speaker"
    events = replay(data / "hold music" / "s0" / "1.wav", model, config=Config(vad=VadConfig(backend="webrtc")))
    finals = [event for event in events if event.type == "emotion.final"]
    assert finals and finals[0].scores["hold music"] > 0.5
    assert command(*given, "--out", tmp_path / "again", "--name", "mine", "--resume") == 0
    assert read_card(tmp_path / "again").weights_sha256 == card.weights_sha256


def test_what_is_learned_is_what_the_stream_pools(tmp_path, small):
    """The logits of cached frames are those of the model's own windows over the recording."""
    clips = list_own(make_own(tmp_path, speakers=2, each=1, seconds=2.6))
    heard = Heard(prepare(clips, small, "whole", tmp_path / "c"), prepare(clips, small, "beginnings", tmp_path / "c"))
    assert len(heard.whole) >= 4 and len(heard.beginnings) >= 4
    head, _ = fit_head(
        small, heard, Answers(name="x", labels=("calm voice", "frustrated")), SHORT, tmp_path / "w", False
    )
    logits, _ = outputs_of(head, [*heard.whole, *heard.beginnings])
    model = head.model()
    for row, one in zip(logits, [*heard.whole, *heard.beginnings], strict=True):
        with torch.inference_mode():
            state = model.pool_windows(torch.from_numpy(read_clip(one.clip.path, 16_000)), one.start, one.end)
            assert state is not None
            torch.testing.assert_close(row, model.logits(state)[0][0], atol=0.02, rtol=0.02)  # the cache has float16


def test_the_encoder_stays_as_it_is(tmp_path, small):
    """Every tensor of it is in the new model, unchanged, its statistics too; the head is another's."""
    clips = list_own(make_own(tmp_path, speakers=2, each=2))
    heard = Heard(prepare(clips, small, "whole", tmp_path / "c"), [])
    head, _ = fit_head(
        small, heard, Answers(name="x", labels=("calm voice", "frustrated")), SHORT, tmp_path / "w", False
    )
    shipped: Any = load_model("small")
    made: Any = head.model()
    for name, value in shipped.encoder.state_dict().items():
        assert torch.equal(made.encoder.state_dict()[name], value), name
    assert made.head.weight.shape[0] == 2 and not made.contract.baseline


def test_a_public_encoder_brings_its_weights_along(tmp_path):
    """A folder in transformers' layout; the result needs nothing beside it."""
    torch.manual_seed(3)
    shape = {**tiny_model("wav2vec2"), "feat_extract_norm": "layer", "do_stable_layer_norm": True}
    speech_encoder(SpeechConfig(model=shape)).model.save_pretrained(tmp_path / "encoder")
    data = make_own(tmp_path / "d", speakers=3, each=2)
    encoder = PublicEncoder(str(tmp_path / "encoder"), layer=1)
    recipe = HeadRecipe(encoder=str(tmp_path / "encoder"), layer=1, fit=SHORT)
    train_head(data, tmp_path / "w", tmp_path / "m", recipe, "mine", threads=1)
    model = load_model(tmp_path / "m")
    assert model.architecture == "attentive" and model.contract.labels == ("calm voice", "frustrated")
    audio = torch.from_numpy(read_clip(next(data.rglob("*.wav")), 16_000))
    with torch.inference_mode():
        assert model.forward_windows(audio) is not None
    assert encoder.width == 16


def test_a_test_split_is_never_trained_on(tmp_path):
    """It is scored by itself; labels that it alone has cannot be."""
    data = make_own(tmp_path, speakers=4, each=2)
    clips = [replace(clip, split="test" if clip.speaker == "s3" else "train") for clip in list_own(data)]
    learned, test = sides(clips)
    assert {clip.speaker for clip in test} == {"s3"} and len(learned) == 12
    with pytest.raises(CorpusInvalid, match="only the test split has odd"):
        sides([*learned, replace(test[0], label="odd")])


def test_speakers_are_in_one_fold_and_labels_in_all(tmp_path):
    """Without speakers clips are divided, and that is said."""
    clips = list_own(make_own(tmp_path, speakers=6, each=2, seconds=0.3))
    folds = divide(clips)
    assert folds.by == "speaker" and len(folds.held_out) == 5
    where = Counter(clip.speaker for part in folds.held_out for clip in {c.speaker: c for c in part}.values())
    assert set(where.values()) == {1}
    assert divide([replace(clip, speaker="") for clip in clips]).by == "clip"


def test_an_epoch_hears_each_clip_once_and_weighs_rare_labels(tmp_path, small):
    """Batches follow from the generator alone; no last batch has one clip."""
    clips = list_own(make_own(tmp_path, speakers=3, each=3))[:17]
    heard = Heard(prepare(clips, small, "whole", tmp_path / "c"), [])
    draw = Draw(heard, replace(SHORT, batch=8))
    batches = draw.epoch(np.random.default_rng(1))
    assert [len(batch) for batch in batches] == [8, 7, 2]
    assert sorted(u.clip.name for batch in batches for u in batch) == draw.clips
    frames, mask = gather(batches[0])
    assert frames.shape[:2] == mask.shape and not frames[~mask].any()
    assert label_weights(["a"] * 30 + ["b"] * 10 + ["c"], ("a", "b", "c"), 8.0).tolist() == [1.0, 3.0, 8.0]


def found(data):
    clips = list_own(data)
    return "\n".join(dangers(clips, {clip.name: recorded(clip) for clip in clips}))


def test_a_sound_set_of_recordings_is_not_warned_of(tmp_path):
    """Six speakers, thirty clips a label, one way of recording."""
    assert found(make_own(tmp_path, speakers=6, each=5, seconds=0.4)) == ""


def test_dangers_are_named_with_numbers(tmp_path):
    """One speaker a label, few clips, few speakers, imbalance, copies, one microphone a label, leaks."""
    data = make_own(tmp_path / "a", ("one", "two"), speakers=2, each=5, seconds=0.4)
    for path in list((data / "two").rglob("*.wav")):
        if path.parent.name == "s1" or path.stem != "0":
            path.unlink()
    soundfile.write(data / "two" / "s0" / "0.wav", np.repeat(voice(0.4, 200), 2), 32_000)
    said = found(data)
    assert "2 speakers: too few" in said and "one speaker a label: two" in said
    assert "few clips: two 1, one 10" in said and "imbalance: 10 clips of one, 1 of two" in said
    assert "one microphone a label" in said and "32000 Hz" in said
    unknown = make_own(tmp_path / "b", speakers=1, each=2, seconds=0.4)
    for path in list(unknown.rglob("*.wav")):
        path.rename(path.parent.parent / path.name)
    assert "the speaker of 4 clips is not known" in found(unknown)
    clips = list_own(make_own(tmp_path / "c", speakers=2, each=2, seconds=0.4))
    torn = [replace(clip, split="test" if i % 2 else "train") for i, clip in enumerate(clips)]
    how = {clip.name: recorded(clip) for clip in torn}
    assert "the split leaks: s0, s1" in "\n".join(dangers(torn, how))
    same = {name: replace(one, content="same") for name, one in how.items()}
    assert "more than once" in "\n".join(dangers(clips, same))


def test_a_background_that_follows_the_label_is_found(tmp_path):
    """Hiss in one label's recordings, none in the other's."""
    data = make_own(tmp_path, speakers=6, each=4, seconds=0.4)
    rng = np.random.default_rng(1)
    for path in (data / "frustrated").rglob("*.wav"):
        audio, rate = soundfile.read(path)
        soundfile.write(path, audio + 0.02 * rng.standard_normal(len(audio)), rate)
    assert "The background's level follows the label" in found(data)
    values, labels = np.array([1.0, 1.0, 3.0, 3.0]), np.array(["a", "a", "b", "b"])
    assert explained(values, labels) == 1.0 and explained(values, np.array(["a", "b", "a", "b"])) == 0.0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--encoder", "nobody/nothing"), "nobody/nothing"),
        (("--labels", "frustated,calm voice"), "did you mean frustrated"),
        (("--ratings", "7,1"), "the first must be below the second"),
        (("--layer", "3"), "it is for public encoders"),
    ],
)
def test_bad_options_are_one_line(given, said, tmp_path, capsys, monkeypatch):
    """Never a traceback."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    data = make_own(tmp_path / "d", speakers=2, each=1, seconds=0.4)
    assert command("--data", data, "--out", tmp_path / "m", "--work", tmp_path / "w", *given) in (1, 2)
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and said in told


def test_a_clip_that_is_no_sound_is_named(tmp_path):
    """Before the encoder is loaded."""
    data = make_own(tmp_path / "d", speakers=2, each=1, seconds=0.4)
    (data / "frustrated" / "s0" / "bad.wav").write_bytes(b"not a sound")
    write(data / "frustrated" / "s0" / "x.wav", 0.3, 120)
    with pytest.raises(ClipUnusable, match=r"bad\.wav"):
        train_head(data, tmp_path / "w", tmp_path / "m", HeadRecipe(fit=SHORT), "mine", threads=1)
