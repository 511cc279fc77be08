"""`emospeech-ensemble`: the three best `emospeech` models of the paper, and a hard vote among them.

Casals-Salvador et al. (2024), section 5 and table 2: the most voted label; in a tie, the label of the model with the
highest F1 on the validation set.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechEncoder, TextEncoder, Tokens
from ..encoders.speech import Phase
from ..errors import CardInvalid, UsageError
from ..model import Encoded
from ..pool_state import PoolState, SoftmaxState
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..text_model import TextModel, common_tokenizer, joined
from ..windows import Window
from .emospeech import EmospeechConfig, EmospeechModel

NO_VOTE = 1e-4  # share of a label without a vote, so that its logit is finite
TIE = 0.5  # of a vote: what the label that wins a tie has more than the others


@dataclass(frozen=True, kw_only=True)
class EnsembleConfig:
    """The members of the vote.

    speech, text  fields of `SpeechConfig` and `TextConfig`, of every member that names none of its own
    members       fields of `EmospeechConfig` by which each member differs: by default the hidden layers of table 2
    best          index of the member with the highest F1 on the validation set; it decides a tie. The paper lists its
                  models from the best downwards
    """

    speech: dict[str, Any]
    text: dict[str, Any]
    members: Sequence[dict[str, Any]] = ({"hidden_layers": 2}, {"hidden_layers": 2}, {"hidden_layers": 3})
    best: int = 0

    def __post_init__(self) -> None:
        if len(self.members) < 2 or not 0 <= self.best < len(self.members):
            raise CardInvalid(
                f"a vote needs two members or more, and best must be the index of one; got {len(self.members)} members "
                f"and best {self.best}"
            )

    def configs(self) -> list[EmospeechConfig]:
        """The whole configuration of each member."""
        return [EmospeechConfig(**{"speech": self.speech, "text": self.text, **member}) for member in self.members]


def vote_shares(predicted: Tensor, labels: int, best: int) -> Tensor:
    """Share (B, labels) of the votes of each label, from the labels predicted (B, M) by M models.

    The largest share is the answer of the vote. Where several labels have the most votes, the one that model `best`
    predicts is given `TIE` votes more than they have.
    """
    votes = torch.nn.functional.one_hot(predicted, labels).sum(1).float()
    most = votes.amax(1)
    tied = (votes == most[:, None]).sum(1) > 1
    winner = torch.nn.functional.one_hot(predicted[:, best], labels).bool()
    votes = torch.where(winner & tied[:, None], most[:, None] + TIE, votes)
    return votes / votes.sum(1, keepdim=True)


class EmospeechEnsemble(TextModel):
    """Several `emospeech` models that hear the same windows and vote; each is trained on its own.

    Its pool state holds the state of each member side by side, as queries of one pooling, so it merges exactly. Its
    logits are the logarithms of the shares of the votes, which have no gradient. Missing text is as in
    `EmospeechModel`; the members that read words have one tokenizer.
    """

    architecture = "emospeech-ensemble"

    def __init__(self, config: EnsembleConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        self.voters = [EmospeechModel(one, contract, calibration) for one in config.configs()]
        self.members = nn.ModuleList(self.voters)
        if len(widths := {voter.speech.dim for voter in self.voters}) > 1:
            raise CardInvalid(f"members whose features have one width can vote together; got {sorted(widths)}")

    @classmethod
    def from_card(
        cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration
    ) -> "EmospeechEnsemble":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(EnsembleConfig(**config), contract, calibration)

    @classmethod
    def of(cls, models: Sequence[EmospeechModel], best: int, calibration: Calibration) -> "EmospeechEnsemble":
        """The vote of models that are trained; `best` is the index of the one with the highest validation F1.

        UsageError where they do not answer for the same labels from the same windows.
        """
        if len({(m.contract.labels, m.contract.window, m.contract.hop, m.contract.lookback) for m in models}) != 1:
            raise UsageError("models vote together where their labels, windows, hops and lookbacks are the same")
        first = models[0].config
        config = EnsembleConfig(
            speech=first.speech, text=first.text, members=[asdict(model.config) for model in models], best=best
        )
        made = cls(config, models[0].contract, calibration)
        for member, model in zip(made.voters, models, strict=True):
            member.load_state_dict(model.state_dict())
        made.tokenizer = common_tokenizer(models)
        return made.eval()

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    @property
    def speech(self) -> SpeechEncoder:
        """The speech encoder of the first member, by which the card describes the audio."""
        return self.voters[0].speech

    def forward(self, audio: Tensor, tokens: Tokens | None = None, lengths: Tensor | None = None) -> Tensor:
        """Label logits (B, L) of whole utterances, from the vote. As in `EmospeechModel`."""
        return self._vote([voter(audio, tokens, lengths) for voter in self.voters])

    def _vote(self, logits: Sequence[Tensor]) -> Tensor:
        predicted = torch.stack([one.argmax(1) for one in logits], 1)
        shares = vote_shares(predicted, len(self.contract.labels), self.config.best)
        return shares.clamp_min(NO_VOTE).log()

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`, by every member."""
        encoded = [voter.encode(audio, lengths, owned) for voter in self.voters]
        return Encoded(joined([one.state for one in encoded], 1), torch.cat([one.scores for one in encoded], 2))

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """As in `StreamModel`, by every member."""
        states = [voter.encode_windows(audio, windows) for voter in self.voters]
        return [joined(of_window, 1) for of_window in zip(*states, strict=True)]

    @property
    def text_encoders(self) -> list[TextEncoder]:
        """As in `TextModel`, of every member."""
        return [encoder for voter in self.voters for encoder in voter.text_encoders]

    def read_tokens(self, tokens: Tokens | None) -> SoftmaxState | None:
        """Pooled state of tokens, of every member; None without tokens or where no member has a text encoder."""
        if tokens is None or not any(voter.has_text for voter in self.voters):
            return None
        states = [voter.read_tokens(tokens) for voter in self.voters]
        batch, device = len(tokens.ids), tokens.ids.device
        return joined(  # type: ignore[no-any-return]
            [
                voter.pooling.init_state(batch, device) if state is None else state
                for voter, state in zip(self.voters, states, strict=True)
            ],
            1,
        )

    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: SoftmaxState | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`; `text` from `read_tokens`, None where there is none. No dimensions."""
        both = state if text is None else state.merge(text)
        votes = []
        for number, voter in enumerate(self.voters):
            own = both.map(lambda array, number=number: array[:, number : number + 1])  # type: ignore[misc]
            votes.append(voter.logits(own)[0])
        logits = self._vote(votes)
        return logits, logits.new_zeros(len(logits), 0)

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """As in `EmospeechModel`, of every member."""
        for voter in self.voters:
            voter.set_phase(phase, upper)
