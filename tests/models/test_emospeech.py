"""`emospeech`, tiny: one softmax over voice and words, every row of its tables, and what a missing text means."""

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from emoscope.models import load_model, save_model
from emoscope.models.cards import read_card
from emoscope.models.encoders import published, tokenise
from emoscope.models.errors import CardInvalid, UsageError
from emoscope.models.pool_state import SoftmaxState
from emoscope.models.systems import EMOSPEECH_ROWS, build, draft_card, published_scores

torch.set_num_threads(1)

# Each row of Casals-Salvador et al. (2024), tables 1 and 2, and what the config offers besides.
ROWS: dict[str, dict[str, Any]] = {
    **EMOSPEECH_ROWS,
    "audio only": {"modalities": "audio"},
    "text dropped at random": {"text_dropout": 0.5},
    "no layer normalisation": {"feature_norm": False},
    "last layers": {"speech": {"layer": "last"}},
    "fixed normalisation": {"speech": {"normalise": [0.0, 0.1]}},
    "no hidden layer": {"hidden_layers": 0, "hidden": 8, "dropout": 0.5},
}


def made(**changes) -> Any:
    torch.manual_seed(7)
    return build("emospeech", "tiny", **changes)


def sound(seconds, batch=1, seed=4):
    return 0.1 * torch.randn(batch, round(seconds * 16_000), generator=torch.Generator().manual_seed(seed))


def words(*texts):
    return tokenise(texts, lambda text: [1, *(ord(letter) % 50 + 3 for letter in text), 2])


def step(model):
    """Loss before and after one step of AdamW (section 5) on the weighted cross entropy, at a rate that shows."""
    audio, targets = sound(2.0, batch=4), torch.tensor([0, 1, 0, 1])
    tokens, lengths = words("so glad", "", "oh no", "well"), torch.tensor([32_000, 32_000, 20_000, 20_000])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    model.train()

    def loss():
        torch.manual_seed(0)
        weight = torch.tensor([1.0, 2.0, 1.0, 1.0, 1.0, 1.0])
        return nn.functional.cross_entropy(model(audio, tokens, lengths), targets, weight)

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
    assert any("hears the voice alone" in note for note in read_card(tmp_path).notes)
    again: Any = load_model(tmp_path)
    audio = sound(5.0)[0]
    with torch.inference_mode():
        for tokens in (None, words("hello")):
            scores, dimensions = again.forward_windows(audio, tokens=tokens)
            expected, _ = model.forward_windows(audio, tokens=tokens)
            assert torch.equal(scores, expected)
            assert scores.shape == (6,) and dimensions.shape == (0,)
            assert scores.sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("row", ROWS)
def test_forward_reads_whole_utterances_alike_alone_and_in_a_batch(row):
    """The whole-utterance answer of one clip does not depend on who is in its batch."""
    model = made(**ROWS[row]).eval()
    audio, lengths = sound(3.0, batch=2), torch.tensor([48_000, 22_400])
    audio[1, 22_400:] = 0.3  # beyond its length anything may stand
    with torch.inference_mode():
        both = model(audio, words("ab", "abcd"), lengths)
        alone = model(audio[1:, :22_400], words("abcd"))
    assert both.shape == (2, 6)
    assert torch.allclose(both[1], alone[0], atol=1e-4)


@settings(max_examples=25, deadline=None)
@given(
    frames=st.integers(1, 60),
    letters=st.integers(0, 40),
    seed=st.integers(0, 2**16),
    scale=st.sampled_from([0.01, 1.0, 30.0]),
)
def test_the_merge_of_voice_and_text_is_one_softmax_over_both(frames, letters, seed, scale):
    """Equations 1 and 2 over the sequences concatenated on time, the plain way in float64."""
    model = made(feature_norm=False).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.inference_mode():
        model.pooling.query.mul_(scale)
        hidden = torch.randn(1, frames, 16, generator=generator)
        voice = model.pool(hidden, torch.ones(1, frames, dtype=torch.bool)).state
        tokens = words("a" * letters)
        merged = model.pooling.read(voice.merge(model.read_tokens(tokens)))
        text, mask = model.text(tokens)
        h = torch.cat([hidden[0], text[0][mask[0]]]).double()
        w = torch.softmax(h @ model.pooling.query[:, 0].double() / math.sqrt(16), 0)
    assert torch.allclose(merged[0].double(), w @ h, atol=1e-5)


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 99), max_size=5), text=st.sampled_from([None, "", "so glad"]))
def test_states_of_any_windows_merge_to_the_whole(cuts, text):
    """However the frames are cut, and wherever the text is merged in, the reading is that of all frames at once."""
    model = made().eval()
    hidden = torch.randn(1, 100, 16, generator=torch.Generator().manual_seed(1))
    edges = [0, *sorted(set(cuts)), 100]
    index = torch.arange(100)
    with torch.inference_mode():
        tokens = None if text is None else model.read_tokens(words(text))
        whole, _ = model.logits(model.pool(hidden, index[None] >= 0).state, text=tokens)
        state = model.pooling.init_state() if tokens is None else tokens
        for first, last in pairwise(edges):
            state = model.pool(hidden, ((index >= first) & (index < last))[None]).state.merge(state)
        parts, _ = model.logits(state)
    assert torch.allclose(parts, whole, atol=1e-5)


def test_missing_text_is_an_empty_transcript():
    """No tokens, an empty transcript and the stream before the words: the voice alone, one and the same answer."""
    model = made().eval()
    audio = sound(1.5)
    with torch.inference_mode():
        none, empty, some = model(audio), model(audio, words(" ")), model(audio, words("hello"))
        assert torch.equal(none, empty)
        assert not torch.allclose(none, some)
        said, _ = model.forward_windows(audio[0])
        with_words, _ = model.forward_windows(audio[0], tokens=words("hello"))
    assert torch.allclose(said, torch.softmax(none, 1)[0], atol=1e-5)
    assert torch.allclose(with_words, torch.softmax(some, 1)[0], atol=1e-5)


def test_text_dropped_in_training_is_what_the_stream_hears():
    """With `text_dropout` 1 every clip in training is heard as the stream hears it: the state of no token."""
    model = made(text_dropout=1.0)
    assert isinstance(state := model.train().read_tokens(words("ab", "c")), SoftmaxState)
    assert state.peak.isneginf().all() and not state.mass.any()
    assert model.eval().read_tokens(words("ab", "c")).mass.all()
    assert made(modalities="audio").read_tokens(words("ab")) is None


def test_shared_front_ends_say_the_same_as_the_plain_way():
    """With a fixed normalisation windows share their convolutions, and say what each would say encoded alone."""
    model = made(speech={"normalise": [0.0, 0.1]}).eval()
    audio = sound(5.3)[0]
    assert model.speech.reusable and not made().speech.reusable
    with torch.inference_mode():
        shared = model.pool_windows(audio, 700, 80_700).arrays()
        model.speech.reusable = False
        plain = model.pool_windows(audio, 700, 80_700).arrays()
    assert all(torch.allclose(shared[name], plain[name], atol=1e-5) for name in plain)


@pytest.mark.usefixtures("right_bfloat16")
def test_a_model_in_half_precision_says_nearly_the_same():
    """bfloat16 weights: scores within 2e-2 of float32, and pool states still float32."""
    model = made().eval()
    audio, tokens = sound(4.0)[0], words("so glad")
    with torch.inference_mode():
        scores, _ = model.forward_windows(audio, tokens=tokens)
        model.bfloat16()
        half, _ = model.forward_windows(audio, tokens=tokens)
        states = model.pool_windows(audio), model.read_tokens(tokens)
    assert torch.allclose(half.float(), scores, atol=2e-2)
    assert {array.dtype for state in states for array in state.arrays().values()} == {torch.float32}


def test_published_sizes_are_those_of_the_encoders_and_the_classifier():
    """Counted on the meta device: XLS-R and XLM-R, a weight a layer, two norms, u, and the classifier."""
    with torch.device("meta"):
        models: list[Any] = [build("emospeech", hidden_layers=layers) for layers in (2, 3)]
    encoders = (
        published("facebook/wav2vec2-xls-r-300m").parameters + published("FacebookAI/xlm-roberta-large").parameters
    )
    block = 512 * 512 + 512 + 2 * 512
    classifier = (1024 * 512 + 512 + 2 * 512) + 2 * block + (512 * 6 + 6)
    count = encoders + 25 + 2 * 2 * 1024 + 1024 + classifier
    assert [sum(p.numel() for p in model.parameters()) for model in models] == [count, count + block]
    kinds = [type(layer).__name__ for layer in models[0].classifier]
    assert kinds == ["Linear", "Dropout", "LayerNorm", "GELU"] * 3 + ["Linear"]


@pytest.mark.parametrize("row", EMOSPEECH_ROWS)
def test_every_published_row_is_built_as_published(row):
    """Each pair of encoders has one width, and table 1 or 2 has a score of the row."""
    with torch.device("meta"):
        model: Any = build("emospeech", **EMOSPEECH_ROWS[row])
    assert model.speech.dim == model.text.dim == (768 if "BETO" in row else 1024)
    assert [score.metric for score in published_scores("emospeech") if score.protocol.endswith(row)] == ["macro F1"]


def test_only_the_head_is_trained_where_the_encoders_stay_frozen():
    """Phase "head": poolings, norms, the sum of layers and the classifier, but no weight of an encoder."""
    model = made()
    model.set_phase("head")
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if ".model." in name}


def test_encoders_of_two_widths_cannot_be_concatenated_on_time():
    """And other configurations that build nothing name what is wrong."""
    with torch.device("meta"), pytest.raises(CardInvalid, match="width 1024 and text features of width 768"):
        build("emospeech", text="dccuchile/bert-base-spanish-wwm-cased")
    with pytest.raises(CardInvalid, match="modalities"):
        build("emospeech", "tiny", modalities="text")
    with pytest.raises(CardInvalid, match="hidden_layers"):
        build("emospeech", "tiny", hidden_layers=-1)
    with pytest.raises(UsageError, match="poling"):
        build("emospeech", "tiny", poling="reduced")
