"""What a voice in somebody's pipeline is read with."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..protocol.config import Config
from ..runtime.live import Loaded
from ..sources.fed_audio import QUEUE_S


@dataclass(frozen=True, kw_only=True)
class ReaderOptions:
    """Options of an `EmotionReader`.

    model    a shipped model's name or a folder; it runs in a process of its own, which all voices of this process share
    device   where the model runs: cpu, cuda, cuda:N, or auto, the GPU where there is one
    config   session options; rate and channels are those of the audio
    asr      a recognizer of our own, as `--asr` names it; None for no words: a voice agent has its own
    server   address of an `emoscope serve` that reads the voice instead; model, device and asr are the server's then
    token    the server's token
    queue_s  audio that waits while the model loads; what exceeds it is silence, and a warning says so
    finish_s what is pending when the host ends may take so long; the rest is given up
    load     opens a model in this process instead, as `lambda: open_engine(my_model).loaded`
    clock    seconds that only go forward
    """

    model: str = "small"
    device: str = "auto"
    config: Config = field(default_factory=Config)
    asr: str | None = None
    server: str | None = None
    token: str | None = None
    queue_s: float = QUEUE_S
    finish_s: float = 2.0
    load: Callable[[], Loaded] | None = None
    clock: Callable[[], float] = time.monotonic
