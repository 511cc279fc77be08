"""A model that reads the words of an utterance itself, beside the voice."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from .encoders import TextEncoder, TextTokenizer, Tokens, tokenise
from .errors import CardInvalid, UsageError
from .languages import is_known
from .model import StreamModel, whole_frames
from .pool_state import PoolState
from .speaker import SpeakerProfiles

TextState = Tensor | PoolState
"""What `logits` takes as text: arrays with a batch axis."""


class TextModel(StreamModel):
    """A model with a text encoder of its own, or several.

    Where an utterance has no words (none yet, none in a language that it knows, no recognizer), its text is that of an
    empty transcript, which has no token at all: so training takes a transcript away, too.

    tokenizer  of its text encoders, which its folder brings; None for a model that hears the voice alone
    """

    tokenizer: TextTokenizer | None = None

    @property
    @abstractmethod
    def text_encoders(self) -> Sequence[TextEncoder]:
        """Those that read the transcript; none in a model that was built for the voice alone."""

    @abstractmethod
    def read_tokens(self, tokens: Tokens | None) -> Any:
        """What `logits` takes as `text`; None where there are no tokens, or no text encoder."""

    @abstractmethod
    def logits(
        self, state: PoolState, speakers: SpeakerProfiles | None = None, text: Any = None
    ) -> tuple[Tensor, Tensor]:
        """As in `StreamModel`; `text` from `read_tokens`, None for missing text."""

    def take_tokenizer(self, tokenizer: TextTokenizer, where: object) -> None:
        """Read words from now on; CardInvalid, which names `where`, for a tokenizer that is not the text encoders'."""
        if not self.text_encoders:
            raise CardInvalid(f"{where}: a tokenizer, but this {self.architecture} has no text encoder")
        known = min(encoder.vocabulary for encoder in self.text_encoders)
        if tokenizer.highest >= known:
            raise CardInvalid(
                f"{where}: a tokenizer with ids up to {tokenizer.highest}, but the text encoder knows {known}; it is "
                "another model's"
            )
        self.tokenizer = tokenizer

    def knows(self, language: str | None) -> bool:
        """Whether words in a language are read; None, where it is not known, counts as one that is."""
        spoken = [encoder.config.languages for encoder in self.text_encoders]
        return all(not languages or is_known(language, languages) for languages in spoken)

    def tokens(self, texts: Sequence[str]) -> Tokens:
        """Tokens of transcripts, on the device of the model. UsageError for a model that has no tokenizer."""
        if self.tokenizer is None:
            raise UsageError(f"{self.contract.id} has no tokenizer, so it hears the voice alone")
        return tokenise(texts, self.tokenizer).to(next(self.parameters()).device)

    def read_texts(self, texts: Sequence[str]) -> list[TextState]:
        """The text of each transcript, a batch of one; "" is missing text. UsageError as in `tokens`."""
        text: TextState = self.read_tokens(self.tokens(texts))
        return [_each(text, slice(row, row + 1)) for row in range(len(texts))]

    def read_with_words(
        self,
        state: PoolState,
        seconds: Tensor,
        texts: Sequence[TextState],
        speakers: SpeakerProfiles | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `read`, with the text of each row, from `read_texts`."""
        logits, dimensions = self.logits(state, speakers, joined(texts))
        return self.calibrated(logits, seconds), dimensions.float()

    def forward_windows(
        self, audio: Tensor, start: int = 0, end: int | None = None, tokens: Tokens | None = None
    ) -> tuple[Tensor, Tensor] | None:
        """As in `StreamModel`, with the utterance's words if `tokens` are given."""
        state = self.pool_windows(audio, start, end)
        if state is None:
            return None
        logits, dimensions = self.logits(state, text=self.read_tokens(tokens))
        seconds = torch.tensor([whole_frames(self.contract, (len(audio) if end is None else end) - start)])
        return self.calibrated(logits, seconds)[0], dimensions[0].float()


def common_tokenizer(models: Iterable[TextModel]) -> TextTokenizer | None:
    """The tokenizer of models that read one transcript together, None where none has one; UsageError for several."""
    found = {model.tokenizer for model in models if model.text_encoders}
    if len(found) > 1:
        raise UsageError("models that read one transcript together have one tokenizer; these have several, or lack it")
    return found.pop() if found else None


def _each(text: TextState, rows: slice) -> TextState:
    return text.map(lambda array: array[rows]) if isinstance(text, PoolState) else text[rows]


def joined(texts: Sequence[TextState], axis: int = 0) -> Any:
    """States of one shape as one, their arrays concatenated: along the batch, or another axis."""
    first = texts[0]
    if not isinstance(first, PoolState):
        return torch.cat(texts, axis)  # type: ignore[arg-type]
    arrays = [one.arrays() for one in texts]  # type: ignore[union-attr]
    return type(first)(**{name: torch.cat([one[name] for one in arrays], axis) for name in arrays[0]})
