"""Cards and weights on disk: what fits loads, what does not says why."""

import json

import msgspec
import pytest
import safetensors.torch
import torch

from emoscope.models import (
    Calibration,
    CardInvalid,
    HeadMismatch,
    ModelContract,
    ModelError,
    NotCached,
    SmallConfig,
    SmallModel,
    load_model,
    save_model,
)
from emoscope.models.cards import Audio, CalibrationCard, Card, digest, read_card
from emoscope.models.external import hint, kept_file
from emoscope.models.store import find_model


def card_for(model):
    c = model.contract
    return Card(
        format=1, id="tiny", version="1", architecture="small", config=model.card_config(),
        audio=Audio(sample_rate=c.sample_rate, window=c.window, hop=c.hop, frame=c.frame, lookback=c.lookback,
                    tail=c.tail, normalisation="own level per window"),
        labels=list(c.labels), dimensions=list(c.dimensions), derived=c.derived,
        calibration=CalibrationCard(seconds=[0.0], temperature=[1.0], unsure_below=0.3),
        languages=["en"], licence="Apache-2.0", data=[], training={}, scores=[], notes=[], weights_sha256="",
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """A tiny model on disk."""
    torch.manual_seed(2)
    contract = ModelContract(
        id="tiny", labels=("angry", "happy"), window=3200, hop=1280, frame=640, lookback=480, tail=0
    )
    model = SmallModel(SmallConfig(channels=(2, 2, 2, 2), dim=4, memory=2), contract, Calibration())
    save_model(model, card_for(model), tmp_path / "m")
    return tmp_path / "m"


def rewrite(folder, **changes):
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | changes))


def reweigh(folder, change):
    """Alter the weights and give the card their new digest, so that only the fit is wrong."""
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    change(weights)
    content = safetensors.torch.save(weights)
    (folder / "weights.safetensors").write_bytes(content)
    rewrite(folder, weights_sha256=digest(content))


def test_a_saved_model_loads_with_the_same_answers(folder):
    """Weights, contract and calibration come back."""
    one, two = load_model(folder), load_model(folder)
    audio = torch.randn(8000) * 0.1
    torch.testing.assert_close(one.forward_windows(audio), two.forward_windows(audio))
    assert one.calibration.unsure_below == 0.3 and one.contract.labels == ("angry", "happy")


def test_a_half_written_weights_file_is_refused(folder):
    """A file cut in the middle is not the card's."""
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(HeadMismatch, match="SHA-256"):
        load_model(folder)


def test_altered_weights_are_refused(folder):
    """One flipped bit is enough."""
    path = folder / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(HeadMismatch, match="altered"):
        load_model(folder)


def test_missing_and_unexpected_head_weights_are_named(folder):
    """Never a warning: a head loaded at random would answer with confidence."""

    def rename(weights):
        weights["classifier.weight"] = weights.pop("head.weight")

    reweigh(folder, rename)
    with pytest.raises(HeadMismatch, match=r"missing \['head.weight'\], unexpected \['classifier.weight'\]"):
        load_model(folder)


def test_labels_that_do_not_fit_the_head_are_named(folder):
    """A card with one label more than the weights have."""
    rewrite(folder, labels=["angry", "happy", "sad"])
    with pytest.raises(HeadMismatch, match=r"head.weight \(2, 16\) instead of \(3, 16\)|head.bias"):
        load_model(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": 9}, "format 9"),
        ({"labels": []}, "labels"),
        ({"architecture": "large"}, "'large' is unknown"),
        ({"config": {"bands": 64, "depth": 3}}, "depth"),
        ({"colour": "red"}, "colour"),
        ({"derived": "yes"}, r"\$.derived"),
        ({"calibration": {"seconds": [0, 1], "temperature": [1], "unsure_below": 0}}, "calibration"),
        ({"calibration": {"seconds": [0], "temperature": [1e-300], "unsure_below": 0}}, "0.01 to 100"),
        ({"config": {"heads": 0}}, "does not build"),
        ({"config": {"bands": -64}}, "does not build"),
        ({"dimensions": ["arousal"]}, "dimensions are"),
    ],
)
def test_a_wrong_card_names_what_is_wrong(folder, changes, said):
    """Unknown fields, wrong types and impossible values."""
    rewrite(folder, **changes)
    with pytest.raises(CardInvalid, match=said):
        load_model(folder)


@pytest.mark.parametrize(("field", "value"), [("lookback", 0), ("lookback", 400), ("frame", 320), ("frame", 1280)])
def test_a_card_whose_frames_are_not_the_models_is_refused(folder, field, value):
    """It would load, and answer with other scores in silence."""
    card = json.loads((folder / "card.json").read_text())
    audio = card["audio"] | {"window": 12_800, "hop": 6_400, field: value}
    rewrite(folder, audio=audio)
    with pytest.raises(CardInvalid, match="lookback and frame are"):
        load_model(folder)


def test_a_reach_of_an_architecture_whose_frames_depend_on_their_window_is_refused(folder):
    audio = json.loads((folder / "card.json").read_text())["audio"]
    rewrite(folder, architecture="attentive", audio=audio | {"window": 64_000, "hop": 8_000, "reach": 5_760})
    with pytest.raises(CardInvalid, match=r"'attentive' depends on its whole window, so the card must have no `reach`"):
        load_model(folder)


def test_a_folder_without_card_or_weights_says_what_a_model_is(folder):
    """Each file by its name."""
    (folder / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"weights\.safetensors"):
        load_model(folder)
    (folder / "card.json").unlink()
    with pytest.raises(CardInvalid, match=r"card\.json"):
        load_model(folder)


def test_an_unknown_name_says_which_model_works_now():
    """No hub, no network: what is on this machine."""
    with pytest.raises(NotCached, match="--model small"):
        load_model("wav2vec9")


def test_a_full_disk_while_saving_leaves_the_old_model(folder, monkeypatch):
    """Weights are replaced whole or not at all."""
    model = load_model(folder)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save_model(model, card_for(model), folder)
    monkeypatch.undo()
    load_model(folder)
    assert not list(folder.glob("*.partial"))


def test_no_pickle_is_ever_read(folder):
    """A torch.save file under the weights' name is refused before anything in it runs."""
    torch.save({"head.weight": torch.zeros(1)}, folder / "weights.safetensors")
    rewrite(folder, weights_sha256=digest((folder / "weights.safetensors").read_bytes()))
    with pytest.raises(HeadMismatch, match="safetensors"):
        load_model(folder)


def test_the_shipped_model_has_a_whole_card():
    """Its labels, its licence, the corpora it was trained on, and measured scores."""
    model = load_model("small")
    assert model.contract.labels == (
        "angry", "bored", "calm", "disgust", "fearful", "happy", "neutral", "sad", "surprised",
    )  # fmt: skip

    card = read_card(find_model("small"))
    assert "NC" in card.licence and {c.name.lower() for c in card.data} == {
        "ravdess",
        "emodb",
        "nemo",
        "emotale",
        "read",
        "sounds",
    }
    assert any(score.metric.startswith("UAR") for score in card.scores)
    assert msgspec.json.decode(msgspec.json.encode(card), type=Card) == card


def test_weights_that_do_not_say_their_labels_are_refused(folder):
    """A card with reordered labels beside them would be believed in silence."""
    reweigh(folder, lambda weights: None)
    with pytest.raises(HeadMismatch, match="no labels that they name"):
        load_model(folder)


@pytest.mark.parametrize("labels", ["nope", "5", '{"a": 1}'])
def test_label_metadata_that_is_no_list_is_refused(folder, labels):
    """With the right digest, so that only the metadata is wrong."""
    weights = safetensors.torch.load_file(folder / "weights.safetensors")
    content = safetensors.torch.save(weights, metadata={"labels": labels})
    (folder / "weights.safetensors").write_bytes(content)
    rewrite(folder, weights_sha256=digest(content))
    with pytest.raises(HeadMismatch):
        load_model(folder)


def test_a_card_that_asks_for_more_than_its_weights_hold_allocates_nothing(folder):
    """Terabytes by the card, a few kilobytes on disk: refused by the shapes."""
    card = json.loads((folder / "card.json").read_text())
    rewrite(folder, config=card["config"] | {"channels": [2, 2, 2, 400_000_000]})
    with pytest.raises((HeadMismatch, CardInvalid)):
        load_model(folder)


def test_a_damaged_model_is_shown_as_one_line(folder, capsys):
    """`emoscope models show` too."""
    from emoscope.streamer.cli.main import main

    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:50])
    assert main(["models", "show", str(folder)]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_auto_is_the_embedded_model_where_no_encoder_is_and_whisper_where_one_is(tmp_path, monkeypatch):
    """A name that is looked up, in Python as on the command line; nothing is loaded or fetched for it."""
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path))
    assert find_model("auto").name == "small"
    assert "emoscope models pull whisper" in hint("auto") and hint("small") == ""
    kept_file().touch()
    assert find_model("auto").name == "whisper" and hint("auto") == ""
    assert find_model("small").name == "small"
