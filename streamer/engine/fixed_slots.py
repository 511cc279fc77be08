"""Forward passes of a few fixed shapes, captured once and replayed: what a small model on a GPU needs.

A GPU finishes a small kernel before Python has launched the next one. A CUDA graph launches all kernels of a pass at
once, but only with the shapes and the memory that it was captured with. So a batch goes into the first slots of a
buffer whose size is a power of two, and what the other slots hold is computed too and not looked at.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from emoscope.models.model import Encoded

Forward = Callable[[Tensor, Tensor, Tensor], Encoded]
"""`StreamModel.encode`: audio (B, N), lengths (B,), owned (B, 2) or (B, S, 2)."""
Run = Callable[[], Encoded]
Capture = Callable[[Run, torch.device], Run]

MOST_SHAPES = 32  # that are kept: each holds its buffers on the device
WARM_UP = 3  # passes before a capture, in which libraries choose their kernels and allocate their workspaces


@dataclass(frozen=True)
class Slots:
    """The buffers of one shape, and the pass over them."""

    audio: Tensor
    lengths: Tensor
    owned: Tensor
    run: Run

    def __call__(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """The pass over these windows alone. Its tensors are overwritten by the next call."""
        count = len(audio)
        for slots, given in ((self.audio, audio), (self.lengths, lengths), (self.owned, owned)):
            slots[:count].copy_(given, non_blocking=True)
        encoded = self.run()
        return Encoded(encoded.state.map(lambda array: array[:count]), encoded.scores[:count])


class FixedSlots:
    """A forward pass by shapes that repeat.

    forward  computes a batch on `device`
    capture  makes a pass that is repeated cheaply out of one over fixed buffers; a RuntimeError of it (a model whose
             steps depend on the values of tensors cannot be captured) leaves that shape as it is, and is told in `note`
    """

    def __init__(self, forward: Forward, device: torch.device, capture: Capture) -> None:
        self._forward, self._device, self._capture = forward, device, capture
        self._shapes: dict[tuple[int, ...], Slots] = {}
        self.note = ""

    def __call__(self, audio: Tensor, lengths: Tensor, owned: Tensor) -> Encoded:
        """The answer of `forward` for tensors on the CPU; valid until the next call."""
        size = 1 << (len(audio) - 1).bit_length()
        shape = (size, *audio.shape[1:], *owned.shape[1:])
        slots = self._shapes.get(shape)
        if slots is None:
            on_device = [tensor.to(self._device) for tensor in (audio, lengths, owned)]
            if len(self._shapes) == MOST_SHAPES:
                return self._forward(*on_device)
            slots = self._shapes[shape] = self._made(size, *on_device)
        return slots(audio, lengths, owned)

    def _made(self, size: int, audio: Tensor, lengths: Tensor, owned: Tensor) -> Slots:
        """Slots that hold the first window again and again: what is computed besides must be windows too."""
        audio, lengths, owned = (one[:1].repeat(size, *[1] * (one.dim() - 1)) for one in (audio, lengths, owned))

        def run() -> Encoded:
            return self._forward(audio, lengths, owned)

        try:
            repeated = self._capture(run, self._device)
        except RuntimeError as error:
            self.note = f"its passes could not be captured ({str(error).splitlines()[0]}), and run step by step"
            repeated = run
        return Slots(audio, lengths, owned, repeated)


def cuda_graph(run: Run, device: torch.device) -> Run:
    """`run` as a CUDA graph, whose tensors are the same ones each time. RuntimeError where it cannot be captured."""
    with torch.cuda.device(device):
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            for _ in range(WARM_UP):
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            made = run()

    def replay() -> Encoded:
        graph.replay()
        return made

    return replay
