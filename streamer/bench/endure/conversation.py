"""One connection of a client that sends whatever chance makes, and checks every answer."""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from ...protocol.events import AnyEvent, Error, SessionCreated, SessionUpdated, Status, decode
from .expected_answers import UPDATED, ExpectedAnswers, mismatch, refusal
from .message_makers import audio, broken, valid, wild

TEXTS, FRAMES = 50, 300  # of one connection, at most; 60 texts at once are within the protocol's limit
BURST = 250  # text messages at once, beyond the limit
BURST_READ = 60  # of these, at least, are read
ANSWER_S = 60.0
GONE_SHARE = 0.05  # connections that are cut and never finished
BURST_SHARE = 0.03
LATE = 5  # messages after `finish`


@dataclass
class Talk:
    """What one connection sent, and what was wrong with the answers ("" for nothing)."""

    messages: int = 0
    wrong: str = ""


@dataclass
class _Ear:
    """Reads the events of a connection."""

    socket: ClientConnection
    answers: list[str] = field(default_factory=list)
    statuses: int = 0
    last: AnyEvent | None = None
    updated: "asyncio.Queue[AnyEvent]" = field(default_factory=asyncio.Queue)

    async def listen(self) -> None:
        with suppress(ConnectionClosed):
            async for text in self.socket:
                event = self.last = decode(text)
                if isinstance(event, Status):
                    self.statuses += 1
                elif isinstance(event, SessionUpdated):
                    self.answers.append(UPDATED)
                    self.updated.put_nowait(event)
                elif isinstance(event, Error):
                    self.answers.append(refusal(event.code))


async def talk(url: str, chance: random.Random, sound: bytes) -> Talk:
    """Open a connection, send messages, and end it; what was sent, and what was wrong."""
    done = Talk()
    try:
        async with connect(url, compression=None, ping_interval=None, open_timeout=ANSWER_S, max_queue=None) as socket:
            created = decode(await socket.recv())
            assert isinstance(created, SessionCreated)
            expected, ear = ExpectedAnswers(created.config, created.limits), _Ear(socket)
            listening = asyncio.ensure_future(ear.listen())
            try:
                async with asyncio.timeout(ANSWER_S):
                    if chance.random() < BURST_SHARE:
                        done.wrong = await _burst(socket, ear, done)
                    else:
                        done.wrong = await _conversation(socket, ear, expected, chance, sound, done)
            finally:
                listening.cancel()
    except TimeoutError:
        done.wrong = f"no answer within {ANSWER_S:g} s"
    except (OSError, ConnectionClosed, InvalidHandshake) as error:
        done.wrong = f"the connection failed: {error}"
    return done


async def _burst(socket: ClientConnection, ear: _Ear, done: Talk) -> str:
    """More messages than the limit allows: some are answered, one error says that the rest is not read."""
    for _ in range(BURST):
        await socket.send('{"type":"nothing"}')
    done.messages += BURST
    while (limited := refusal("rate_limited")) not in ear.answers:
        await asyncio.sleep(0.01)
    await asyncio.sleep(1.0)  # until messages are read again
    await socket.send('{"type":"finish"}')
    await socket.wait_closed()
    unknown, told = ear.answers.count(refusal("unknown_type")), ear.answers.count(limited)
    if socket.close_code != 1000 or unknown < BURST_READ or unknown + told != len(ear.answers) or told > unknown:
        return f"a burst: {unknown} answers, {told} times told of the limit, closed with {socket.close_code}"
    return ""


async def _conversation(
    socket: ClientConnection, ear: _Ear, expected: ExpectedAnswers, chance: random.Random, sound: bytes, done: Talk
) -> str:
    makers: tuple[Callable[[random.Random], str], ...] = (valid, valid, broken, wild)
    allowed: list[tuple[str, ...]] = []
    sent: list[str | bytes] = []

    async def send(message: str | bytes) -> None:
        right = expected.audio(message) if isinstance(message, bytes) else expected.text(message)
        allowed.append(right)
        sent.append(message)
        done.messages += 1
        await socket.send(message)
        if right == (UPDATED,):
            event = await ear.updated.get()
            assert isinstance(event, SessionUpdated)
            expected.updated(event.config)

    texts, frames = chance.randrange(1, TEXTS - LATE - 1), chance.randrange(FRAMES)
    with suppress(ConnectionClosed):
        for _ in range(texts):
            if expected.closes:
                break
            await send(chance.choice(makers)(chance))
            for _ in range(frames // texts if chance.random() < 0.7 else 0):
                if not expected.closes:
                    await send(audio(chance, expected.config, sound))
        if not expected.closes:
            if chance.random() < GONE_SHARE:
                socket.transport.abort()
                return ""
            await send('{"type":"finish"}')
            for _ in range(chance.randrange(LATE)):
                await socket.send(audio(chance, expected.config, sound)[:320])
                allowed.append((refusal("invalid_audio_frame"), ""))
    await socket.wait_closed()
    await asyncio.sleep(0)
    wrong = mismatch(ear.answers, allowed)
    if not wrong and socket.close_code not in expected.closes:
        wrong = f"closed with {socket.close_code}, not with {sorted(expected.closes)}"
    if wrong and (number := wrong.partition("message ")[2].split(" ")[0]).isdigit():
        wrong += f": {_shown(sent[int(number)])}" if int(number) < len(sent) else ""
    return wrong


def _shown(message: str | bytes) -> str:
    return f"{len(message)} bytes" if isinstance(message, bytes) else json.dumps(message[:120])
