"""`whisper`: the encoder is the user's own copy, whichever layout it has, and nothing else is taken for it."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import Calibration, ModelContract, save_model
from emoscope.models.cards import Audio, CalibrationCard, Card
from emoscope.models.errors import HeadMismatch, NotCached
from emoscope.models.external import encoders, find_encoder, kept_file, resolve
from emoscope.models.speaker import SpeakerProfiles
from emoscope.models.store import load_model
from emoscope.models.whisper import WhisperConfig, WhisperModel
from emoscope.models.whisper.checkpoint import (
    Weights,
    check,
    digests_of,
    keep,
    load_encoder,
    read_encoder,
)
from emoscope.models.whisper.ctranslate2 import read_variables
from emoscope.models.whisper.members import join_members

from .whisper_files import ctranslate2_file, random_encoder, write_ctranslate2, write_transformers

CONTRACT = ModelContract(
    id="whisper",
    labels=("angry", "happy", "neutral", "sad"),
    dimensions=("arousal", "valence", "dominance"),
    baseline=True,
    window=25_600,
    hop=12_800,
    frame=640,
    lookback=240,
    tail=4_800,
)


@functools.cache
def encoder() -> Weights:
    """One random encoder for all tests: it takes a second to make."""
    return random_encoder()


def make_model() -> WhisperModel:
    """A model with random weights over the random encoder."""
    torch.manual_seed(1)
    model = WhisperModel(WhisperConfig(width=16, encoder=digests_of(encoder())), CONTRACT, Calibration())
    model.attach(encoder())
    return model.eval()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which the pulled encoder is kept."""
    monkeypatch.setenv("EMOSCOPE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_both_layouts_give_the_same_tensors(tmp_path: Path) -> None:
    """transformers' float32 and CTranslate2's fused float16 are the same encoder."""
    one = read_encoder(write_transformers(tmp_path / "transformers", encoder()))
    other = read_encoder(write_ctranslate2(tmp_path / "ctranslate2", encoder()))
    assert digests_of(one) == digests_of(other) == digests_of(encoder())
    assert len(one) == 50
    assert all(torch.equal(one[name], encoder()[name]) for name in encoder())


def test_a_tensor_with_one_other_value_is_refused() -> None:
    """The message names the tensor and what brings the right one."""
    altered = {**encoder(), "conv1.bias": encoder()["conv1.bias"].clone()}
    altered["conv1.bias"][0] += 1
    with pytest.raises(
        HeadMismatch, match=r"1 of 50 tensors differ \(conv1\.bias is the first\).*emoscope models pull whisper"
    ):
        check(altered, digests_of(encoder()), "folder")


def test_a_quantised_copy_is_refused(tmp_path: Path) -> None:
    """int8 weights are other weights: the head was trained on the states of the unquantised encoder."""
    folder = tmp_path / "int8"
    small = {name: (tensor * 0).to(torch.int8) for name, tensor in encoder().items()}
    write_ctranslate2(folder, small, kind="int8")  # type: ignore[arg-type]
    with pytest.raises(HeadMismatch, match="quantised"):
        read_encoder(folder)


def test_an_encoder_of_another_size_is_refused(tmp_path: Path) -> None:
    """Whisper-tiny has the same names with other shapes."""
    tiny = {name: tensor[..., : max(1, tensor.shape[-1] // 2)].clone() for name, tensor in encoder().items()}
    with pytest.raises(HeadMismatch, match="an encoder of another size"):
        read_encoder(write_transformers(tmp_path, tiny))


def test_a_folder_without_weights_says_what_is_missing(tmp_path: Path) -> None:
    """Neither of the two files is there."""
    with pytest.raises(NotCached, match=r"neither model\.safetensors \(transformers\) nor model\.bin"):
        read_encoder(tmp_path)


def test_half_a_file_is_refused_in_both_layouts(tmp_path: Path) -> None:
    """A download that was broken off."""
    for folder, name in (
        (write_transformers(tmp_path / "transformers", encoder()), "model.safetensors"),
        (write_ctranslate2(tmp_path / "ctranslate2", encoder()), "model.bin"),
    ):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(HeadMismatch, match="whole"):
            read_encoder(folder)


@given(st.data())
def test_a_broken_variables_file_is_never_read_as_a_whole_one(data: st.DataObject) -> None:
    """Cut at any byte it is refused, and whatever bytes it has, nothing but HeadMismatch is raised."""
    import tempfile

    import numpy as np

    content = ctranslate2_file({"encoder/a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float16)})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.bin"
        path.write_bytes(content)
        assert read_variables(path, "encoder/")["encoder/a"].tolist() == [[0, 1, 2], [3, 4, 5]]
        cut = data.draw(st.integers(0, len(content) - 5), label="bytes that are left")
        path.write_bytes(content[:cut])
        with pytest.raises(HeadMismatch):
            read_variables(path, "encoder/")
        place = data.draw(st.integers(0, len(content) - 1), label="byte that is changed")
        path.write_bytes(content[:place] + bytes([data.draw(st.integers(0, 255))]) + content[place + 1 :])
        with contextlib.suppress(HeadMismatch):
            read_variables(path, "encoder/")


def test_the_kept_encoder_is_found_first_and_then_the_hubs(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull is kept; without one, what transformers or faster-whisper have cached will do."""
    hub = tmp_path / "hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(hub))
    assert find_encoder() is None
    with pytest.raises(NotCached, match="not on this machine; `emoscope models pull whisper` fetches it once"):
        load_encoder(digests_of(encoder()))
    snapshot = hub / "models--Systran--faster-whisper-base" / "snapshots" / "0"
    write_ctranslate2(snapshot, encoder())
    assert find_encoder() == snapshot
    assert digests_of(load_encoder(digests_of(encoder()))) == digests_of(encoder())
    assert keep(encoder()) == kept_file() == find_encoder()
    assert digests_of(load_encoder(digests_of(encoder()))) == digests_of(encoder())


def test_a_saved_model_holds_no_encoder_and_loads_with_the_kept_one(tmp_path: Path, cache: Path) -> None:
    """The folder has the head alone; the same readings come back, and another encoder is refused."""
    model = make_model()
    card = Card(
        format=1, id="whisper", version="1", architecture="whisper", config=model.card_config(),
        audio=Audio.of(CONTRACT, "as Whisper"), labels=list(CONTRACT.labels), dimensions=list(CONTRACT.dimensions),
        derived=False, baseline=True, calibration=CalibrationCard.of(Calibration()), languages=[], licence="",
        data=[], training={}, scores=[], notes=[], weights_sha256="",
    )  # fmt: skip
    save_model(model, card, tmp_path / "model")
    assert (tmp_path / "model" / "weights.safetensors").stat().st_size < 200_000
    with pytest.raises(NotCached):
        load_model(tmp_path / "model")
    keep(encoder())
    loaded = load_model(tmp_path / "model")
    audio = torch.randn(40_000, generator=torch.Generator().manual_seed(3)) * 0.1
    with torch.inference_mode():
        before, after = model.forward_windows(audio), loaded.forward_windows(audio)
    assert before is not None and after is not None
    assert torch.equal(before[0], after[0]) and torch.equal(before[1], after[1])
    keep(random_encoder(seed=1))
    with pytest.raises(HeadMismatch, match=r"\d+ of 50 tensors differ"):
        load_model(tmp_path / "model")


def test_a_broken_copy_is_passed_over_where_another_one_is_right(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a pull, or the hub's snapshot of another encoder, does not hide what faster-whisper has cached."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    kept_file().parent.mkdir(parents=True)
    kept_file().write_bytes(b"half a file")
    other = tmp_path / "hub" / "models--openai--whisper-base" / "snapshots" / "0"
    write_transformers(other, random_encoder(seed=1))
    with pytest.raises(HeadMismatch, match="not a whole safetensors file"):
        load_encoder(digests_of(encoder()))
    write_ctranslate2(tmp_path / "hub" / "models--Systran--faster-whisper-base" / "snapshots" / "0", encoder())
    assert digests_of(load_encoder(digests_of(encoder()))) == digests_of(encoder())
    assert find_encoder() == kept_file()


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda content: content[: len(content) // 2], "not a whole safetensors file"),
        (lambda content: b"", "not a whole safetensors file"),
        (lambda content: content[:-100] + b"\x7f" + content[-99:], "1 of 50 tensors differ"),
    ],
)
def test_a_kept_encoder_that_is_half_there_or_altered_says_what_to_do(
    cache: Path, spoil: Callable[[bytes], bytes], what: str
) -> None:
    """One line: which file, what is wrong with it, what brings a right one, and what works without."""
    path = keep(encoder())
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(HeadMismatch) as raised:
        load_encoder(digests_of(encoder()))
    said = str(raised.value)
    assert said.startswith(str(path)) and what in said and "\n" not in said
    assert said.count("emoscope models pull whisper") == said.count("`--model small` works without") == 1


def test_the_hubs_current_snapshot_is_looked_at_first(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the cache is named by one of the library's other variables."""
    monkeypatch.delenv("HF_HUB_CACHE")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    repository = tmp_path / "home" / "hub" / "models--openai--whisper-base"
    for name in ("a", "b", "c"):
        (repository / "snapshots" / name).mkdir(parents=True)
        (repository / "snapshots" / name / "model.safetensors").touch()
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("b\n")
    assert [path.name for path in encoders()] == ["b", "a", "c"]


def test_without_a_home_folder_no_encoder_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service's user may have none: the embedded model is taken, and nothing fails."""

    def unknown(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in ("EMOSCOPE_CACHE", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "expanduser", unknown)
    assert find_encoder() is None and resolve("auto") == "small"


@pytest.mark.parametrize("wrong", [{"encoder": []}, {"encoder": {"a": 1}}, {"clamp": -1.0}, {"dropout": 1.5}])
def test_a_card_with_an_impossible_head_is_refused(wrong: dict[str, Any]) -> None:
    """Before anything is loaded: the store says that the card's config does not build a model."""
    with pytest.raises((TypeError, ValueError), match=r"encoder must|must be positive"):
        WhisperModel.from_card({"width": 16, **wrong}, CONTRACT, Calibration())


def test_a_short_window_in_a_padded_batch_is_read_as_it_is_alone() -> None:
    """What a server pads, it must not change: states and scores within rounding."""
    model = make_model()
    audio = torch.randn(240 + 12_800, generator=torch.Generator().manual_seed(4)) * 0.1
    padded = torch.cat([audio, torch.zeros(12_800)])
    with torch.inference_mode():
        alone = model.encode(audio[None], torch.tensor([12_800]), torch.tensor([[0, 20]]))
        batch = model.encode(
            torch.stack([padded, torch.randn(len(padded)) * 0.1]), torch.tensor([12_800, 25_600]),
            torch.tensor([[0, 20], [0, 40]]),
        )  # fmt: skip
    torch.testing.assert_close(model.embed(batch.state)[:1], model.embed(alone.state), atol=1e-3, rtol=1e-3)


def test_windows_merge_to_the_offline_answer_in_any_order() -> None:
    """The pooling is exact: the states of an utterance's windows merge to the same embedding, whatever their order."""
    model = make_model()
    from emoscope.models.windows import plan

    audio = torch.randn(240 + 48_000, generator=torch.Generator().manual_seed(5)) * 0.1
    with torch.inference_mode():
        states = model.encode_windows(audio, list(plan(CONTRACT, 48_000)))
        forwards = functools.reduce(lambda a, b: a.merge(b), states)
        backwards = functools.reduce(lambda a, b: a.merge(b), states[::-1])
    assert len(states) == 3
    torch.testing.assert_close(model.embed(forwards), model.embed(backwards), atol=1e-5, rtol=1e-5)


def test_the_encoder_counts_among_the_parameters_and_moves_with_the_model() -> None:
    """Threads are chosen by the whole model, and `to` takes the encoder along."""
    model = make_model()
    head = sum(parameter.numel() for parameter in model.parameters())
    assert model.parameter_count - head == sum(tensor.numel() for tensor in encoder().values())
    assert next(model.double().encoder.parameters()).dtype == torch.float64


def test_members_that_are_joined_answer_with_their_mean() -> None:
    """Voices, windows, merges and baselines are the same for all members; logits are averaged, and dimensions before
    their bound."""
    torch.manual_seed(8)
    members = [WhisperModel(WhisperConfig(width=16, members=1), CONTRACT, Calibration()).eval() for _ in range(3)]
    for member in members:
        for name in ("own", "centre", "spread"):
            getattr(member, name).data.uniform_(0.5, 1.5)
    joined = WhisperModel(WhisperConfig(width=16, members=3), CONTRACT, Calibration()).eval()
    joined.load_state_dict(join_members([member.state_dict() for member in members]))
    states, owned = torch.randn(2, 30, 512), torch.tensor([[0, 12], [3, 30]])
    with torch.inference_mode():
        windows = [states[:, :14], states[:, 14:]]
        shares = [torch.tensor([[0, 12], [3, 14]]), torch.tensor([[0, 0], [0, 16]])]

        def embedding(model: WhisperModel) -> torch.Tensor:
            one, other = (model.pool_states(part, own).state for part, own in zip(windows, shares, strict=True))
            merged = model.embed(one.merge(other))
            torch.testing.assert_close(
                merged, model.embed(model.pool_states(states, owned).state), atol=1e-5, rtol=1e-5
            )
            return merged

        apart, together = [embedding(member) for member in members], embedding(joined)
        for weight in (None, torch.tensor([4.0, 30.0])):
            said = []
            for member, own in zip(members, apart, strict=True):
                logits, dimensions = member.decide(
                    own, None if weight is None else SpeakerProfiles(own.flip(0), weight)
                )
                said.append(torch.cat([logits, dimensions.atanh()], 1))
            logits, dimensions = joined.decide(
                together, None if weight is None else SpeakerProfiles(together.flip(0), weight)
            )
            mean = torch.stack(said).mean(0)
            torch.testing.assert_close(torch.cat([logits, dimensions.atanh()], 1), mean, atol=1e-4, rtol=1e-4)
            assert torch.stack(said).std(0).min() > 1e-3


@pytest.mark.parametrize("members", [0, -1])
def test_a_head_without_members_is_refused(members: int) -> None:
    """The card's config says how many there are."""
    with pytest.raises(ValueError, match="members must be at least 1"):
        WhisperModel.from_card({"members": members}, CONTRACT, Calibration())
