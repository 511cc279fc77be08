"""How a socket is closed: what was said goes out first, and a peer that takes nothing holds nobody up."""

import asyncio

from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from .outbox import Outbox

FLUSH_S = 2.0  # for events that wait
HANDSHAKE_S = 2.0  # for a peer whose buffers are full
STEP_S = 0.05


async def part(socket: ServerConnection, outbox: Outbox, code: int, reason: str) -> None:
    """Everything in the outbox, as far as it is taken, then the closing handshake."""
    for _ in range(round(FLUSH_S / STEP_S)):
        outbox.pump()
        if outbox.empty or socket.state is not State.OPEN:
            break
        await asyncio.sleep(STEP_S)
    if socket.transport.get_write_buffer_size():
        asyncio.get_running_loop().call_later(HANDSHAKE_S, socket.transport.abort)
    await socket.close(code, reason)
