"""A model in torch as the engine uses it: arrays become tensors on the model's device, and tensors arrays."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from emoscope.models.graph.kept import Start
from emoscope.models.model import Encoded, StreamModel
from emoscope.models.pool_state import PoolState
from emoscope.models.speaker import SpeakerProfiles
from emoscope.models.text_model import TextModel
from emoscope.models.windows import part_frames

from ..session.requests import Encode
from .array_model import BATCH, Array, Pooled
from .fixed_slots import FixedSlots, cuda_graph
from .own_words import OwnWords, tensors_of, to_numpy, to_torch


class TorchModel:
    """`ArrayModel` for a `StreamModel`.

    batch  the most windows, or transcripts, in one forward pass
    half   bfloat16 where the device is a GPU; pool states stay float32

    On a GPU passes are CUDA graphs (fixed_slots.py); `note` says where a model's could not be captured.
    """

    keeps_frames = False

    def __init__(self, model: StreamModel, batch: int = BATCH, *, half: bool = False) -> None:
        self.model = model.eval()
        self.contract, self.calibration, self.words = model.contract, model.calibration, model.words
        self.device = model.device
        on_gpu = self.device.type == "cuda"
        self._half = half and on_gpu
        self._slots = FixedSlots(self._forward, self.device, cuda_graph) if on_gpu else None
        self.own_words: OwnWords | None = None
        if isinstance(model, TextModel) and model.tokenizer is not None:
            self.own_words = OwnWords(model, batch, half=self._half)

    def start(self, request: Encode) -> None:
        """As in `ArrayModel`: nothing is kept."""

    @torch.inference_mode()
    def encode(self, requests: Sequence[Encode], length: int, starts: Sequence[Start | None]) -> list[Pooled]:
        """As in `ArrayModel`."""
        windows = [request.audio for request in requests]
        parts = [part_frames(self.contract, request.window) for request in requests]
        lookback = self.contract.lookback
        rows = torch.zeros((len(windows), lookback + length), pin_memory=self.device.type == "cuda")
        for row, window in zip(rows.numpy(), windows, strict=True):
            row[: len(window)] = window
        lengths = torch.tensor([len(window) - lookback for window in windows])
        owned = torch.tensor(self._owned(parts))
        if self._slots is not None:
            encoded = self._slots(rows, lengths, owned)
        else:
            encoded = self._forward(*(tensor.to(self.device) for tensor in (rows, lengths, owned)))
        state, scores = encoded.state.map(to_numpy), to_numpy(encoded.scores)
        return [
            Pooled(self._states(state, row, len(spans)), scores[row, spans[0][0] : spans[-1][1]].copy())
            for row, spans in enumerate(parts)
        ]

    def _forward(self, audio: torch.Tensor, lengths: torch.Tensor, owned: torch.Tensor) -> Encoded:
        # A cache of cast weights would be memory that a CUDA graph does not know.
        with torch.autocast("cuda", torch.bfloat16, enabled=self._half, cache_enabled=False):
            return self.model.encode(audio, lengths, owned)

    @property
    def note(self) -> str:
        """What a user should know of how the passes run; empty where all is well."""
        return self._slots.note if self._slots is not None else ""

    def _owned(self, parts: Sequence[Sequence[tuple[int, int]]]) -> list[Any]:
        """The frames of each window's parts as `StreamModel.encode` takes them: (B, S, 2), (B, 2) without a reach."""
        if not self.contract.reach:
            return [span for (span,) in parts]
        most = max(len(spans) for spans in parts)
        return [[*spans, *[(0, 0)] * (most - len(spans))] for spans in parts]

    def _states(self, state: PoolState, row: int, count: int) -> list[PoolState]:
        """The states of the parts of one window of a batch."""
        one = state.map(partial(_row, row))
        return [one.map(partial(_row, part)) for part in range(count)] if self.contract.reach else [one]

    @torch.inference_mode()
    def read(self, state: PoolState, seconds: Array, speakers: SpeakerProfiles | None = None) -> tuple[Array, Array]:
        """As in `ArrayModel`."""
        place = partial(to_torch, device=self.device)
        scores, dimensions = self.model.read(state.map(place), place(seconds), tensors_of(speakers, self.device))
        return to_numpy(scores), to_numpy(dimensions)

    @torch.inference_mode()
    def embed(self, state: PoolState) -> Array:
        """As in `ArrayModel`."""
        return to_numpy(self.model.embed(state.map(partial(to_torch, device=self.device))))


def _row(row: int, array: Any) -> Any:
    return array[row].copy()
