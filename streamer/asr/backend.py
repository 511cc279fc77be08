"""What a recognizer must offer. Backends run in the worker's process alone."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..protocol.errors import UsageError
from ..session.transcript.hypothesis import Hypothesis
from .frames import Load


class Backend(Protocol):
    """A loaded recognizer.

    name       as users name it, with the model
    languages  what it hears; () for any
    """

    name: str
    languages: tuple[str, ...]

    def hear(self, audio: npt.NDArray[np.int16], language: str | None, final: bool) -> Hypothesis:
        """Words of `audio` (n,) at 16 kHz: a function of the arguments alone, whatever was heard before."""


def load(asked: Load) -> Backend:
    """The backend that a message names. Whatever its library raises goes to the caller."""
    if asked.backend == "faster-whisper":
        from .whisper import FasterWhisper

        return FasterWhisper(asked)
    if asked.backend == "pocketsphinx":
        from .sphinx import PocketSphinx

        return PocketSphinx(asked)
    raise UsageError(f"no recognizer is called {asked.backend!r}")
