"""Models that read words themselves: their tokenizer in the folder, from a checkpoint, and one for an ensemble."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from letters import letter_tokenizer

from emoscope.models import load_model, save_model
from emoscope.models.cards import digest
from emoscope.models.encoders import TextConfig, TextTokenizer, text_encoder, text_tokenizer, tiny_model
from emoscope.models.errors import CardInvalid, HeadMismatch, UsageError
from emoscope.models.fusion import share_of_text, share_of_text_in_dimensions
from emoscope.models.reading import Calibration
from emoscope.models.systems import EmospeechEnsemble, build, draft_card, load_encoders

WITH_TEXT = ("attentive", "emospeech", "emospeech-ensemble", "attributes", "attributes-ensemble")
MUTE = {"emospeech-ensemble": {"members": [{"modalities": "audio"}] * 2},
        "attributes-ensemble": {"members": [{"modalities": "audio"}] * 2}}  # fmt: skip


def made(name: str, **changes: Any) -> Any:
    torch.manual_seed(5)
    return build(name, "tiny", **changes).eval()


def save(model: Any, folder: Path) -> None:
    save_model(model, draft_card(model), folder)


def edit_card(folder: Path, **edits: Any) -> None:
    path = folder / "card.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | edits))


@pytest.mark.parametrize("name", WITH_TEXT)
def test_the_folder_brings_the_tokenizer(name, tmp_path):
    """Saved and loaded, it reads the same words to the same text; without a tokenizer it says that it reads none."""
    model = made(name)
    save(model, tmp_path / "mute")
    assert not (tmp_path / "mute" / "tokenizer.json").exists() and load_model(tmp_path / "mute").tokenizer is None  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="no tokenizer"):
        model.read_texts(["so glad"])
    model.take_tokenizer(letter_tokenizer(), "a test")
    save(model, tmp_path / "reads")
    loaded: Any = load_model(tmp_path / "reads")
    audio = torch.randn(32_000, generator=torch.Generator().manual_seed(1)) * 0.1
    with torch.inference_mode():
        ours, theirs = (one.forward_windows(audio, tokens=one.tokens(["So glad!"])) for one in (model, loaded))
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))
    assert any("no tokenizer" in note for note in draft_card(made(name)).notes)
    assert not any("no tokenizer" in note for note in draft_card(loaded).notes)


def test_a_folder_whose_tokenizer_does_not_fit_is_refused(tmp_path):
    """Altered, missing, no tokenizer at all, one with more ids than the encoder knows, one beside a model of voice."""
    model = made("attentive")
    model.take_tokenizer(letter_tokenizer(), "a test")
    save(model, tmp_path)
    path = tmp_path / "tokenizer.json"
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"isolated", b"removed!").replace(b"Isolated", b"Removed"))
    with pytest.raises(HeadMismatch, match=r"tokenizer\.json: its SHA-256"):
        load_model(tmp_path)
    path.unlink()
    with pytest.raises(CardInvalid, match=r"tokenizer\.json"):
        load_model(tmp_path)
    for content, said in (
        (b'{"version": "1.0"}', "no tokenizer that can be read"),
        (b"\x80\x04K\x01.", "no tokenizer that can be read"),
        (letter_tokenizer(60).content, "ids up to 60, but the text encoder knows 60"),
    ):
        path.write_bytes(content)
        edit_card(tmp_path, tokenizer_sha256=digest(content))
        with pytest.raises(CardInvalid, match=said):
            load_model(tmp_path)
    path.write_bytes(whole)
    changed: dict[str, dict[str, Any]] = {"segmental": {}, "attentive": {"modalities": "audio"}, **MUTE}
    for name, changes in changed.items():
        folder = tmp_path / name
        save(made(name, **changes), folder)
        (folder / "tokenizer.json").write_bytes(whole)
        load_model(folder)  # a file that the card does not name is not looked at
        edit_card(folder, tokenizer_sha256=digest(whole))
        with pytest.raises(CardInvalid, match="a tokenizer, but"):
            load_model(folder)


def checkpoint(folder: Path, *words: str) -> Path:
    """A tiny BERT with a tokenizer of its own, as the hub would have it."""
    from transformers import BertTokenizer

    listed = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]
    text_encoder(TextConfig(model=tiny_model("bert"))).model.save_pretrained(folder)
    BertTokenizer(vocab={word: number for number, word in enumerate(listed)}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", WITH_TEXT)
def test_a_checkpoint_brings_its_tokenizer_with_its_weights(name, tmp_path):
    """An ensemble reads with that of its members."""
    folder = checkpoint(tmp_path, "so", "glad")
    members = {}
    if name == "attributes-ensemble":
        members = {"members": [{"gender": False}, {"gender": True}]}
    model: Any = made(name, text="google-bert/bert-large-uncased", **members)
    assert not model.tokenizer
    load_encoders(model, {"text": folder})
    assert model.tokenizer("So glad") == [2, 5, 6, 3]
    assert model.tokens(["so glad so", ""]).mask.sum(1).tolist() == [5, 0]
    save(model, tmp_path / "made")
    assert load_model(tmp_path / "made").tokenizer == model.tokenizer  # type: ignore[union-attr]
    assert copy.deepcopy(model).tokenizer is model.tokenizer


def test_a_tokenizer_of_sentencepiece_becomes_one_file(tmp_path):
    """DeBERTa v3 comes with `spm.model` alone: it is read, and kept as `tokenizer.json`."""
    from transformers.convert_slow_tokenizer import import_protobuf

    listed = import_protobuf().ModelProto()
    pieces = (("[PAD]", 3), ("[CLS]", 3), ("[SEP]", 3), ("[UNK]", 2), ("\u2581", 1), ("\u2581so", 1), ("\u2581glad", 1))
    for number, (piece, kind) in enumerate(pieces):
        listed.pieces.add(piece=piece, type=kind, score=-number)
    spec = listed.trainer_spec
    spec.model_type, spec.pad_id, spec.bos_id, spec.eos_id, spec.unk_id = 1, 0, 1, 2, 3
    (tmp_path / "spm.model").write_bytes(listed.SerializeToString())
    (tmp_path / "tokenizer_config.json").write_text('{"do_lower_case": false, "vocab_type": "spm"}')
    (tmp_path / "config.json").write_text('{"model_type": "deberta-v2"}')
    tokenizer = text_tokenizer(tmp_path)
    assert tokenizer("so glad so") == [1, 5, 6, 5, 2]
    assert TextTokenizer(tokenizer.content, "again")("glad") == [1, 6, 2]


def test_models_with_different_tokenizers_cannot_read_one_transcript_together():
    """Nor one that has a tokenizer beside one that has none; members of voice alone do not matter."""
    one, two, three = (made("emospeech") for _ in range(3))
    mute = made("emospeech", modalities="audio")
    one.take_tokenizer(letter_tokenizer(), "a test")
    two.take_tokenizer(letter_tokenizer(50), "a test")
    for others in ([two], [three], [three, mute]):
        with pytest.raises(UsageError, match="one tokenizer"):
            EmospeechEnsemble.of([one, *others], 0, Calibration())
    assert EmospeechEnsemble.of([one, mute], 0, Calibration()).tokenizer == one.tokenizer


def test_a_tokenizer_reads_a_transcript_whole_and_pads_none():
    """Whatever its file says about cutting and padding."""
    tokenizer = letter_tokenizer()
    assert len(tokenizer("a" * 700)) == 702 and tokenizer("a") == [2, 5, 3]
    assert TextTokenizer(tokenizer.content, "again") == tokenizer != letter_tokenizer(50)


def test_the_share_of_the_words_is_what_they_change():
    """None where they change nothing, half where they add as much as the voice said, in scores and in dimensions."""
    voice = [0.5, 0.25, 0.25]
    squared = [0.25, 0.0625, 0.0625]
    assert share_of_text(voice, voice) == 0.0 and share_of_text([1 / 3] * 3, [1 / 3] * 3) == 0.0
    assert share_of_text(voice, [value / sum(squared) for value in squared]) == pytest.approx(0.5)
    assert share_of_text([1 / 3] * 3, voice) == 1.0
    assert share_of_text_in_dimensions([0.3, 0.4, 0.0], [0.3, 0.4, 0.5]) == pytest.approx(0.5)
    assert share_of_text_in_dimensions([0.0] * 3, [0.0] * 3) == share_of_text_in_dimensions([], []) == 0.0
