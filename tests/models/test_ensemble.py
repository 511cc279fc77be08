"""`emospeech-ensemble`, tiny: the hard vote, its tie rule, and a pool state that holds every member's."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from emoscope.models import load_model, save_model
from emoscope.models.encoders import tokenise
from emoscope.models.errors import CardInvalid, UsageError
from emoscope.models.reading import Calibration
from emoscope.models.systems import EmospeechEnsemble, build, draft_card
from emoscope.models.systems.ensemble import vote_shares

torch.set_num_threads(1)


def made(name="emospeech-ensemble", seed=7, **changes) -> Any:
    torch.manual_seed(seed)
    return build(name, "tiny", **changes).eval()


def sound(seconds, batch=1):
    return 0.1 * torch.randn(batch, round(seconds * 16_000), generator=torch.Generator().manual_seed(4))


def words(*texts):
    return tokenise(texts, lambda text: [1, *(ord(letter) % 50 + 3 for letter in text), 2])


@pytest.mark.parametrize(
    ("votes", "best", "answer"),
    [((2, 2, 4), 2, 2), ((4, 2, 2), 0, 2), ((5, 5, 5), 1, 5), ((1, 3, 5), 0, 1), ((1, 3, 5), 1, 3), ((1, 3, 5), 2, 5)],
)
def test_the_most_voted_label_wins_and_the_best_model_decides_a_tie(votes, best, answer):
    """Two of three outvote the best model; where all three differ, its label is the answer (section 5)."""
    shares = vote_shares(torch.tensor([votes]), 6, best)
    assert shares.argmax(1).tolist() == [answer]
    assert shares.sum().item() == pytest.approx(1.0)
    assert {label for label in range(6) if shares[0, label] > 0} == set(votes)


@given(st.lists(st.integers(0, 3), min_size=2, max_size=7), st.data())
def test_the_vote_is_the_papers_for_any_number_of_models(votes, data):
    """The mode of the predictions where there is one, else the best model's prediction."""
    best = data.draw(st.integers(0, len(votes) - 1))
    counts = [votes.count(label) for label in range(4)]
    modes = [label for label, count in enumerate(counts) if count == max(counts)]
    expected = modes[0] if len(modes) == 1 else votes[best]
    assert vote_shares(torch.tensor([votes]), 4, best).argmax(1).item() == expected


def test_it_is_saved_loaded_and_streamed_with_words_and_without(tmp_path):
    """Every member's weights are kept, and its windows are read as those of the model that was saved."""
    model = made()
    save_model(model, draft_card(model), tmp_path)
    again: Any = load_model(tmp_path)
    assert [len(member.classifier) for member in again.members] == [13, 13, 17]
    audio = sound(5.0)[0]
    with torch.inference_mode():
        for tokens in (None, words("so glad")):
            scores, dimensions = again.forward_windows(audio, tokens=tokens)
            assert torch.equal(scores, model.forward_windows(audio, tokens=tokens)[0])
            assert scores.shape == (6,) and dimensions.shape == (0,)
            assert scores.sum().item() == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("tokens", [None, words("ab", ""), words("so glad", "oh")])
def test_the_ensemble_answers_what_its_members_vote(tokens):
    """Windows and whole utterances, voice with words or alone: the label is that of the members' own answers."""
    members = [made("emospeech", seed, hidden_layers=layers) for seed, layers in ((1, 2), (2, 2), (3, 3))]
    ensemble = EmospeechEnsemble.of(members, best=1, calibration=Calibration())
    audio = sound(3.0, batch=2)
    with torch.inference_mode():
        votes = torch.stack([member(audio, tokens).argmax(1) for member in members], 1)
        expected = vote_shares(votes, 6, 1)
        assert torch.allclose(torch.softmax(ensemble(audio, tokens), 1), expected, atol=1e-3)
        row = None if tokens is None else words("so glad")
        heard = [member.forward_windows(audio[0], tokens=row)[0] for member in members]
        votes = torch.stack([scores.argmax() for scores in heard])[None]
        streamed: Any = ensemble
        scores, _ = streamed.forward_windows(audio[0], tokens=row)
    assert torch.allclose(scores, vote_shares(votes, 6, 1)[0], atol=1e-3)


def test_its_state_is_that_of_its_members_side_by_side():
    """A query a member, with what the member alone would have pooled."""
    model = made()
    audio = sound(4.0)[0]
    with torch.inference_mode():
        state = model.pool_windows(audio)
        for number, member in enumerate(model.members):
            own = member.pool_windows(audio).arrays()
            for name, array in state.arrays().items():
                assert torch.allclose(array[:, number : number + 1], own[name], atol=1e-6)


def test_members_without_words_hear_the_voice_alone():
    """A member of voice alone votes beside members that read the words; of voice alone all, no words are read."""
    mixed = made(members=[{}, {"modalities": "audio"}, {}])
    silent = made(members=[{"modalities": "audio"}] * 2)
    audio = sound(1.5)
    with torch.inference_mode():
        state = mixed.read_tokens(words("so glad"))
        assert state.mass[0, :, 0].bool().tolist() == [True, False, True]
        assert silent.read_tokens(words("so glad")) is None
        assert torch.equal(silent(audio), silent(audio, words("so glad")))


def test_members_that_cannot_vote_together_are_refused():
    """Other labels, other widths, one member, or a best one that is not there."""
    with pytest.raises(UsageError, match="labels"):
        EmospeechEnsemble.of([made("emospeech"), made("emospeech", labels=("a", "b"))], 0, Calibration())
    with pytest.raises(CardInvalid, match="two members"):
        made(members=[{}])
    with pytest.raises(CardInvalid, match="best 3"):
        made(best=3)
