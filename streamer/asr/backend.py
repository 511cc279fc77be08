"""What a recognizer's library has to offer. Backends run in the recognizer's process alone."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..protocol.errors import UsageError
from ..session.transcript.hypothesis import Hypothesis
from .messages import LoadRequest


class Backend(Protocol):
    """A loaded recognizer.

    name       as users name it, with the model
    languages  that it recognises; () for any
    """

    name: str
    languages: tuple[str, ...]

    def transcribe(self, audio: npt.NDArray[np.int16], language: str | None, final: bool) -> Hypothesis:
        """The words of `audio` (n,) at 16 kHz: a function of the arguments alone, whatever was transcribed before."""


def load_backend(load: LoadRequest) -> Backend:
    """The backend that a message names. Raises whatever its library raises; UsageError for an unknown name."""
    if load.backend == "faster-whisper":
        from .whisper import FasterWhisper

        return FasterWhisper(load)
    if load.backend == "pocketsphinx":
        from .sphinx import PocketSphinx

        return PocketSphinx(load)
    raise UsageError(f"no recognizer is called {load.backend!r}")
