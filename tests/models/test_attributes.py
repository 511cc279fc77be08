"""`attributes`, tiny: every row of its tables, the range of its ratings, what it says in the stream, and the mean."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models import load_model, save_model
from emoscope.models.cards import read_card
from emoscope.models.encoders import published, tokenise
from emoscope.models.errors import CardInvalid, UsageError
from emoscope.models.reading import Calibration, decide
from emoscope.models.systems import ATTRIBUTES_ENTRIES, ATTRIBUTES_ROWS, AttributesEnsemble, build, draft_card
from emoscope.models.systems.attributes import AttributeOutputs
from emoscope.train.published.losses import angular_margin_loss, attributes_loss

torch.set_num_threads(1)

# Each model of Lertpetchpun et al. (2025), tables 2, 3 and 6, and what the config offers besides.
ROWS: dict[str, dict[str, Any]] = {
    **ATTRIBUTES_ROWS,
    "text dropped at random": {"text_dropout": 0.5},
    "one convolution": {"convolutions": 1, "filters": 8, "dropout": 0.5},
}


def made(name="attributes", seed=7, **changes) -> Any:
    torch.manual_seed(seed)
    return build(name, "tiny", **changes)


def sound(seconds, batch=1):
    return 0.1 * torch.randn(batch, round(seconds * 16_000), generator=torch.Generator().manual_seed(4))


def words(*texts):
    return tokenise(texts, lambda text: [1, *(ord(letter) % 50 + 3 for letter in text), 2])


def step(model):
    """Loss before and after one step, on CCC, gender and speaker as far as the model has the heads."""
    audio, lengths = sound(2.0, batch=4), torch.tensor([32_000, 32_000, 20_000, 20_000])
    rated = torch.tensor([[1.0, 2, 3], [7, 6, 5], [4, 4, 2], [2, 5, 6]])
    who = torch.tensor([0, 1, 0, 1])
    embeddings = torch.randn(4, width) if (width := model.config.speaker_embedding) else None
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    model.train()

    def loss():
        torch.manual_seed(0)
        outputs = model.outputs(audio, words("so glad", "", "oh no", "well"), lengths, embeddings)
        return attributes_loss(outputs, rated, who, who)

    before = loss()
    before.backward()
    optimizer.step()
    model.zero_grad()
    after = loss()
    model.eval()
    return before.item(), after.item()


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_tables_builds_trains_a_step_and_streams(row, tmp_path):
    """Each choice: built, trained one step, saved, loaded, and read window by window, with words and without."""
    model = made(**ROWS[row])
    before, after = step(model)
    assert after < before
    save_model(model, draft_card(model), tmp_path)
    assert any("no opinion on labels" in note for note in read_card(tmp_path).notes)
    again: Any = load_model(tmp_path)
    audio = sound(4.0)[0]
    with torch.inference_mode():
        for tokens in (None, words("hello")):
            scores, dimensions = again.forward_windows(audio, tokens=tokens)
            assert torch.equal(dimensions, model.forward_windows(audio, tokens=tokens)[1])
            assert scores.tolist() == [0.125] * 8
            assert dimensions.shape == (3,) and dimensions.abs().max() <= 1
    reading = decide(again.contract.labels, scores.numpy(), dimensions.numpy(), again.calibration.unsure_below)
    assert reading.label == "unsure"


@pytest.mark.parametrize("row", ROWS)
def test_forward_reads_whole_utterances_alike_alone_and_in_a_batch(row):
    """The ratings of one clip lie in the corpus's range and do not depend on who is in its batch."""
    model = made(**ROWS[row]).eval()
    audio, lengths = sound(2.5, batch=2), torch.tensor([40_000, 22_400])
    audio[1, 22_400:] = 0.3  # beyond its length anything may stand
    with torch.inference_mode():
        both = model(audio, words("ab", "abcd"), lengths)
        alone = model(audio[1:, :22_400], words("abcd"))
    assert both.shape == (2, 3) and (both > 1).all() and (both < 7).all()
    assert torch.allclose(both[1], alone[0], atol=1e-4)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 99), max_size=5), text=st.sampled_from([None, "", "so glad"]))
def test_states_of_any_windows_merge_to_the_whole(cuts, text):
    """However the frames are cut, the reading is that of their average at once, computed the plain way."""
    model = made().eval()
    hidden = torch.randn(1, 100, 16, generator=torch.Generator().manual_seed(1))
    edges = [0, *sorted(set(cuts)), 100]
    index = torch.arange(100)
    with torch.inference_mode():
        tokens = None if text is None else model.read_tokens(words(text))
        state = model.pooling.init_state()
        for first, last in pairwise(edges):
            state = model.pool(hidden, ((index >= first) & (index < last))[None]).state.merge(state)
        _, dimensions = model.logits(state, text=tokens)
        voice = model.convolutions(hidden.transpose(1, 2)).mean(2)
        final = torch.cat([voice, torch.zeros(1, 16) if tokens is None else tokens], 1)
        plain = torch.cat([torch.tanh(head(final) / 2) for head in model.heads], 1)  # 2 sigmoid(x) - 1
    assert torch.allclose(dimensions, plain, atol=1e-5)


def test_the_sigmoid_is_mapped_to_the_ratings_and_on_to_the_dimensions():
    """Equation 2 by hand, for [1, 7] and for another range; -1, 0 and 1 are the ends and the middle."""
    model = made()
    ratings = model.to_ratings(torch.tensor([0.0, 0.25, 0.5, 1.0]))
    assert ratings.tolist() == [1.0, 2.5, 4.0, 7.0]
    assert model.to_dimensions(ratings).tolist() == [-1.0, -0.5, 0.0, 1.0]
    other = made(low=0.0, high=5.0)
    assert other.to_ratings(torch.tensor([0.0, 0.5, 1.0])).tolist() == [0.0, 2.5, 5.0]
    assert other.to_dimensions(torch.tensor([0.0, 2.5, 5.0])).tolist() == [-1.0, 0.0, 1.0]


def test_missing_text_is_what_training_saw_as_missing():
    """No tokens, an empty transcript, text dropped in training and the stream before the words: zeros, one answer."""
    model = made(text_dropout=1.0).eval()
    audio = sound(1.5)
    with torch.inference_mode():
        none, empty, some = model(audio), model(audio, words(" ")), model(audio, words("hello"))
        assert torch.equal(none, empty) and not torch.allclose(none, some)
        _, said = model.forward_windows(audio[0])
        _, with_words = model.forward_windows(audio[0], tokens=words("hello"))
        assert torch.allclose(said, model.to_dimensions(none)[0], atol=1e-5)
        assert torch.allclose(with_words, model.to_dimensions(some)[0], atol=1e-5)
        assert not model.train().read_tokens(words("ab", "c")).any()
    assert made(modalities="audio").read_tokens(words("ab")) is None


def test_a_missing_speaker_embedding_is_zeros_and_another_width_is_refused():
    """The stream has none; `forward` takes those of the extractor's width."""
    model = made(**ATTRIBUTES_ROWS["+ S Emb"]).eval()
    audio = sound(1.0)
    with torch.inference_mode():
        assert torch.equal(model(audio), model(audio, embeddings=torch.zeros(1, 192)))
        assert not torch.equal(model(audio), model(audio, embeddings=torch.ones(1, 192)))
        with pytest.raises(UsageError, match="width 5; this model takes 192"):
            model(audio, embeddings=torch.zeros(1, 5))


def test_the_loss_is_equation_1_by_hand():
    """Three concordances, the gender's cross entropy at 1 and the speaker's margin at a tenth."""
    rated = torch.tensor([[1.0, 2, 3], [7, 6, 5], [4, 4, 2]])
    genders, cosines = torch.zeros(3, 2), torch.zeros(3, 4)
    exact = AttributeOutputs(rated, genders, cosines)
    who = torch.tensor([0, 1, 0])
    own = 30 * math.cos(math.pi / 2 + 0.2)
    margin = math.log(math.exp(own) + 3) - own
    assert angular_margin_loss(cosines, who).item() == pytest.approx(margin, rel=1e-4)
    assert attributes_loss(exact, rated, who, who).item() == pytest.approx(math.log(2) + 0.1 * margin, rel=1e-4)
    assert attributes_loss(exact, rated).item() == pytest.approx(0.0, abs=1e-6)
    turned = AttributeOutputs(2 * rated.mean(0) - rated, None, None)
    assert attributes_loss(turned, rated, who).item() == pytest.approx(6.0, abs=1e-5)  # CCC -1 each


def test_published_sizes_are_those_of_the_encoders_and_the_heads():
    """Counted on the meta device, and of them those that are trained: Whisper and RoBERTa stay frozen."""
    text = published("FacebookAI/roberta-large").parameters
    wavlm, whisper = (published(name).parameters for name in ("microsoft/wavlm-large", "openai/whisper-large-v3"))

    def parts(dim, width, gender):
        heads = 3 * (width * 256 + 256 + 256 + 1) + gender * (width * 256 + 256 + 2 * 256 + 2)
        return dim * 256 + 256 + 2 * (256 * 256 + 256) + heads

    expected = {
        "WavLM": (wavlm + 25 + parts(1024, 256, False), 0),
        "+ G Pred": (wavlm + text + 25 + parts(1024, 1280, True), text),
        "WavLM, gender": (wavlm + 25 + parts(1024, 256, True), 0),
        "MMWhisper": (whisper + text + parts(1280, 1280, False), whisper + text),
    }
    with torch.device("meta"):
        models: dict[str, Any] = {row: build("attributes", **ATTRIBUTES_ROWS[row]) for row in expected}
        both: Any = build("attributes-ensemble")
    for row, (count, frozen) in expected.items():
        parameters = list(models[row].parameters())
        assert sum(p.numel() for p in parameters) == count
        assert sum(p.numel() for p in parameters if not p.requires_grad) == frozen
    assert sum(p.numel() for p in both.parameters()) == expected["WavLM, gender"][0] + expected["MMWhisper"][0]


@pytest.mark.parametrize("entry", ATTRIBUTES_ENTRIES)
def test_the_ensemble_answers_the_mean_of_its_members(entry, tmp_path):
    """Whole utterances and windows, with words and without, also saved and loaded: the members' own answers' mean."""
    members = [made(seed=seed, **row).eval() for seed, row in enumerate(ATTRIBUTES_ENTRIES[entry])]
    model: Any = AttributesEnsemble.of(members, Calibration(unsure_below=0.5))
    save_model(model, draft_card(model), tmp_path)
    again: Any = load_model(tmp_path)
    assert again.contract.lookback == 240 and [m.contract.lookback for m in members][:: len(members) - 1] == [80, 240]
    audio = sound(2.9)
    with torch.inference_mode():
        for tokens in (None, words("so glad")):
            whole = torch.stack([member(audio, tokens) for member in members]).mean(0)
            assert torch.allclose(again(audio, tokens), whole, atol=1e-5)
            windows = torch.stack([m.forward_windows(audio[0], tokens=tokens)[1] for m in members]).mean(0)
            assert torch.allclose(again.forward_windows(audio[0], tokens=tokens)[1], windows, atol=1e-5)
        state = model.pool_windows(audio[0]).arrays()
        for number, member in enumerate(members):
            own = member.pool_windows(audio[0]).arrays()
            assert all(torch.allclose(state[name][:, number : number + 1], own[name], atol=1e-5) for name in own)


@pytest.mark.usefixtures("right_bfloat16")
def test_a_model_in_half_precision_says_nearly_the_same():
    """bfloat16 weights: dimensions within 2e-2 of float32, and pool states still float32."""
    model = made().eval()
    audio, tokens = sound(3.0)[0], words("so glad")
    with torch.inference_mode():
        _, dimensions = model.forward_windows(audio, tokens=tokens)
        model.bfloat16()
        _, half = model.forward_windows(audio, tokens=tokens)
        state = model.pool_windows(audio)
    assert torch.allclose(half.float(), dimensions, atol=2e-2)
    assert {array.dtype for array in state.arrays().values()} == {torch.float32}


def test_what_cannot_be_built_says_why():
    """Values out of range, and cards by which the model would seem to have an opinion on labels."""
    for changes, said in (
        ({"modalities": "text"}, "modalities"),
        ({"convolutions": 0}, "convolutions"),
        ({"speakers": 3, "speaker_embedding": 4}, "learns speakers"),
        ({"low": 7.0}, "low"),
        ({"labels": ("a", "b")}, "unsure_below"),
    ):
        with pytest.raises(CardInvalid, match=said):
            made(**changes)
    with pytest.raises(CardInvalid, match="two members"):
        made("attributes-ensemble", members=[{}])
    with pytest.raises(CardInvalid, match="range"):
        made("attributes-ensemble", members=[{}, {"filters": 8}])
    with pytest.raises(UsageError, match="labels"):
        AttributesEnsemble.of([made(), made(labels=("a", "b", "c"))], Calibration(unsure_below=0.5))
