"""`attributes-ensemble`: the mean of two `attributes` models, WavLM that learns gender and Whisper with text.

Lertpetchpun et al. (2025), section 4.5: the two-system entry of table 6. (Section 5 calls its first member MMWavLM;
section 4.5 and table 6, which describe the entry, call it WavLM.)
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from ..contract import ModelContract
from ..encoders import SpeechEncoder, TextEncoder, Tokens
from ..encoders.speech import Phase
from ..errors import CardInvalid, UsageError
from ..model import Encoded
from ..pool_state import PoolState
from ..reading import Calibration
from ..speaker import SpeakerProfiles
from ..text_model import TextModel, common_tokenizer, joined
from ..windows import Window
from .attributes import AttributesConfig, AttributesModel, check_undecided
from .base import lookback


@dataclass(frozen=True, kw_only=True)
class AttributesEnsembleConfig:
    """The members of the mean.

    speech, text  fields of `SpeechConfig` and `TextConfig`, of every member that names none of its own
    members       fields of `AttributesConfig` by which each member differs; one number of filters and one range
    """

    speech: dict[str, Any]
    text: dict[str, Any]
    members: Sequence[dict[str, Any]]

    def __post_init__(self) -> None:
        if len(self.members) < 2:
            raise CardInvalid(f"a mean needs two members or more; got {len(self.members)}")

    def configs(self) -> list[AttributesConfig]:
        """The whole configuration of each member; CardInvalid where their states or ratings have no one shape."""
        made = [AttributesConfig(**{"speech": self.speech, "text": self.text, **member}) for member in self.members]
        if len({(one.filters, one.low, one.high) for one in made}) > 1:
            raise CardInvalid("members with one number of filters and one range of ratings have a mean together")
        return made


class AttributesEnsemble(TextModel):
    """Several `attributes` models that hear the same windows; the answer is the mean of their dimensions.

    Its pool state holds the state of each member side by side, as queries of one pooling, so it merges exactly. The
    window's lookback is the longest of the members'; each is given its own. Labels, missing text and ranges are as in
    `AttributesModel`; each member is trained on its own. Those that read words have one tokenizer.
    """

    architecture = "attributes-ensemble"

    def __init__(self, config: AttributesEnsembleConfig, contract: ModelContract, calibration: Calibration) -> None:
        super().__init__()
        self.config, self.contract, self.calibration = config, contract, calibration
        check_undecided(contract, calibration)
        configs = config.configs()
        self.raters = [
            AttributesModel(one, replace(contract, lookback=lookback(one.speech)), calibration) for one in configs
        ]
        self.members = nn.ModuleList(self.raters)
        if contract.lookback != (longest := max(rater.speech.lookback for rater in self.raters)):
            raise CardInvalid(
                f"card {contract.id}: lookback {contract.lookback} samples, but its encoders need {longest}"
            )

    @classmethod
    def from_card(
        cls, config: dict[str, Any], contract: ModelContract, calibration: Calibration
    ) -> "AttributesEnsemble":
        """Build from a card's config; unknown fields are a TypeError."""
        return cls(AttributesEnsembleConfig(**config), contract, calibration)

    @classmethod
    def of(cls, models: Sequence[AttributesModel], calibration: Calibration) -> "AttributesEnsemble":
        """The mean of models that are trained. UsageError where their labels, windows or hops differ."""
        if len({(m.contract.labels, m.contract.window, m.contract.hop) for m in models}) != 1:
            raise UsageError("models have a mean together where their labels, windows and hops are the same")
        first = models[0].config
        config = AttributesEnsembleConfig(
            speech=first.speech, text=first.text, members=[asdict(model.config) for model in models]
        )
        lookback = max(model.contract.lookback for model in models)
        made = cls(config, replace(models[0].contract, lookback=lookback), calibration)
        for member, model in zip(made.raters, models, strict=True):
            member.load_state_dict(model.state_dict())
        made.tokenizer = common_tokenizer(models)
        return made.eval()

    def card_config(self) -> dict[str, Any]:
        return asdict(self.config)

    @property
    def speech(self) -> SpeechEncoder:
        """The speech encoder of the member with the longest lookback, by which the card describes the audio."""
        return max(self.raters, key=lambda rater: rater.speech.lookback).speech

    def forward(self, audio: Tensor, tokens: Tokens | None = None, lengths: Tensor | None = None) -> Tensor:
        """Mean of the members' arousal, valence and dominance (B, 3), from `low` to `high`, of whole utterances."""
        return torch.stack([rater(audio, tokens, lengths) for rater in self.raters]).mean(0)

    def to_dimensions(self, ratings: Tensor) -> Tensor:
        """As in `AttributesModel`."""
        return self.raters[0].to_dimensions(ratings)

    def encode(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """As in `StreamModel`, by every member."""
        encoded = [rater.encode(self._cut(audio, rater), lengths, owned) for rater in self.raters]
        return Encoded(joined([one.state for one in encoded], 1), torch.cat([one.scores for one in encoded], 2))

    def encode_windows(self, audio: Tensor, windows: Sequence[Window]) -> list[PoolState]:
        """As in `StreamModel`, by every member."""
        states = [rater.encode_windows(self._cut(audio, rater), windows) for rater in self.raters]
        return [joined(of_window, 1) for of_window in zip(*states, strict=True)]

    def _cut(self, audio: Tensor, rater: AttributesModel) -> Tensor:
        """Audio (..., lookback + N) with as much lookback as the member takes."""
        return audio[..., self.contract.lookback - rater.contract.lookback :]

    @property
    def text_encoders(self) -> list[TextEncoder]:
        """As in `TextModel`, of every member."""
        return [encoder for rater in self.raters for encoder in rater.text_encoders]

    def read_tokens(self, tokens: Tokens | None) -> Tensor | None:
        """The text (B, sum of K) of the members that read it, side by side; None as in `AttributesModel`."""
        texts = [text for rater in self.raters if (text := rater.read_tokens(tokens)) is not None]
        return torch.cat(texts, 1) if texts else None

    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`, label logits of zero; `text` from `read_tokens`, None where there is none."""
        widths = [sum(encoder.dim for encoder in rater.text_encoders) for rater in self.raters]
        texts = [None] * len(widths) if text is None else torch.split(text, widths, 1)
        answers = []
        for number, (rater, own_text) in enumerate(zip(self.raters, texts, strict=True)):
            own = state.map(lambda array, number=number: array[:, number : number + 1])  # type: ignore[misc]
            answers.append(rater.logits(own, text=own_text)[1])
        dimensions = torch.stack(answers).mean(0)
        return dimensions.new_zeros(len(dimensions), len(self.contract.labels)), dimensions

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """As in `AttributesModel`, of every member."""
        for rater in self.raters:
            rater.set_phase(phase, upper)
