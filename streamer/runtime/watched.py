"""The blocks of a recording, with warnings about them for whoever drives the session."""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from ..protocol.events import WarningEvent
from ..sources.recordings import Recording
from .drive import Drive
from .input_watch import InputWatch

Block = npt.NDArray[np.float32]


def watched(blocks: Iterable[Block], recording: Recording, driver: Drive) -> Iterator[Block]:
    """The same blocks; the driver is told of clipping, silence, a narrow band, and channels that cancel each other."""
    watch = InputWatch(recording.sample_rate, recorded=True)
    told = False
    for block in blocks:
        driver.report(watch.check(block, None))
        if recording.heard.cancelled is not None and not told:
            told = True
            driver.report([channels_cancel(recording)])
        yield block
    driver.report(watch.finish())


def channels_cancel(recording: Recording) -> WarningEvent:
    """The mean of the channels is silent, so one of them is heard alone."""
    at, chosen = recording.heard.cancelled or 0.0, recording.heard.mixer.chosen
    return WarningEvent(
        code="channels_cancel",
        message=f"the channels cancel each other out, as where one is in opposite phase: channel {chosen} is heard "
        f"alone from {at:.1f} s on",
        start=round(at, 3),
    )
