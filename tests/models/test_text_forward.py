"""The text branch's network in NumPy computes what the trained one in torch computes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models.text.batch import gather
from emoscope.models.text.config import TextConfig
from emoscope.models.text.forward import TextForward
from emoscope.models.text.network import TextNetwork
from emoscope.models.text.words import Tokenizer, Vocabulary

SOME = ["", "i", "am", "not", "happy", "sad", "the", "door"]
WORDS = st.lists(
    st.sampled_from([*SOME, "Zebra!", "...", "what?", " I'm", "—", "déjà", "😀", "x" * 90]), min_size=1, max_size=40
)
TOKENIZER = Tokenizer(Vocabulary(words=SOME, buckets=32))
SHAPES = {
    "small": {"dim": 6, "hidden": 8, "queries": 2, "heads": 2, "classes": 3},
    "deep": {"dim": 5, "hidden": 12, "queries": 1, "heads": 3, "classes": 2, "layers": 4, "width": 2},
    "flat": {"dim": 4, "hidden": 4, "queries": 3, "heads": 1, "classes": 7, "layers": 0},
}


def network(shape: str) -> TextNetwork:
    torch.manual_seed(4)
    made = TextNetwork(TextConfig(words=len(SOME), buckets=32, **SHAPES[shape])).eval()
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    return made


@pytest.mark.parametrize("shape", SHAPES)
@given(words=WORDS, after=st.integers(0, 3))
def test_states_scores_and_logits_are_those_of_torch(shape: str, words: list[str], after: int) -> None:
    """From any word on, whatever is punctuation, of any length."""
    trained = network(shape)
    text = TOKENIZER(words)
    forward = TextForward(trained.config, trained.arrays())
    state, scores = forward.summarise(text, after)
    with torch.inference_mode():
        features = trained.features(gather([text]))[:, after:]
        mask = torch.from_numpy(text.spoken[None, after:])
        if not mask.numel():
            assert scores.shape == (0, trained.config.queries * trained.config.heads)
            return
        expected, raw = trained.pooling.summarise(features, mask)
        logits = trained.logits(expected)[0].numpy()
    shown = np.where(text.spoken[after:, None], raw[0].flatten(1).numpy(), -np.inf)
    np.testing.assert_allclose(scores, shown, rtol=1e-4, atol=1e-5)
    for name, array in state.arrays().items():
        np.testing.assert_allclose(array, getattr(expected, name)[0].numpy(), rtol=1e-4, atol=2e-5)
    np.testing.assert_allclose(forward.logits(state), logits, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shapes_that_a_card_asks_for_are_the_networks(shape: str) -> None:
    made = network(shape)
    assert made.config.shapes() == {name: tuple(tensor.shape) for name, tensor in made.state_dict().items()}
