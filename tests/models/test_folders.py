"""What holds for the folder of every kind of model: one way to read and to write it."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from emoscope.models import CardInvalid, HeadMismatch, NotCached, load_model
from emoscope.models.cards import VOICE, FolderKind, digest, replace_file
from emoscope.models.cards.folder import SHIPPED
from emoscope.models.cards.weights import check_fit
from emoscope.models.text import load_text_branch
from emoscope.models.text.card import TEXT

Case = tuple[FolderKind[Any], str, Callable[..., object]]
KINDS: dict[str, Case] = {"voice": (VOICE, "small", load_model), "text": (TEXT, "goemotions", load_text_branch)}


@pytest.fixture(params=KINDS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[FolderKind[Any], Path, Callable[..., object]]:
    """A kind, a copy of a folder of that kind, and what loads it."""
    kind, name, load = KINDS[request.param]
    shutil.copytree(kind.find(name), tmp_path / "copy")
    return kind, tmp_path / "copy", load


def rewrite(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | changes), "utf-8")


def test_every_shipped_folder_is_of_one_kind() -> None:
    folders = {path.name for path in SHIPPED.iterdir() if (path / "card.json").is_file()}
    of_kinds = [f"{kind.prefix}{name}" for kind, _, _ in KINDS.values() for name in kind.shipped()]
    assert sorted(of_kinds) == sorted(folders) != []


def test_a_file_that_was_cut_or_altered_is_refused(case) -> None:
    kind, folder, load = case
    assert kind.digests
    for name in kind.digests:
        path = folder / name
        whole = path.read_bytes()
        for content in (whole[: len(whole) // 2], whole[:-1] + bytes([whole[-1] ^ 1]), b""):
            path.write_bytes(content)
            with pytest.raises(HeadMismatch, match=f"{name}: its SHA-256 is not the one in the card"):
                load(folder)
        path.write_bytes(whole)
    load(folder)


def test_a_missing_file_is_named_with_those_that_must_be_there(case) -> None:
    kind, folder, load = case
    for name in ("card.json", *kind.digests):
        whole = (folder / name).read_bytes()
        (folder / name).unlink()
        with pytest.raises(CardInvalid, match=rf"{name}.* a {kind.noun} .*weights\.safetensors"):
            load(folder)
        (folder / name).write_bytes(whole)
    load(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"format": 9}, "card format 9, this version reads 1"), ({"colour": "red"}, "colour"), ({"labels": 3}, "labels")],
)
def test_a_card_of_another_format_or_with_unknown_fields_is_refused(case, changes, message) -> None:
    _, folder, load = case
    rewrite(folder, **changes)
    with pytest.raises(CardInvalid, match=message):
        load(folder)


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff\xfe", b"[" * 100_000], ids=["empty", "list", "bytes", "deep"])
def test_a_card_that_is_no_json_object_is_refused(case, content) -> None:
    _, folder, load = case
    (folder / "card.json").write_bytes(content)
    with pytest.raises(CardInvalid, match=r"card\.json"):
        load(folder)


def test_a_config_with_an_unknown_field_names_what_it_does_not_build(case) -> None:
    _, folder, load = case
    rewrite(folder, config={"depth": 3})
    with pytest.raises(CardInvalid, match=r"the card's config does not build a .*depth"):
        load(folder)


def test_weights_that_do_not_fit_are_named(case) -> None:
    _, folder, load = case
    path = folder / "weights.safetensors"
    with safetensors.safe_open(path, "pt") as file:
        metadata, weights = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    weights["spare"] = weights.pop("head.weight")
    weights["head.bias"] = torch.zeros(2)
    content = safetensors.torch.save(weights, metadata)
    path.write_bytes(content)
    rewrite(folder, weights_sha256=digest(content))
    message = r"missing \['head\.weight'\], unexpected \['spare'\], other shape \['head\.bias \(2,\) instead of"
    with pytest.raises(HeadMismatch, match=message):
        load(folder)


def test_a_disk_that_fills_while_writing_leaves_every_old_file(case, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the first of several files still had room."""
    kind, folder, load = case
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    card = kind.read_card(folder)
    for room in range(len(kind.digests) + 1):
        left = iter([None] * room)

        def fsync(_: int, left=left) -> None:
            if next(left, "full") == "full":
                raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            with pytest.raises(OSError, match="No space"):
                kind.write(folder, card, dict.fromkeys(kind.digests, b"new"))
        assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    load(folder)


def test_what_is_written_is_read_again(case, tmp_path: Path) -> None:
    kind, folder, load = case
    card = kind.read_card(folder)
    written = kind.write(tmp_path / "new" / "place", card, kind.read_files(folder, card))
    assert written == card == kind.read_card(tmp_path / "new" / "place")
    load(tmp_path / "new" / "place")


def test_an_unknown_name_says_which_models_there_are(case) -> None:
    kind, _, load = case
    with pytest.raises(NotCached, match=rf"no {kind.noun} 'nowhere' here: neither shipped \({kind.shipped()[0]}"):
        load("nowhere")  # type: ignore[arg-type]


def test_a_long_list_of_weights_is_cut() -> None:
    found = {f"layer{number}": torch.zeros(1) for number in range(20)}
    with pytest.raises(HeadMismatch, match=r"missing none, unexpected \['layer0', .*\] and 12 more, other shape none"):
        check_fit({}, found, "here")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    replace_file(path, b"old")

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert [(found.name, found.read_bytes()) for found in tmp_path.iterdir()] == [("file", b"old")]
