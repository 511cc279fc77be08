"""Text encoders: the same numbers as transformers, padding, empty and long transcripts."""

import pytest
import torch

from emoscope.models.encoders import TextConfig, text_encoder, tiny_model, tokenise
from emoscope.models.encoders.config import TEXT
from emoscope.models.errors import UsageError

torch.set_num_threads(1)


def letters(text: str) -> list[int]:
    return [1, *(ord(letter) - 90 for letter in text), 2]


@pytest.mark.parametrize("family", TEXT)
def test_text_encoders_give_what_transformers_gives_and_ignore_padding(family: str) -> None:
    """A transcript in a batch comes out as it does alone, as the model of transformers gives it."""
    torch.manual_seed(2)
    encoder = text_encoder(TextConfig(model=tiny_model(family))).eval()
    tokens = tokenise(["abcdef", "ab"], letters)
    hidden, mask = encoder(tokens)
    assert mask.tolist() == [[True] * 8, [True] * 4 + [False] * 4]
    alone = encoder.model(input_ids=torch.tensor([letters("ab")])).last_hidden_state
    assert torch.allclose(hidden[1, :4], alone[0], atol=1e-5)
    assert (hidden[1, 4:] == 0).all()


@pytest.mark.parametrize("family", TEXT)
def test_an_empty_transcript_has_no_tokens_and_harms_no_one(family: str) -> None:
    """Nothing said gives zeros and a mask without a token, also beside others, also alone."""
    torch.manual_seed(2)
    encoder = text_encoder(TextConfig(model=tiny_model(family))).eval()
    hidden, mask = encoder(tokenise(["ab", "  "], letters))
    assert not mask[1].any() and (hidden[1] == 0).all() and hidden.isfinite().all()
    hidden, mask = encoder(tokenise([""], letters))
    assert not mask.any() and (hidden == 0).all()


@pytest.mark.parametrize("family", TEXT)
def test_a_transcript_beyond_the_limit_is_encoded_in_pieces(family: str) -> None:
    """More tokens than the encoder sees at a time: each piece on its own, and no token lost."""
    torch.manual_seed(2)
    encoder = text_encoder(TextConfig(model=tiny_model(family))).eval()
    assert encoder.limit == 32
    tokens = tokenise(["abcdefghijklmnopqrstuvwxyz" * 3], letters)
    hidden, mask = encoder(tokens)
    assert mask.sum() == 80 and hidden.isfinite().all()
    second = encoder.model(input_ids=tokens.ids[:, 32:64]).last_hidden_state
    assert torch.allclose(hidden[:, 32:64], second, atol=1e-5)


def test_another_models_tokens_are_said() -> None:
    """An id beyond the vocabulary is a message about the tokenizer, not an index error."""
    encoder = text_encoder(TextConfig(model=tiny_model("bert")))
    with pytest.raises(UsageError, match="tokenizer"):
        encoder(tokenise(["{"], lambda text: [60]))
