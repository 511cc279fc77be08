"""`camulenet`, tiny: its ablations, both tasks, and the log-domain mean of windows."""

import math
from functools import reduce
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emoscope.models import load_model, save_model
from emoscope.models.cards import read_card
from emoscope.models.encoders import published
from emoscope.models.errors import CardInvalid, UsageError
from emoscope.models.systems import CAMULENET_ROWS, CamulenetOutputs, build, draft_card, published_scores
from emoscope.models.systems.camulenet import AlexNet
from emoscope.models.windows import owned_frames, plan
from emoscope.streamer import open_engine
from emoscope.train.evaluation.runner import SessionRunner
from emoscope.train.published.losses import camulenet_loss

torch.set_num_threads(1)

ROWS: dict[str, dict[str, Any]] = {
    **CAMULENET_ROWS,
    "multitask alone": {"co_attention": False},
    "weighted layer sum": {"speech": {"layer": "weighted"}},
    "the window as it is": {"speech": {"whisper_pad_s": 0.0}},
    "another window": {"window": 32_000, "hop": 8_000, "labels": ("a", "b")},
}


def made(**changes) -> Any:
    torch.manual_seed(7)
    return build("camulenet", "tiny", **changes)


def sound(seconds, batch=1, seed=4):
    return 0.1 * torch.randn(batch, round(seconds * 16_000), generator=torch.Generator().manual_seed(seed))


def step(model):
    """Loss before and after one step of Adam (section 4.3) on equation 4, at a rate that shows."""
    audio, targets, genders = sound(2.0, batch=4), torch.tensor([0, 1, 0, 1]), torch.tensor([0, 1, 1, -1])
    lengths = torch.tensor([32_000, 32_000, 20_000, 20_000])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    model.train()

    def loss():
        torch.manual_seed(0)
        return camulenet_loss(model.outputs(audio, lengths), targets, genders, model.config)

    before = loss()
    before.backward()
    reached = {name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    optimizer.step()
    model.zero_grad()
    after = loss()
    model.eval()
    return before.item(), after.item(), reached


@pytest.mark.parametrize("row", ROWS)
def test_every_row_of_the_table_builds_trains_a_step_and_streams(row, tmp_path):
    """Each choice: built, trained one step with both losses, saved, loaded, and read window by window."""
    model = made(**ROWS[row])
    before, after, reached = step(model)
    assert after < before
    parts = {"speech", "alexnet", "gru", "of_image", "of_cepstra", "emotion"}
    parts |= {"second"} if model.config.multitask else set()
    parts |= {"attention"} if model.config.co_attention else set()
    assert reached == parts == {name.split(".")[0] for name, _ in model.named_parameters()}
    save_model(model, draft_card(model), tmp_path)
    assert any("does not merge" in note for note in read_card(tmp_path).notes)
    again: Any = load_model(tmp_path)
    audio = sound(5.0)[0]
    with torch.inference_mode():
        scores, dimensions = again.forward_windows(audio)
        expected, _ = model.forward_windows(audio)
    assert torch.equal(scores, expected)
    assert scores.shape == (len(model.contract.labels),) and dimensions.shape == (0,)
    assert scores.sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("row", ROWS)
def test_forward_reads_whole_utterances_alike_alone_and_in_a_batch(row):
    """The answer of one clip does not depend on who is in its batch, nor on what stands beyond its length."""
    model = made(**ROWS[row]).eval()
    audio, lengths = sound(4.0, batch=2), torch.tensor([64_000, 22_400])
    audio[1, 22_400:] = torch.nan
    with torch.inference_mode():
        both, alone = model(audio, lengths), model(audio[1:, :22_400])
    assert torch.allclose(both[1], alone[0], atol=1e-4)


def test_a_clip_of_one_window_is_read_alike_by_forward_and_by_the_stream():
    """Up to the length of a window the utterance is one clip, as in the paper."""
    model = made().eval()
    audio = sound(3.0)
    with torch.inference_mode():
        for samples in (320, 20_000, 48_000):
            clip = audio[:, :samples]
            assert torch.allclose(model(clip).exp()[0], model.forward_windows(clip[0])[0], atol=1e-5)
            assert torch.allclose(torch.softmax(model.outputs(clip).logits, 1), model(clip).exp(), atol=1e-5)
        with pytest.raises(UsageError, match="319 samples"):
            model(audio[:, :319])


def test_a_longer_utterance_is_cut_for_the_loss_and_heard_whole_by_forward():
    """`outputs` hears the first window; `forward` the mean over clips side by side, by their frames."""
    model = made().eval()
    audio = sound(5.0)
    silent = torch.cat([audio.new_zeros(1, 240), audio], 1)
    with torch.inference_mode():
        first = model.outputs(audio).logits
        assert torch.allclose(first, model.outputs(audio[:, :48_000]).logits, atol=1e-5)
        second = model._outputs(silent[:, 48_000:], torch.tensor([32_000])).logits
        mean = 0.6 * torch.log_softmax(first, 1) + 0.4 * torch.log_softmax(second, 1)
        assert torch.allclose(model(audio), mean, atol=1e-5)


def test_evaluation_of_whole_recordings_reads_it_by_its_own_forward():
    """`emoscope evaluate --whole`."""
    model = made().eval()
    audio = sound(5.0)
    said = SessionRunner(open_engine(model, threads=1), how="whole")._predict_utterance(audio[0])
    with torch.inference_mode():
        expected = torch.softmax(model(audio), 1)[0]
    assert said is not None and said.dimensions == ()
    assert said.scores == pytest.approx(expected.tolist(), abs=1e-5)


def test_an_utterance_is_the_mean_of_its_windows_log_posteriors_by_hand():
    """Each window read as a clip alone, weighted by the frames that it owns; the gender likewise."""
    model = made().eval()
    audio = sound(5.3)[0]
    contract = model.contract
    padded = torch.cat([audio.new_zeros(contract.lookback), audio])
    total, odds, frames = np.zeros(8), 0.0, 0
    with torch.inference_mode():
        windows = list(plan(contract, len(audio)))
        assert len(windows) == 3
        for window in windows:
            cut = padded[window.start : window.end + contract.lookback][None]
            made_of = model._outputs(cut, torch.tensor([window.end - window.start]))
            first, last = owned_frames(contract, window)
            total += (last - first) * torch.log_softmax(made_of.logits, 1)[0].double().numpy()
            odds += (last - first) * made_of.gender.item()
            frames += last - first
        scores, _ = model.forward_windows(audio)
        female = model.gender(model.pool_windows(audio))
    assert frames == len(audio) // 320
    expected = np.exp(total / frames) / np.exp(total / frames).sum()
    assert scores.numpy() == pytest.approx(expected, abs=1e-5)
    assert female.item() == pytest.approx(1 / (1 + math.exp(-odds / frames)), abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(order=st.permutations(range(4)), half_life=st.sampled_from([0.0, -0.5]))
def test_states_of_windows_merge_in_any_order(order, half_life):
    """To rounding; also when older frames are weighted down."""
    model = made().eval()
    audio = sound(6.2)[0]
    padded = torch.cat([audio.new_zeros(model.contract.lookback), audio])
    with torch.inference_mode():
        states = model.encode_windows(padded, list(plan(model.contract, len(audio))))
        assert len(states) == 4
        states = [state.weighted(half_life * i) for i, state in enumerate(states)]
        forwards = model.logits(reduce(lambda a, b: a.merge(b), states))[0]
        shuffled = model.logits(reduce(lambda a, b: a.merge(b), [states[i] for i in order]))[0]
    assert torch.allclose(forwards, shuffled, atol=1e-5)


def test_gender_is_said_where_it_is_asked_for_and_changes_no_reading():
    """The second head is read by `gender` alone; a model without it says so."""
    model, single = made().eval(), made(multitask=False).eval()
    single.load_state_dict({name: p for name, p in model.state_dict().items() if not name.startswith("second")})
    audio = sound(4.0)[0]
    with torch.inference_mode():
        assert torch.allclose(model.forward_windows(audio)[0], single.forward_windows(audio)[0], atol=1e-6)
        assert 0 < model.gender(model.pool_windows(audio)).item() < 1
        assert single.outputs(audio[None]).gender is None
        with pytest.raises(UsageError, match="multitask"):
            single.gender(single.pool_windows(audio))


def test_the_loss_is_equation_4_by_hand():
    """alpha CCE + beta BCE + gamma with .4, .1, .2; a clip without a known gender has no second term."""
    config = made().config
    logits = torch.tensor([[math.log(3.0), 0.0], [0.0, 0.0]])
    outputs = CamulenetOutputs(logits, torch.tensor([math.log(4.0), 9.0]), torch.zeros(2, 1))
    cce = -(math.log(0.75) + math.log(0.5)) / 2
    targets = torch.tensor([0, 1])
    for genders, bce in (((1, -1), -math.log(0.8)), ((0, -1), -math.log(0.2)), ((-1, -1), 0.0)):
        loss = camulenet_loss(outputs, targets, torch.tensor(genders), config)
        assert loss.item() == pytest.approx(0.4 * cce + 0.1 * bce + 0.2, abs=1e-6)
    assert camulenet_loss(outputs, targets, None, config).item() == pytest.approx(0.4 * cce + 0.2, abs=1e-6)


def test_co_attention_adds_up_whispers_frames_by_their_weights():
    """Equations 2 and 3 step by step; the activated features stand first in the embedding."""
    module = made().eval().attention
    features, hidden = torch.rand(2, 16), torch.randn(2, 150, 16)
    with torch.inference_mode():
        embedding = module(features, hidden)
        weights = torch.relu(features @ module.weigh[1].weight.T + module.weigh[1].bias)
        centred = weights - weights.mean(1, keepdim=True)
        weights = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
        attended = torch.stack(
            [sum(w * h for w, h in zip(*pair, strict=True)) for pair in zip(weights, hidden, strict=True)]
        )
        expected = module.process(attended)
    assert torch.equal(embedding[:, :16], features)
    assert torch.allclose(embedding[:, 16:], expected, atol=1e-4)


def test_published_sizes_are_those_of_the_paper():
    """Counted on the meta device from the configs: 4096 of AlexNet, two layers of 256 units, T = 1024."""
    alexnet = AlexNet((64, 192, 384, 256, 256), 4096, 0.15)
    convolutions = [(1, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 256, 3)]
    convolved = sum(a * b * size * size + b for a, b, size in convolutions)
    image = convolved + (9216 * 4096 + 4096) + (4096 * 4096 + 4096)
    assert sum(p.numel() for p in alexnet.parameters()) == image
    gru = sum(2 * 3 * 256 * (width + 256 + 2) for width in (40, 512))
    ones = (4096 * 1024 + 1024) + (300 * 512 * 1024 + 1024)
    co_attention = (2048 * 150 + 150) + 2 * 150 + (1024 * 1024 + 1024) + 2 * 1024
    shared = published("openai/whisper-medium").parameters + image + gru + ones + (3072 * 8 + 8)
    counts = {}
    for row, changes in CAMULENET_ROWS.items():
        with torch.device("meta"):
            counts[row] = build("camulenet", **changes).parameter_count
    assert counts == {
        "CAMuLeNet": shared + co_attention + 3072 + 1,
        "w/o Multitask": shared + co_attention,
        "w/o Co-Att & Multitask": shared,
    }


def test_every_row_of_table_1_has_its_scores():
    """Two metrics on six corpora for each of the three rows."""
    for row in CAMULENET_ROWS:
        assert sum(score.protocol.endswith(f", {row}") for score in published_scores("camulenet")) == 12


def test_whisper_stays_frozen_in_phase_head():
    """And everything else is trained."""
    model = made()
    model.set_phase("head")
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen == {name for name, _ in model.named_parameters() if name.startswith("speech.model.")}


@pytest.mark.usefixtures("right_bfloat16")
def test_a_model_in_half_precision_says_nearly_the_same():
    """bfloat16 weights: scores within 2e-2 of float32, and pool states still float32."""
    model = made().eval()
    audio = sound(4.0)[0]
    with torch.inference_mode():
        scores, _ = model.forward_windows(audio)
        model.bfloat16()
        half, _ = model.forward_windows(audio)
        state = model.pool_windows(audio)
    assert torch.allclose(half.float(), scores, atol=2e-2)
    assert {array.dtype for array in state.arrays().values()} == {torch.float32}


def test_padding_of_a_batch_changes_no_window():
    """A short window padded to another's length is read as alone."""
    model = made().eval()
    audio = sound(1.0)
    padded = torch.nn.functional.pad(audio[:, :9_840], (0, 4_800))
    owned = torch.tensor([[2, 30]])
    with torch.inference_mode():
        alone = model.encode(audio[:, :9_840], torch.tensor([9_600]), owned)
        both = model.encode(padded, torch.tensor([9_600]), owned)
    for name, array in alone.state.arrays().items():
        assert torch.allclose(array, both.state.arrays()[name], atol=1e-6)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"channels": (4, 4)}, "five"),
        ({"attention": 0}, "positive"),
        ({"alpha": -1.0}, "alpha"),
        ({"window": 6_400, "hop": 3_200}, "10240"),
    ],
)
def test_a_config_that_builds_nothing_names_what_is_wrong(changes, said):
    """Values out of range and windows too short for the convolutions."""
    with pytest.raises(CardInvalid, match=said):
        made(**changes)
