"""Each channel of a recording in a session of its own, and their events in the order of their times."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ..protocol.errors import EmoscopeError
from ..protocol.events import AnyEvent, SessionCreated
from ..sinks.record import event_time
from .drive import Drive

Block = npt.NDArray[np.float32]


class SharedBlocks:
    """Blocks (n, channels), of which each channel takes its own column in its own time.

    An error of the blocks reaches every channel, after the last block.
    """

    def __init__(self, blocks: Iterable[Block], channels: int) -> None:
        self._blocks = iter(blocks)
        self._waiting: list[deque[Block]] = [deque() for _ in range(channels)]
        self._ended = False
        self._error: EmoscopeError | None = None

    def channel(self, index: int) -> Iterator[Block]:
        """The blocks (n, 1) of one channel."""
        waiting = self._waiting[index]
        while waiting or self._fetch():
            yield waiting.popleft()
        if self._error is not None:
            raise self._error

    def _fetch(self) -> bool:
        if self._ended:
            return False
        try:
            block = next(self._blocks, None)
        except EmoscopeError as error:
            block, self._error = None, error
        self._ended = block is None
        if block is not None:
            for index, waiting in enumerate(self._waiting):
                waiting.append(block[:, index : index + 1])
        return block is not None


def merged(drivers: Sequence[Drive], parts: Sequence[Iterable[Block]]) -> Iterator[AnyEvent]:
    """The events of all channels, each with its `channel`, the earlier ones first; within a channel their order stays.

    An error is raised after the last event of the last channel.
    """
    failures: list[EmoscopeError] = []
    channels = [_timed(driver, part, index, len(drivers), failures) for index, (driver, part) in
                enumerate(zip(drivers, parts, strict=True))]  # fmt: skip
    for _, _, event in heapq.merge(*channels, key=lambda item: item[:2]):
        yield event
    if failures:
        raise failures[0]


def _timed(
    driver: Drive, blocks: Iterable[Block], index: int, channels: int, failures: list[EmoscopeError]
) -> Iterator[tuple[float, int, AnyEvent]]:
    """The events of a channel, with a time that never goes back."""
    time = 0.0
    try:
        for event in driver.run(blocks):
            time = max(time, event_time(event) or 0.0)
            if isinstance(event, SessionCreated):
                config = msgspec.structs.replace(event.config, channels=channels, channel_mode="split")
                event = msgspec.structs.replace(event, config=config, session_id=f"{event.session_id}-{index}")
            yield time, index, msgspec.structs.replace(event, channel=index)
    except EmoscopeError as error:
        failures.append(error)
