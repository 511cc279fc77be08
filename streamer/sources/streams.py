"""What is read once, from its beginning on: pipes, standard input, and a file that another process still writes."""

import time
from collections.abc import Callable
from typing import BinaryIO

IDLE_S = 10.0
POLL_S = 0.1
PLACEHOLDER = b"\xff\xff\xff\xff"


class OneWay:
    """A file of which only `read` is known, so that nobody tries to seek in a pipe.

    Whole blocks are returned, because FFmpeg takes a short read for what there is at the moment.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int) -> bytes:
        """The next bytes; b"" at the end."""
        return self._file.read(size)


class GrowingFile:
    """A file that another process still writes: its end is waited for.

    It has ended when nothing was added for `idle_s`. A WAV file's header is passed on with a placeholder for its
    length, because the writer corrects it later.

    wait, now  a pause in seconds, and seconds that only go forward
    """

    def __init__(
        self,
        file: BinaryIO,
        idle_s: float = IDLE_S,
        wait: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file, self._idle_s, self._wait, self._now = file, idle_s, wait, now
        self._begun = False

    def read(self, size: int) -> bytes:
        """The next bytes, as soon as there are some; b"" when the file has ended."""
        since = self._now()
        while not (data := self._file.read(size)):
            if self._now() - since >= self._idle_s:
                return b""
            self._wait(POLL_S)
        if not self._begun:
            self._begun = True
            data = without_length(data)
        return data


def without_length(head: bytes) -> bytes:
    """The beginning of a WAV file with its lengths as a program writes them that does not know them; else unchanged."""
    at = head.find(b"data", 12)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or at < 0 or len(head) < at + 8:
        return head
    return head[:4] + PLACEHOLDER + head[8 : at + 4] + PLACEHOLDER + head[at + 8 :]
