"""What a connection needs of its websocket, whichever server holds it."""

from collections.abc import AsyncIterator
from typing import Protocol


class ClientSocket(Protocol):
    """An open websocket. Only `messages` and `close` wait.

    A message that is longer than the server allows is answered with `message_too_large` and close code 1009 by whoever
    implements this.
    """

    @property
    def path(self) -> str:
        """Path and query of the request that opened it."""

    @property
    def is_open(self) -> bool:
        """Whether messages can still be sent."""

    @property
    def close_code(self) -> int | None:
        """With which it was closed, by whichever side; None while it is open."""

    @property
    def too_large(self) -> bool:
        """Whether it was closed because of a message that was too long."""

    @property
    def unsent_bytes(self) -> int:
        """Bytes of messages that were posted and not yet taken by the network, as far as that is known here."""

    def messages(self) -> AsyncIterator[str | bytes]:
        """The client's messages until the socket is closed, by whichever side."""

    def post(self, data: bytes) -> None:
        """Send `data` as one text message, without waiting; on a closed socket nothing happens."""

    async def close(self, code: int, reason: str) -> None:
        """Close it, and wait until that is done."""

    def abort(self) -> None:
        """Drop the connection without a closing handshake."""
