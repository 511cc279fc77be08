"""A full disk, a folder that is read-only, a clock that jumps, no file descriptors, no memory for one more session.

Whoever asks gets a clear answer, and a stream that goes on meanwhile brings the events of a replay.
"""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from ...protocol.events import Error, decode
from .. import process_facts
from ..deployment import ServeProcess
from .budget import Budget
from .healthy import Voice, stream
from .limited_process import Limits
from .report import Held, PartReport

VOICE_S, SPEED = 8.0, 2.0
RUNNER = ("-m", "emoscope.streamer.bench.endure.limited_process")
ROOM_BYTES = 1_500  # of a full disk
HOUR_S = 3_600.0
COMMAND_S = 120.0
NEW_SESSIONS = 60
ANSWER_S = 10.0
FILES_LEFT = 4
WAITED, NOT_CONNECTED, DROPPED = "waited", "not connected", "dropped without an answer"
UNCLEAR = (WAITED, NOT_CONNECTED, DROPPED)
CLEAR = ("cannot be written", "not written", "stops here")


@dataclass
class Scene:
    """What the cases share."""

    budget: Budget
    voice: Voice
    folder: Path
    report: PartReport


Case = Callable[[Scene], list[str]]


def run(budget: Budget) -> PartReport:
    """Each case once a round, until the time is over; the first round is always completed."""
    report, rounds = PartReport("resources"), 0
    wrong: dict[str, int] = dict.fromkeys(CASES, 0)
    with tempfile.TemporaryDirectory() as folder:
        voice = Voice(budget.audio, budget.model, VOICE_S)
        while rounds == 0 or not budget.over(rounds):
            for name, case in CASES.items():
                place = Path(folder) / f"{rounds} {name}"
                place.mkdir()
                problems = case(Scene(budget, voice, place, report))
                wrong[name] += len(problems)
                for problem in problems:
                    report.problem(f"{name}: {problem}")
            rounds += 1
    report.count("rounds", rounds)
    report.held = [Held(f"{name}: unclear answers, and others disturbed", count, 0) for name, count in wrong.items()]
    return report


# --- commands that write


def full_disk(scene: Scene) -> list[str]:
    """A record and exports for which there is no room."""
    return _refused(scene, Limits(file_bytes=ROOM_BYTES), scene.folder)


def read_only(scene: Scene) -> list[str]:
    """A folder in which nothing may be made."""
    closed = scene.folder / "closed"
    closed.mkdir(mode=0o555)
    return _refused(scene, Limits(ordinary=True), closed)


def _refused(scene: Scene, limits: Limits, folder: Path) -> list[str]:
    audio = str(scene.budget.audio)
    commands = {
        "a record": ["replay", audio, "--record", str(folder / "records")],
        "a table": ["replay", audio, "--csv", str(folder / "talk.csv")],
        "a folder of tables": ["replay", audio, "--out", str(folder / "out"), "--format", "csv"],
    }
    found = []
    for what, arguments in commands.items():
        command = [sys.executable, *RUNNER, msgspec.json.encode(limits).decode(), *arguments]
        command += ["--model", scene.budget.model.model, "--asr", "none"]
        environment = {**os.environ, "EMOSCOPE_CONFIG": ""}
        done = subprocess.run(  # noqa: S603 - this interpreter, this package
            command, capture_output=True, text=True, check=False, timeout=COMMAND_S, env=environment
        )
        last = (done.stderr.strip().splitlines() or [""])[-1]
        if done.returncode == 0 or "Traceback" in done.stderr or not any(word in done.stderr for word in CLEAR):
            found.append(f"{what}: exit code {done.returncode}: {last[:160]}")
    return found


# --- the server


def jumping_clock(scene: Scene) -> list[str]:
    """The wall clock jumps an hour ahead and two hours back while a stream goes on."""
    clock = scene.folder / "clock"
    clock.write_text("0")
    limits = msgspec.json.encode(Limits(clock_file=str(clock))).decode()

    async def talk(server: ServeProcess) -> list[str]:
        going_on = asyncio.ensure_future(stream(server.url, scene.voice, SPEED))
        for offset in (HOUR_S, -HOUR_S, 0.0):
            await asyncio.sleep(VOICE_S / SPEED / 4)
            replaced = clock.with_suffix(".new")
            replaced.write_text(str(offset))
            replaced.replace(clock)
        return [*await going_on, *await stream(server.url, scene.voice, SPEED)]

    with _served(scene, (*RUNNER, limits)) as server:
        return asyncio.run(talk(server))


def no_files(scene: Scene) -> list[str]:
    """The server may open a few more file descriptors at most, while one stream goes on and others want to begin."""

    def take(server: ServeProcess) -> tuple[int, int]:
        before = resource.prlimit(server.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(
            server.pid, resource.RLIMIT_NOFILE, (process_facts.open_files(server.pid) + FILES_LEFT, before[1])
        )
        return before

    return _short_of(scene, resource.RLIMIT_NOFILE, take)


def no_memory(scene: Scene) -> list[str]:
    """The server gets no more memory, while one stream goes on and others want to begin."""

    def take(server: ServeProcess) -> tuple[int, int]:
        before = resource.prlimit(server.pid, resource.RLIMIT_AS)
        resource.prlimit(server.pid, resource.RLIMIT_AS, (process_facts.virtual_bytes(server.pid), before[1]))
        return before

    return _short_of(scene, resource.RLIMIT_AS, take)


def _short_of(scene: Scene, limit: int, take: Callable[[ServeProcess], tuple[int, int]]) -> list[str]:
    async def talk(server: ServeProcess) -> list[str]:
        going_on = asyncio.ensure_future(stream(server.url, scene.voice, SPEED))
        await asyncio.sleep(VOICE_S / SPEED / 4)
        before = take(server)
        try:
            answers = await asyncio.gather(*(_answer(server.url) for _ in range(NEW_SESSIONS)))
        finally:
            resource.prlimit(server.pid, limit, before)
        for answer in set(answers):
            scene.report.count(f"new sessions: {answer}", answers.count(answer))
        unclear = [f"a new session: {answer}" for answer in answers if answer in UNCLEAR]
        return [*unclear, *await going_on, *await stream(server.url, scene.voice, SPEED)]

    with _served(scene) as server:
        problems = asyncio.run(talk(server))
        return problems if server.running else [*problems, "the server ended"]


async def _answer(url: str) -> str:
    """What somebody gets who wants to begin a session."""
    try:
        async with asyncio.timeout(ANSWER_S), connect(url, compression=None, open_timeout=ANSWER_S) as socket:
            told = ""
            with contextlib.suppress(ConnectionClosed):
                await socket.send(bytes(3_200))
                await socket.send('{"type":"finish"}')
                async for text in socket:
                    event = decode(text)
                    told = f"error {event.code}" if isinstance(event, Error) else told
            return told or (DROPPED if socket.close_code in (None, 1006) else f"closed with {socket.close_code}")
    except InvalidStatus as refused:
        return f"refused ({refused})"
    except InvalidHandshake:  # an answer that is none
        return DROPPED
    except TimeoutError:
        return WAITED
    except OSError:
        return NOT_CONNECTED


@contextmanager
def _served(scene: Scene, runner: tuple[str, ...] = ("-m", "emoscope.streamer.cli")) -> Iterator[ServeProcess]:
    server = ServeProcess(scene.budget.model.model, "memory", runner)
    try:
        yield server
    finally:
        server.close()


CASES: dict[str, Case] = {
    "full disk": full_disk,
    "read-only folder": read_only,
    "jumping clock": jumping_clock,
    "no file descriptors": no_files,
    "no memory": no_memory,
}
