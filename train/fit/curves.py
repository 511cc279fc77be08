"""Loss, learning rate and score as curves for tensorboard, where a folder for them is named."""

from pathlib import Path
from typing import Any

from ..errors import TrainingError


class Curves:
    """Writes scalars of a training that has made `done` optimizer steps; none without a folder.

    What a run wrote beyond `done` before it was killed is hidden, since those steps are made again.
    """

    def __init__(self, folder: Path | None, done: int = 0) -> None:
        """TrainingError without the library."""
        self._writer: Any = None
        self._step = done
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise TrainingError("curves need tensorboard: pip install 'emoscope[train]'") from None
        self._writer = SummaryWriter(str(folder), purge_step=done + 1 if done else None)

    def step(self, loss: float, rate: float) -> None:
        """After each optimizer step."""
        self._step += 1
        self._add("loss", loss)
        self._add("rate", rate)

    def epoch(self, loss: float, score: float | None) -> None:
        """After each epoch."""
        self._add("loss of the epoch", loss)
        if score is not None:
            self._add("score", score)

    def close(self) -> None:
        """Write what is left."""
        if self._writer is not None:
            self._writer.close()

    def _add(self, name: str, value: float) -> None:
        if self._writer is not None:
            self._writer.add_scalar(name, value, self._step)
