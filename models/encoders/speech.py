"""One adapter for speech encoders: audio windows in, frames of 20 ms out, whatever the architecture."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ..errors import CardInvalid
from ..model import frame_mask
from .config import SpeechConfig
from .hidden import HiddenStates

FRAME = 320

Phase = Literal["head", "upper", "transformer", "all"]


class SpeechEncoder(nn.Module, ABC):
    """A transformer over 20 ms frames that look back only, so that they are the same wherever a window begins.

    frame      samples a frame; lookback: samples before a window's start that its first frame covers
    dim        width of a frame that comes out
    reusable   true when the front end's frames of overlapping windows are the same, so that `windows` shares them
    """

    frame = FRAME
    lookback: int
    reusable = False

    def __init__(self, config: SpeechConfig, model: Any) -> None:
        super().__init__()
        self.config = config
        self.model = model
        self.dim = int(model.config.hidden_size)
        self.hidden = HiddenStates(config.layer, len(self.layers))
        if config.checkpointing:
            recompute_layers(model)

    @property
    @abstractmethod
    def layers(self) -> Sequence[nn.Module]:
        """The transformer's layers, lowest first."""

    @abstractmethod
    def front(self, audio: Tensor, lengths: Tensor) -> Tensor:
        """Front-end frames (B, T, F) of audio (B, lookback + T * frame), `lengths` (B,) samples without lookback."""

    @abstractmethod
    def body(self, front: Tensor, mask: Tensor) -> Tensor:
        """The transformer's last hidden states (B, T, dim) of front-end frames (B, T, F) where mask (B, T) is true."""

    @abstractmethod
    def front_modules(self) -> Iterable[nn.Module]:
        """The modules below the transformer, which stay frozen in phase "transformer"."""

    def forward(self, audio: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (B, T, dim) and their mask (B, T).

        audio    (B, lookback + T * frame)  samples in [-1, 1]; a shorter window is padded with zeros at its end
        lengths  (B,)                       samples of each window, without the lookback, whole frames
        """
        if audio.shape[1] <= self.lookback or (audio.shape[1] - self.lookback) % self.frame:
            raise ValueError(
                f"audio must be {self.lookback} samples of lookback and a whole number of {self.frame}-sample frames; "
                f"got {audio.shape[1]} samples"
            )
        frames = (audio.shape[1] - self.lookback) // self.frame
        mask = frame_mask(torch.zeros_like(lengths), lengths // self.frame, frames)
        return self.transform(self.front(audio, lengths), mask), mask

    def transform(self, front: Tensor, mask: Tensor) -> Tensor:
        """The configured hidden states (B, T, dim)."""
        chosen: Tensor = self.hidden(self.layers, lambda: self.body(front, mask))
        return chosen.masked_fill(~mask[:, :, None], 0.0)

    def windows(self, audio: Tensor, spans: Sequence[tuple[int, int]]) -> list[Tensor]:
        """Hidden states (T_i, dim) of windows of one recording, each as `forward` would give it alone.

        audio  (lookback + N,)  one recording; spans: first and past-the-last frame of each window

        Where it is exact (`reusable`) the front end runs once over everything that the windows cover, instead of
        for each window: windows that overlap by half share half of that work.
        """
        lengths = [last - first for first, last in spans]
        answers: dict[int, Tensor] = {}
        shared = None
        if self.reusable:
            samples = torch.tensor([audio.shape[0] - self.lookback], device=audio.device)
            shared = self.front(audio[None], samples)[0]
        for length in sorted(set(lengths)):
            group = [i for i, n in enumerate(lengths) if n == length]
            samples = torch.full((len(group),), length * self.frame, device=audio.device)
            if shared is not None:
                front = torch.stack([shared[spans[i][0] : spans[i][1]] for i in group])
            else:
                width = self.lookback + length * self.frame
                front = self.front(torch.stack([audio[spans[i][0] * self.frame :][:width] for i in group]), samples)
            mask = torch.ones(front.shape[:2], dtype=torch.bool, device=audio.device)
            for i, row in zip(group, self.transform(front, mask), strict=True):
                answers[i] = row
        return [answers[i] for i in range(len(spans))]

    def set_phase(self, phase: Phase, upper: int = 4) -> None:
        """Choose what is trained: "head" nothing here, "upper" the top `upper` layers, "transformer" all but the
        front end, "all" everything. The weights of a layer sum always are."""
        set_phase(self.model, self.layers, self.front_modules(), phase, upper)


def attended(mask: Tensor) -> Tensor | None:
    """The attention mask, None if no frame is masked: this is faster, and required on the meta device."""
    return None if mask.device.type == "meta" or bool(mask.all()) else mask


def recompute_layers(model: Any) -> None:
    """Gradient checkpointing of a transformers model, in the variant that keeps hidden states accessible."""
    kind = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # the name in newer versions, where the older one warns
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=kind)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=kind)


def set_phase(
    model: nn.Module, layers: Sequence[nn.Module], front: Iterable[nn.Module], phase: Phase, upper: int
) -> None:
    """Freeze and unfreeze (Howard and Ruder 2018, gradual unfreezing)."""
    if phase not in ("head", "upper", "transformer", "all"):
        raise CardInvalid(f"no training phase {phase!r}; there are head, upper, transformer, all")
    model.requires_grad_(phase in ("transformer", "all"))
    if phase == "upper":
        for layer in layers[max(0, len(layers) - upper) :]:
            layer.requires_grad_(True)
    if phase == "transformer":
        for module in front:
            module.requires_grad_(False)
