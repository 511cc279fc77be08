"""A microphone's events, from Python: `for event in listen(): ...`."""

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..asr import Recognizer
from ..asr import choose as choose_recognizer
from ..engine.opening import KEEP_THREADS, Runtime, open_engine
from ..protocol.config import Config
from ..protocol.events import AnyEvent
from ..sources.devices import choose
from ..sources.microphone import Microphone
from .live import Live

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel


def labels_of(model: str) -> tuple[str, ...]:
    """The labels that a model's card names, without loading the model; () where there is no card to read."""
    from emoscope.models.cards import VOICE
    from emoscope.models.errors import ModelError

    with suppress(ModelError):
        return tuple(VOICE.read_card(VOICE.find(model)).labels)
    from emoscope.models.store import card_of  # imports torch, which a model of our own must not wait for here

    try:
        return tuple(card_of(model).labels)
    except ModelError:
        return ()


def listen(
    input: str | None = None,
    model: "str | Path | StreamModel" = "small",
    *,
    config: Config | None = None,
    asr: "str | None" = None,
    seconds: float | None = None,
    device: str = "auto",
    engine: Runtime = "auto",
) -> Iterator[AnyEvent]:
    """Events of a microphone as they come, until `seconds` of audio were read or the iteration ends.

    input   the microphone: its number, its name or a part of it, as `emoscope devices` lists them; the system's
            default if None
    model   a shipped model's name, a folder, or a loaded model
    config  session options; sample rate and channels are the microphone's
    asr     the recognizer of its words, as `--asr` names it; None for no words
    device  where the model runs: cpu, cuda, cuda:N, or auto, the GPU where there is one
    engine  what computes: torch, onnx, or auto, as for `open_engine`

    Raises UnusableDevice, with those that are there, when the microphone is unknown, busy, or goes away; then what was
    captured before has been read out.

    >>> for event in listen(seconds=60):                               # doctest: +SKIP
    ...     print(event)
    """
    choice = choose_recognizer(asr) if asr is not None else None
    live = Live(
        Microphone(choose(input)),
        lambda: open_engine(model, device=device, threads=KEEP_THREADS, engine=engine).loaded,
        config or Config(pace="realtime"),
        seconds=seconds,
        start_recognizer=None if choice is None else partial(Recognizer, choice),
    )
    live.start()
    try:
        yield from live.events()
    finally:
        live.stop()
        live.join(2.0)
