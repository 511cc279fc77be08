"""The published systems, tiny: every row of their tables builds, trains a step, is saved, loaded and streamed."""

from typing import Any

import pytest
import torch

from emoscope.models import load_model, save_model
from emoscope.models.encoders import tokenise
from emoscope.models.errors import UsageError
from emoscope.models.pooling import POOLINGS
from emoscope.models.reading import DIMENSIONS
from emoscope.models.systems import SEGMENTAL_CORPORA, SEGMENTAL_ROWS, SYSTEMS, build, draft_card, published_scores
from emoscope.models.windows import plan
from emoscope.train.published.losses import focal_loss, inverse_frequency, pick_triplets, segmental_loss
from emoscope.train.published.phases import ATTENTIVE, SEGMENTAL, enter

torch.set_num_threads(1)

XLS_R = {"checkpoint": "facebook/wav2vec2-xls-r-300m", "normalise": [-33.62, 56.15]}

# Each row of Leygue et al. (2025), tables 1 and 2, and what the encoders' adapters add.
ATTENTIVE_ROWS = {
    **{pooling: {"pooling": pooling} for pooling in POOLINGS},
    "audio only": {"modalities": "audio", "pooling": "average"},
    "text only": {"modalities": "text", "pooling": "average"},
    "text dropped at random": {"text_dropout": 0.5},
    "weighted layer sum": {"speech": {"layer": "weighted"}, "text": {"layer": "weighted"}},
    "XLS-R, RoBERTa": {"speech": XLS_R, "text": "FacebookAI/roberta-large"},
    "Whisper, XLM-R": {"speech": "openai/whisper-medium", "text": "FacebookAI/xlm-roberta-base"},
    "checkpointed": {"speech": {"checkpointing": True}, "text": {"checkpointing": True}},
}

# Each row of Porjazovski et al. (2024), table 1, with the settings of section 4, and what the encoders' adapters add.
SEGMENTAL_CHANGES = {
    **SEGMENTAL_ROWS,
    "layer average": {"speech": {"layer": "weighted"}},
    "rest dropped": {"keep_rest": False},
    "WavLM": {"speech": "microsoft/wavlm-large"},
    **SEGMENTAL_CORPORA,
}

ROWS = [("attentive", row) for row in ATTENTIVE_ROWS] + [("segmental", row) for row in SEGMENTAL_CHANGES]


def changes(name: str, row: str) -> dict[str, Any]:
    rows: Any = ATTENTIVE_ROWS if name == "attentive" else SEGMENTAL_CHANGES
    return dict(rows[row])


def made(name, row):
    torch.manual_seed(7)
    return build(name, "tiny", **changes(name, row))


def sound(seconds, batch=1, seed=4):
    return 0.1 * torch.randn(batch, round(seconds * 16_000), generator=torch.Generator().manual_seed(seed))


def words(*texts):
    return tokenise(texts, lambda text: [1, *(ord(letter) % 50 + 3 for letter in text), 2])


def step(model):
    """Loss before and after one step of its own recipe's optimizer, at a rate that shows."""
    audio, targets = sound(2.5, batch=4), torch.tensor([0, 1, 0, 1])
    lengths = torch.tensor([40_000, 40_000, 30_000, 30_000])
    stage = ATTENTIVE[2] if model.architecture == "attentive" else SEGMENTAL[0]
    optimizer = enter(model, stage)
    for group in optimizer.param_groups:
        group["lr"] = 1e-3
    model.train()

    def loss():
        torch.manual_seed(0)
        if model.architecture == "attentive":
            tokens = words("so glad", "", "oh no", "well")
            weights = inverse_frequency([2, 2, *[0] * 6])
            return focal_loss(model(audio, tokens, lengths), targets, weights)
        triplets = pick_triplets(targets.tolist(), [2.5, 2.5, 1.9, 1.9])
        return segmental_loss(model.segment_outputs(audio, lengths), targets, triplets, model.config)

    before = loss()
    before.backward()
    optimizer.step()
    model.zero_grad()
    after = loss()
    model.eval()
    return before.item(), after.item()


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_every_row_of_the_tables_builds_trains_a_step_and_streams(name, row, tmp_path):
    """Each ablation: built, trained one step with its own loss, saved, loaded, and read window by window."""
    model = made(name, row)
    before, after = step(model)
    assert after < before
    save_model(model, draft_card(model), tmp_path)
    again: Any = load_model(tmp_path)
    audio = sound(5.0)[0]
    if name == "attentive" and not model.has_speech:
        tokens = words("ab")
        assert torch.equal(model.eval()(tokens=tokens), again(tokens=tokens))
        return
    with torch.inference_mode():
        scores, dimensions = again.forward_windows(audio)
        expected, _ = model.forward_windows(audio)
    assert scores.shape == (len(model.contract.labels),) and dimensions.shape == (0,)
    assert scores.sum().item() == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(scores, expected)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_forward_reads_whole_utterances_alike_alone_and_in_a_batch(name, row):
    """The paper's whole-utterance answer of one clip does not depend on who is in its batch."""
    model = made(name, row).eval()
    audio, lengths = sound(3.0, batch=2), torch.tensor([48_000, 22_400])
    audio[1, 22_400:] = 0.3  # beyond its length anything may stand
    with torch.inference_mode():
        if name == "attentive":
            both = model(audio, words("ab", "abcd"), lengths)
            alone = model(audio[1:, :22_400], words("abcd"))
        else:
            both, alone = model(audio, lengths), model(audio[1:, :22_400])
    assert both.shape == (2, len(model.contract.labels))
    assert torch.allclose(both[1], alone[0], atol=1e-4)


@pytest.mark.parametrize("name", ["attentive", "segmental"])
def test_published_sizes_fit_the_papers(name):
    """Counted on the meta device: `attentive` has less than a billion, `segmental` 90.2M that are fine-tuned."""
    with torch.device("meta"):
        model: Any = build(name)
    count = sum(p.numel() for p in model.parameters())
    if name == "attentive":
        encoders = 580_493_120 + 183_831_552
        # Pooling 2 x (K H + H Q) weights, 2QK features a modality into 256, and 256 into 8 labels.
        head = (1024 * 2 + 4) + (768 * 2 + 4) + (4 * (1024 + 768) * 256 + 256) + (256 * 8 + 8)
        assert count == encoders + head < 1_000_000_000
    else:
        model.set_phase("transformer")
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
        assert round(trained / 1e6, 1) == 90.2
        assert count == 94_371_712 + 768 * 7 + 7


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_system_states_its_window_labels_and_dimensions(name):
    """What the stream must know, and what the papers scored."""
    model: Any = build(name, "tiny")
    contract = model.contract
    assert contract.labels == SYSTEMS[name].labels and not contract.derived
    assert contract.dimensions == (DIMENSIONS if name.startswith("attributes") else ())
    assert (contract.window / 16_000, contract.hop / 16_000) == SYSTEMS[name].seconds
    assert contract.lookback == model.speech.lookback and contract.frame == 320
    tables = {score.source.split(", ")[1] for score in published_scores(name)}
    assert tables and tables <= {*(f"table {number}" for number in range(1, 7)), "section 6"}
    bests = {
        "attentive": 0.3912, "segmental": 0.805, "emospeech": 0.8973, "emospeech-ensemble": 0.8669,
        "camulenet": 0.862, "attributes": 0.7582, "attributes-ensemble": 0.6829,
    }  # fmt: skip
    best = bests[name]
    assert best == max(score.value for score in published_scores(name))


@pytest.mark.parametrize("row", ["XLS-R, RoBERTa", "MQMHA-2x2"])
def test_shared_front_ends_say_the_same_as_the_plain_way(row):
    """Where windows share their convolutions, what is said is what each window encoded alone would say."""
    model = made("attentive", row).eval()
    audio = sound(5.3)[0]
    with torch.inference_mode():
        shared = model.pool_windows(audio, 700, 80_700)
        model.speech.reusable = False
        plain = model.pool_windows(audio, 700, 80_700)
    assert made("attentive", "XLS-R, RoBERTa").speech.reusable
    for key, array in plain.arrays().items():
        assert torch.allclose(shared.arrays()[key], array, atol=1e-5)


def test_segments_of_the_stream_are_its_windows():
    """A grid window of `segmental` is one segment; what is said is the most confident of all, found one by one."""
    model = made("segmental", "seg").eval()
    audio = sound(6.0)[0]
    padded = torch.cat([torch.zeros(80), audio])
    with torch.inference_mode():
        every = []
        for window in plan(model.contract, len(audio)):
            cut = padded[window.start : window.end + 80][None]
            hidden, _ = model.speech(cut, torch.tensor([window.end - window.start]))
            every.append(torch.softmax(model.head(hidden.mean(1))[0], 0))
        scores, _ = model.forward_windows(audio)
    assert len(every) > 3
    best = max(every, key=lambda p: p.max().item())
    assert torch.allclose(scores, best, atol=1e-5)


def test_the_best_segment_of_an_utterance_speaks_for_it():
    """`forward` cuts segments of 80 frames each 40 from the encoder's output and answers with the surest one."""
    model = made("segmental", "seg").eval()
    audio = sound(4.1)
    with torch.inference_mode():
        hidden, mask = model.encode_utterances(audio)
        frames = int(mask.sum())
        starts = [*range(0, frames - 79, 40), frames - 80]
        answers = [model.head(hidden[0, s : s + 80].mean(0)) for s in starts]
        best = max(answers, key=lambda logits: torch.softmax(logits, 0).max().item())
        assert torch.allclose(model(audio)[0], best, atol=1e-5)


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_utterance_shorter_than_a_window_is_read_whole(name):
    """Half a second: one short window, and for `segmental` one short segment; under a frame there is nothing to say."""
    model: Any = build(name, "tiny").eval()
    audio = sound(0.5)[0]
    with torch.inference_mode():
        scores, dimensions = model.forward_windows(audio)
        if name.startswith("attributes"):
            said, whole = dimensions, model.to_dimensions(model(audio[None]))[0]
        else:
            said, whole = scores, torch.softmax(model(audio[None]), 1)[0]
        assert torch.allclose(said, whole, atol=1e-5)
        assert model.forward_windows(audio[:300]) is None
        with pytest.raises(UsageError, match="20 ms"):
            model(audio[None, :300])


@pytest.mark.usefixtures("right_bfloat16")
@pytest.mark.parametrize("row", ["MQMHA-2x2", "max", "seg", "Whisper, XLM-R"])
def test_a_model_in_half_precision_says_nearly_the_same(row):
    """bfloat16 weights: scores within 2e-2 of float32, and pool states still float32."""
    model = made("segmental" if row == "seg" else "attentive", row).eval()
    audio = sound(4.0)[0]
    with torch.inference_mode():
        scores, _ = model.forward_windows(audio)
        model.bfloat16()
        half, _ = model.forward_windows(audio)
        state = model.pool_windows(audio)
    assert torch.allclose(half.float(), scores, atol=2e-2)
    assert {array.dtype for array in state.arrays().values()} == {torch.float32}


def test_missing_text_is_an_empty_transcript():
    """No tokens, an empty transcript and the stream before the words: one and the same answer."""
    model = made("attentive", "AS").eval()
    audio = sound(1.5)
    with torch.inference_mode():
        none, empty, some = model(audio), model(audio, words(" ")), model(audio, words("hello"))
        assert torch.equal(none, empty)
        assert not torch.allclose(none, some)
        said, _ = model.forward_windows(audio[0])
        with_words, _ = model.forward_windows(audio[0], tokens=words("hello"))
    assert torch.allclose(said, torch.softmax(none, 1)[0], atol=1e-5)
    assert torch.allclose(with_words, torch.softmax(some, 1)[0], atol=1e-5)


def test_a_transcript_beyond_the_text_encoders_limit_counts_whole():
    """Every token is pooled, however long the transcript: its last word still moves the answer."""
    model = made("attentive", "statistics").eval()
    audio, long = sound(1.0), "ab" * 60
    assert model.text.limit == 32
    with torch.inference_mode():
        assert not torch.equal(model(audio, words(long + "a")), model(audio, words(long + "z")))


def test_a_text_only_model_says_that_it_cannot_stream():
    """A text-only model raises an error when it is called without words or when it is streamed."""
    model = made("attentive", "text only").eval()
    assert model(tokens=words("ab")).shape == (1, 8)
    with pytest.raises(UsageError, match="has no speech encoder"):
        model.forward_windows(sound(1.0)[0])
    with pytest.raises(UsageError, match="needs tokens"):
        model()
    with pytest.raises(UsageError, match="needs audio"):
        made("attentive", "audio only")(tokens=words("ab"))
