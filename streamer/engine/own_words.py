"""Voice and words in one reading, for a model that reads the words itself."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from emoscope.models.fusion import share_of_text, share_of_text_in_dimensions
from emoscope.models.pool_state import PoolState
from emoscope.models.reading import Reading, decide
from emoscope.models.speaker import SpeakerProfiles
from emoscope.models.text_model import TextModel, TextState

from ..session.requests import Read

KEPT = 512  # transcripts: the readings of one utterance repeat its words, and their encoder is slow
MISSING = ""

Answer = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""Scores (B, L) and dimensions (B, D) of readings, or those of one, (L,) and (D,)."""


def to_numpy(tensor: torch.Tensor) -> npt.NDArray[np.float32]:
    """A tensor as an array in float32."""
    array: npt.NDArray[np.float32] = tensor.float().cpu().numpy()
    return array


def to_torch(array: npt.NDArray[np.float32], device: torch.device) -> torch.Tensor:
    """An array as a tensor on a device."""
    return torch.from_numpy(np.ascontiguousarray(array)).to(device)


def tensors_of(speakers: SpeakerProfiles | None, device: torch.device) -> SpeakerProfiles | None:
    """Profiles as tensors on a device."""
    if speakers is None:
        return None
    return SpeakerProfiles(to_torch(speakers.mean, device), to_torch(speakers.weight, device))


class OwnWords:
    """The transcripts of readings, as the text encoder of a model reads them. It keeps what it made of the last ones.

    batch  the most transcripts in one forward pass
    half   bfloat16; the text that comes out is float32
    """

    def __init__(self, model: TextModel, batch: int, *, half: bool) -> None:
        self.model, self.batch, self._half = model, batch, half
        self._kept: dict[str, TextState] = {}

    @torch.inference_mode()
    def read(
        self, requests: Sequence[Read], state: PoolState, seconds: npt.NDArray[np.float32],
        voices: SpeakerProfiles | None,
    ) -> Answer | None:  # fmt: skip
        """The answers of voice and words together; None where no reading has words that the model reads."""
        transcripts = [self._transcript(request) for request in requests]
        if not any(transcripts):
            return None
        place = partial(to_torch, device=self.model.device)
        scores, dimensions = self.model.read_with_words(
            state.map(place), place(seconds), self._texts(transcripts), tensors_of(voices, self.model.device)
        )
        return to_numpy(scores), to_numpy(dimensions)

    def decide(self, request: Read, voice: Answer, both: Answer) -> Reading:
        """One reading, from the answer of the voice alone and that of voice and words.

        The model says nothing of single words, so they weigh as much as the voice under them.
        """
        contract, unsure_below = self.model.contract, self.model.calibration.unsure_below
        if not self._transcript(request):
            return decide(contract.labels, *voice, unsure_below)
        share = share_of_text(voice[0], both[0]) or share_of_text_in_dimensions(voice[1], both[1])
        return replace(decide(contract.labels, *both, unsure_below), text_share=share)

    def _transcript(self, request: Read) -> str:
        """The words that a reading counts; MISSING where there are none, or the model does not know their language."""
        return request.text.strip() if self.model.knows(request.language) else MISSING

    def _texts(self, transcripts: Sequence[str]) -> list[TextState]:
        known = self._kept
        used = {transcript: known[transcript] for transcript in transcripts if transcript in known}
        new = [transcript for transcript in dict.fromkeys(transcripts) if transcript not in used]
        for begin in range(0, len(new), self.batch):
            some = new[begin : begin + self.batch]
            with torch.autocast("cuda", torch.bfloat16, enabled=self._half):
                used |= zip(some, self.model.read_texts(some), strict=True)
        # What was used last stands last, and is kept longest.
        order = {**{one: text for one, text in known.items() if one not in used}, **used}
        self._kept = dict(list(order.items())[-KEPT:])
        return [used[transcript] for transcript in transcripts]
