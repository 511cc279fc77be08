"""Messages of clients: real ones, real ones with bytes changed, and random ones."""

import json
import random

from ...protocol.config import Config
from .recordings import mutated

UPDATES: tuple[dict[str, object], ...] = (
    {},
    {"interim": False},
    {"interval_s": 1.0},
    {"interval_s": 0.0},
    {"sample_rate": 8_000, "encoding": "mulaw"},
    {"sample_rate": 48_000},
    {"sample_rate": 96_000},
    {"encoding": "pcm_f32le"},
    {"encoding": "opus"},
    {"channels": 2},
    {"channels": 2, "channel_mode": "split"},
    {"pace": "fast"},
    {"language": "en"},
    {"attention": False},
    {"half_life_s": 60.0},
    {"vad": {"backend": "webrtc", "min_silence_s": 0.3}},
    {"vad": {"threshold": 2.0}},
    {"no_such_option": 1},
)
VALID = (
    {"type": "flush"},
    {"type": "reset"},
    {"type": "keepalive"},
    {"type": "keepalive", "last_seq": 0},
    {"type": "keepalive", "last_seq": [0, 0]},
    {"type": "enroll", "seconds": 5.0},
    {"type": "session.resume", "session_id": "5f0c", "resume_token": "kJ3", "last_seq": 0},
)
LEAVES: tuple[object, ...] = (None, True, 0, -1, 1e308, 2**63, 2**70, "", "\u0000", "\ud83d\ude00", "x" * 300)
FIELDS = ("type", "config", "seconds", "last_seq", "session_id", "resume_token", "sample_rate", "x")
AUDIO_MS = (2, 5, 10, 20)


def valid(chance: random.Random) -> str:
    """A message as the protocol describes it, though perhaps not at its time."""
    if chance.random() < 0.4:
        return json.dumps({"type": "session.update", "config": chance.choice(UPDATES)})
    return json.dumps(chance.choice(VALID))


def broken(chance: random.Random) -> str:
    """A valid message with bytes changed; what is no UTF-8 any more is replaced, since websockets refuse it."""
    return mutated(valid(chance).encode(), chance).decode("utf-8", "replace")


def wild(chance: random.Random) -> str:
    """JSON of any form with the protocol's names in it, or no JSON at all."""
    if chance.random() < 0.3:
        return chance.randbytes(chance.randrange(60)).decode("latin-1")
    if chance.random() < 0.1:
        return "[" * chance.randrange(1, 3_000)
    return json.dumps(_any(chance, 3))


def _any(chance: random.Random, depth: int) -> object:
    kind = chance.randrange(4) if depth else 0
    if kind == 1:
        return [_any(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind >= 2:
        made = {chance.choice(FIELDS): _any(chance, depth - 1) for _ in range(chance.randrange(4))}
        if chance.random() < 0.5:
            made["type"] = chance.choice(VALID)["type"]
        return made
    return chance.choice(LEAVES)


def audio(chance: random.Random, config: Config, sound: bytes) -> bytes:
    """A frame: of a recording, random, of half a sample, of values that sound cannot have, or too long."""
    width = {"pcm_s16le": 2, "pcm_f32le": 4, "mulaw": 1}[config.encoding] * config.channels
    size = width * round(config.sample_rate * chance.choice(AUDIO_MS) / 1e3)
    kind = chance.random()
    if kind < 0.9 and config.encoding == "pcm_s16le":
        at = 2 * chance.randrange(max(1, (len(sound) - size) // 2))
        return sound[at : at + size]
    if kind < 0.95:
        return chance.randbytes(size)
    if kind < 0.98:
        return chance.randbytes(size + chance.randrange(width))
    if kind < 0.985:
        return bytes(width * round(config.sample_rate * 10.01))
    if kind < 0.986:
        return bytes(1_100_000)
    return chance.choice((b"\xff", b"\x7f", b"\x00")) * size
