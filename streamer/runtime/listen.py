"""A microphone's events, from Python: `for event in listen(): ...`."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..asr import Recognizer
from ..asr import choose as choose_recognizer
from ..protocol.config import Config
from ..protocol.events import AnyEvent
from ..sources.devices import choose
from ..sources.microphone import Microphone
from .live import Live, Loaded

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

    from ..session.requests import Engine


def loader(model: "str | Path | StreamModel", engine: "Engine | None" = None, threads: int | None = None) -> Loaded:
    """Contract and engine of a model. Slow the first time: it imports torch.

    threads  CPU threads for the whole process; 0 takes what suits the model, None leaves them as they are
    """
    import torch

    from emoscope.models.model import StreamModel
    from emoscope.models.store import load_model

    from ..engine.batch import BatchEngine, threads_for

    loaded = model if isinstance(model, StreamModel) else load_model(model)
    if threads is not None:
        torch.set_num_threads(threads or threads_for(loaded))
    if engine is None:
        engine = BatchEngine(loaded)
        engine.warm()
    return loaded.contract, engine


def labels_of(model: str) -> tuple[str, ...]:
    """The labels that a model's card names, without loading the model; () where there is no card to read."""
    from importlib.resources import files

    from emoscope.models.cards import CARD_FILE, read_card
    from emoscope.models.errors import EmoscopeError

    shipped = Path(str(files("emoscope.models.weights"))) / model
    try:
        return tuple(read_card(shipped if (shipped / CARD_FILE).is_file() else Path(model)).labels)
    except EmoscopeError:
        return ()


def listen(
    device: str | None = None,
    model: "str | Path | StreamModel" = "small",
    *,
    config: Config | None = None,
    asr: "str | None" = None,
    seconds: float | None = None,
    engine: "Engine | None" = None,
) -> Iterator[AnyEvent]:
    """Events of a microphone as they come, until `seconds` of audio were heard or the iteration is left.

    device  a number, a name or a part of one, as `emoscope devices` lists them; the system's default if None
    model   a shipped model's name, a folder, or a loaded model
    config  session options; rate and channels are the device's
    asr     the recognizer of its words, as `--asr` names it; None for no words
    engine  answers requests in the model's place (tests)

    Raises UnusableDevice, with those that are there, when the device is unknown, busy, or goes away; then what was
    heard before has been read out.

    >>> for event in listen(seconds=60):                               # doctest: +SKIP
    ...     print(event)
    """
    choice = choose_recognizer(asr) if asr is not None else None
    live = Live(
        Microphone(choose(device)),
        lambda: loader(model, engine),
        config or Config(pace="realtime"),
        seconds=seconds,
        words=None if choice is None else partial(Recognizer, choice),
    )
    live.start()
    try:
        yield from live.events()
    finally:
        live.stop()
        live.join(2.0)
