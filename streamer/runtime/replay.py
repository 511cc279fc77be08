"""A recording through the live path: the same session, engine and events as a microphone."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.speaker import SpeakerProfile

from ..asr import Recognizer, choose, prepare
from ..engine.opening import KEEP_THREADS, OpenedModel, Runtime, open_engine
from ..protocol.config import Config, checked
from ..protocol.events import AnyEvent
from ..protocol.text import printable
from ..session.requests import Engine, with_words
from ..session.session import Session
from ..sources.input_format import AS_IT_IS, InputFormat
from ..sources.recordings import Recording
from .clock import Clock, WallClock
from .drive import Drive
from .split import SharedBlocks, merged
from .watched import watched

if TYPE_CHECKING:
    from emoscope.models.model import StreamModel

BLOCK_S = 1.0  # as fast as it goes: windows of a second make a batch
LIVE_BLOCK_S = 0.1  # paced: what a sound card hands over


def replay(
    path: str | Path,
    model: "str | Path | StreamModel | OpenedModel" = "small",
    *,
    config: Config | None = None,
    asr: str | Recognizer | None = None,
    speed: float | None = None,
    device: str = "auto",
    engine: Runtime = "auto",
    clock: Clock | None = None,
    voice: SpeakerProfile | None = None,
    input: InputFormat = AS_IT_IS,
) -> Iterator[AnyEvent]:
    """The events of one recording, as it would have been read live.

    model   a shipped model's name, a folder, a loaded model, or one that was opened before
    config  session options; rate and channels are the file's
    asr     the recognizer of its words, as `--asr` names it, or one that is running already; None for no words
    speed   1 is real time; None as fast as it goes
    device  where the model runs: cpu, cuda, cuda:N, or auto, the GPU where there is one
    engine  what computes: torch, onnx, or auto, as for `open_engine`; a model that was opened before keeps its own
    voice   what is known of the voice before
    clock   paces a replay at `speed`; the wall's if None
    input   which channels are read, and what the samples are where no header says it; with `split`, each channel has a
            session of its own, and the events of all come in the order of their times

    Raises UnreadableAudio before the first event when the file cannot be opened, or after the last when it breaks
    off: what came before is read out first.

    >>> for event in replay("speech.flac"):                            # doctest: +SKIP
    ...     print(event)
    """
    if isinstance(model, OpenedModel):
        opened = model
    else:
        opened = open_engine(model, device=device, threads=KEEP_THREADS, engine=engine)
    config = config or Config(pace="fast")
    with Recording(Path(path), input) as recording, ExitStack() as stack:
        choice = choose(asr) if isinstance(asr, str) else None
        recognizer = stack.enter_context(Recognizer(choice)) if choice else asr if isinstance(asr, Recognizer) else None
        if speed is None:
            blocks: Iterable[npt.NDArray[np.float32]] = recording.blocks(BLOCK_S)
        else:
            blocks = paced(recording.blocks(LIVE_BLOCK_S), recording.sample_rate, speed, clock or WallClock())
        if input.channels == "split":
            drivers = [drive(recording, opened, config, recognizer, voice) for _ in range(recording.channels)]
            shared = SharedBlocks(blocks, recording.channels)
            parts = [watched(shared.channel(i), recording, one) for i, one in enumerate(drivers)]
            yield from merged(drivers, parts)
        else:
            driver = drive(recording, opened, config, recognizer, voice)
            yield from driver.run(watched(blocks, recording, driver))


def drive(
    recording: Recording,
    opened: OpenedModel,
    config: Config,
    recognizer: Recognizer | None = None,
    voice: SpeakerProfile | None = None,
) -> Drive:
    """The session of a recording, or of one of its channels, with what answers its requests.

    The arguments are those of `replay`.
    """
    words = prepare(recognizer, config)
    options = {"sample_rate": recording.sample_rate, "channels": 1, **words.options}
    session = Session(opened.contract, with_source(config, options), voice, transcribe=words.recognizer is not None)
    answers: Engine = opened.engine
    if words.recognizer is not None:
        answers = with_words(answers, words.recognizer)
    return Drive(session, answers, printable(recording.path), words.warnings)


def with_source(config: Config, options: Mapping[str, object]) -> Config:
    """The config with what only the source knows; checked again."""
    return checked({**msgspec.to_builtins(config), **options})


def paced(
    blocks: Iterable[npt.NDArray[np.float32]], sample_rate: int, speed: float, clock: Clock
) -> Iterator[npt.NDArray[np.float32]]:
    """Each block at the time at which its last sample was recorded, `speed` times as fast."""
    began, count = clock.now(), 0
    for block in blocks:
        count += len(block)
        clock.sleep(max(0.0, began + count / sample_rate / speed - clock.now()))
        yield block
