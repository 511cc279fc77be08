"""What an actor of the cluster does: it holds a model, and reads the recordings whose paths it is given."""

import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from ...protocol.errors import EmoscopeError
from ...runtime.replay_service import ReadPart, ReplayLoad, ReplayService
from ..cluster import one_line

PLACE, PATH, EVENTS, ERROR, BROKEN = "place", "path", "events", "error", "broken"

Row = dict[str, list[Any]]


class Reader:
    """Called with a batch of paths. A model that cannot be opened is told with the first batch, as `broken`.

    load    what every recording is read with
    folder  where relative paths begin: the one that the run was started in, where this node has it too
    """

    def __init__(self, load: ReplayLoad, folder: str) -> None:
        with suppress(OSError):
            os.chdir(folder)
        self._service = ReplayService()
        self._broken = ""
        try:
            self._service.load(load)
        except EmoscopeError as error:
            self._broken = str(error)

    def check(self) -> str:
        """Why the model cannot be opened; "" where it can."""
        return self._broken

    def __call__(self, batch: Mapping[str, Any]) -> Iterator[Row]:
        """A row for each recording: its place, its events as JSON lines, and what is wrong with it, or ""."""
        for place, path in zip(batch[PLACE], batch[PATH], strict=True):
            events, error = ([], "") if self._broken else self._read(bytes(path))
            yield {PLACE: [int(place)], EVENTS: [b"\n".join(events)], ERROR: [error], BROKEN: [self._broken]}

    def _read(self, path: bytes) -> tuple[list[bytes], str]:
        events: list[bytes] = []
        request = ReadPart(path=path)
        try:
            while True:
                part = self._service.answer(request)
                events += part.events
                if part.done:
                    return events, part.error
                request = ReadPart()
        except Exception as error:  # whatever a backend raises is a row, and the others are still read
            return events, f"{path.decode(errors='replace')}: cannot be read: {one_line(error)}"
