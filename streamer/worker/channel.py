"""Whole messages over a `multiprocessing.connection`, in both directions. Nothing is pickled."""

import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Generic, Protocol, TypeVar

from ..protocol.errors import RecordInvalid
from .codec import Buffer, Codec

Out = TypeVar("Out")
In = TypeVar("In")


class ByteConnection(Protocol):
    """What is used of `multiprocessing.connection.Connection`, and of `PipeConnection` on Windows."""

    def fileno(self) -> int:
        """The file descriptor, or on Windows the handle."""

    def send_bytes(self, buf: Buffer) -> None:
        """Send one frame."""

    def recv_bytes(self, maxlength: int | None = None) -> bytes:
        """Receive one frame; EOFError at the end, OSError if it is longer than `maxlength`."""

    def close(self) -> None:
        """Close the descriptor."""


class Channel(Generic[Out, In]):
    """Sends messages of one type and receives messages of another; one thread may send while another receives.

    copy  whether arrays that are received own their memory, see `Codec.decode`
    """

    def __init__(self, connection: ByteConnection, outgoing: Codec[Out], incoming: Codec[In], *, copy: bool) -> None:
        self._connection, self._outgoing, self._incoming, self._copy = connection, outgoing, incoming, copy

    def send(self, message: Out) -> None:
        """Send a message; waits until the system has taken it.

        RecordInvalid, before anything is sent, if it is too large; OSError if nobody receives it any more.
        """
        self.send_frames(self.frames(message))

    def frames(self, message: Out) -> list[Buffer]:
        """The frames of a message. RecordInvalid if it is too large."""
        return self._outgoing.encode(message)

    def send_frames(self, frames: Sequence[Buffer]) -> None:
        """Send the frames of one message; OSError if nobody receives them any more."""
        for frame in frames:
            self._connection.send_bytes(frame)

    def receive(self) -> In:
        """Wait for the next message.

        EOFError or OSError if the other side has closed, RecordInvalid if what came is no message.
        """
        left = self._incoming.max_bytes
        frames = [self._frame(left)]
        for _ in range(self._incoming.frames_after(frames[0])):
            left -= len(frames[-1])
            frames.append(self._frame(left))
        return self._incoming.decode(frames, copy=self._copy)

    def close(self) -> None:
        """Let the connection go. No thread may be in `send` or `receive`."""
        self._connection.close()

    def _frame(self, max_bytes: int) -> bytes:
        try:
            return self._connection.recv_bytes(max(0, max_bytes))
        except OSError as error:
            # The library tells a frame that is too long from a connection that broke by these words alone.
            if str(error) == "bad message length":
                raise RecordInvalid(f"a frame from another process is longer than {max_bytes} bytes") from None
            raise


def connection_of(handle: int) -> ByteConnection:
    """The connection of an inherited file descriptor, or on Windows of an inherited handle."""
    if sys.platform == "win32":
        from multiprocessing.connection import PipeConnection

        return PipeConnection(handle)
    return Connection(handle)
