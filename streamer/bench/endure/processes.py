"""Processes that are killed, stopped for five seconds or run out of memory, at random moments, below live streams.

The victims are the model's process, the recognizer, the server itself and its Redis. A server or a Redis that ended is
started again at once, as systemd would; the other two the server replaces itself. One fault is over before the next
begins, which is when every stream has events again, and Redis the sessions: a session is promised to survive each, and
not two stores lost at the same time.
"""

import asyncio
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ...asr.recognizer import COMMAND as RECOGNIZER
from ...engine.process import COMMAND as ENGINE
from ...protocol.config import Config
from ...worker.backoff import LASTED_S
from .. import process_facts
from ..deployment import Redis, ServeProcess, deployed
from .budget import Budget
from .healthy import CONFIG, Voice, stream
from .report import Curve, Held, PartReport

VOICE_S, SPEED, STREAMS = 12.0, 1.0, 4
MOMENT_S = 1.0  # a fault happens within so long after the one before
STOPPED_S = 5.0
STARVED_S = 3.0  # for so long a process gets no more memory, unless it ends before
MEMORY_LEFT = 1 << 20  # bytes that it still gets
RESTART_S = 2.0
PUT_UP_S = 60.0  # at most, until the part gives up
STORED_S = 5.0  # until every session is in a Redis that has forgotten all
HEARD_S = 60.0  # until every stream has events again
POLL_S = 0.02
AGAIN_S = 0.5  # until a stream that could not begin tries again
FINISH_S = 90.0  # for the streams that are still going on at the end
GONE_S = 10.0  # for children of a killed server to notice
KEPT_CONNECTIONS = 4 * STREAMS  # to Redis: as many as were used at once stay open
WORKERS = ("model's process", "recognizer")  # what the server starts
WORDS = Config(pace="fast", transcript=True)


@dataclass
class Scene:
    """What faults happen to, and what came of them."""

    server: ServeProcess
    redis: Redis
    voice: Voice
    report: PartReport
    restarts_s: dict[str, list[float]] = field(default_factory=dict)
    streams: int = 0
    wrong: int = 0
    stuck: int = 0
    orphans: int = 0
    zombies: int = 0
    faults: int = 0
    over: bool = False
    started: dict[str, float] = field(default_factory=dict)
    heard: dict[int, float] = field(default_factory=dict)  # when each stream had its last event
    newest: list[str] = field(default_factory=list)  # the last faults

    def starts(self, name: str) -> None:
        """A victim was started again just now, and with the server all that it starts."""
        now = time.monotonic()
        self.started.update(dict.fromkeys((name, *WORKERS) if name == "server" else (name,), now))

    def lasted(self, name: str) -> float:
        """Seconds until a worker will have lasted so long that another one takes its place at once."""
        began = self.started.get(name, 0.0) if name in WORKERS else 0.0
        return max(0.0, began + LASTED_S - time.monotonic())


Victim = tuple[str, Callable[[Scene], int]]


VICTIMS: tuple[Victim, ...] = (
    (WORKERS[0], lambda scene: scene.server.worker(ENGINE[-1])),
    (WORKERS[1], lambda scene: scene.server.worker(RECOGNIZER[-1])),
    ("server", lambda scene: scene.server.pid),
    ("Redis", lambda scene: scene.redis.pid),
)
WAYS = ("kill -9", "SIGSTOP", "no memory")


def run(budget: Budget) -> PartReport:
    """Break one process after another until the time is over, or each was broken so often in each way."""
    report = PartReport("processes")
    with deployed(budget.model.model) as (server, redis):
        voice = Voice(budget.audio, budget.model, VOICE_S)
        before = process_facts.open_files(server.pid) - redis.connections
        kinds = process_facts.kinds_of_files(server.pid)
        scene = Scene(server, redis, voice, report)
        asyncio.run(_run(budget, scene))
        left_open, connections = _left_open(scene, before), redis.connections
        if left_open:
            report.problem(f"open are {process_facts.kinds_of_files(scene.server.pid)}, in the beginning {kinds}")
    report.count("streams", scene.streams)
    times = [one for found in scene.restarts_s.values() for one in found]
    report.held = [
        Held("streams that lost, doubled or changed a durable event", scene.wrong, 0),
        Held("longest time from kill -9 until all answer again", max(times, default=float("nan")), RESTART_S, "s"),
        Held("faults after which the server stayed away", scene.stuck, 0),
        Held("processes left behind by a killed server", scene.orphans, 0),
        Held("zombies", scene.zombies, 0),
        Held("file descriptors of the server left open, besides Redis", left_open, 0),
        Held("connections to Redis left open", connections, KEPT_CONNECTIONS),
    ]
    report.curves = [
        Curve("until all answer again", name, list(range(1, len(found) + 1)), found, "kill -9", "s")
        for name, found in scene.restarts_s.items()
    ]
    return report


async def _run(budget: Budget, scene: Scene) -> None:
    streams = [asyncio.ensure_future(_stream(scene, number, words=number == 0)) for number in range(STREAMS)]
    try:
        await asyncio.to_thread(_break_all, budget, scene)
    finally:
        scene.over = True
        _, late = await asyncio.wait(streams, timeout=FINISH_S)
        for one in late:
            one.cancel()
            scene.wrong += 1
            scene.report.problem(f"a stream did not end within {FINISH_S:g} s")


async def _stream(scene: Scene, number: int, *, words: bool) -> None:
    """One stream after another; with words, only the numbers and the utterances are compared."""

    def heard() -> None:
        scene.heard[number] = time.monotonic()

    while not scene.over:
        before = scene.heard.get(number)
        config = WORDS if words and scene.server.has_recognizer else CONFIG
        wrong = await stream(scene.server.url, scene.voice, SPEED, config, heard)
        if wrong and scene.heard.get(number) == before:  # a client that never had a session gives up, as it should
            scene.report.count("times that a stream could not begin")
            await asyncio.sleep(AGAIN_S)
            continue
        scene.streams += 1
        if wrong:
            scene.wrong += 1
            scene.report.problem(f"a stream, after {', '.join(scene.newest)}: {'; '.join(wrong[:3])}")


def _break_all(budget: Budget, scene: Scene) -> None:
    """In a thread: faults in a random order, each way on each victim once a round.

    Of the next two the one comes first that waits less for a victim that was started again just now.
    """
    victims = [victim for victim in VICTIMS if victim[0] != WORKERS[1] or scene.server.has_recognizer]
    rounds = 0
    while not budget.over(rounds):
        chance = budget.chance("processes", rounds)
        faults = [(victim, way) for victim in victims for way in WAYS]
        chance.shuffle(faults)
        while faults:
            if budget.left_s <= 0:
                return
            victim, way = fault = min(faults[:2], key=lambda one: scene.lasted(one[0][0]))
            faults.remove(fault)
            _break(scene, victim, way, chance)
        rounds += 1


def _break(scene: Scene, victim: Victim, way: str, chance: random.Random) -> None:
    name, find = victim
    time.sleep(scene.lasted(name) + MOMENT_S * (0.1 + chance.random()))
    pid, below = find(scene), scene.server.workers()
    if not pid:
        scene.report.problem(f"there is no {name} to break")
        return
    scene.faults += 1
    scene.report.count(f"{name}: {way}")
    scene.newest = [*scene.newest[-3:], f"{name}: {way}"]
    began = time.monotonic()
    match way:
        case "kill -9":
            os.kill(pid, signal.SIGKILL)
            while process_facts.state(pid) not in ("", "Z"):
                time.sleep(0.001)
        case "SIGSTOP":
            os.kill(pid, signal.SIGSTOP)
            time.sleep(STOPPED_S)
            os.kill(pid, signal.SIGCONT)
        case _:
            _starve(pid)
    _put_up(scene, name, way, pid, find)
    if find(scene) != pid:
        scene.starts(name)
    took = time.monotonic() - began
    if way == "kill -9":
        scene.restarts_s.setdefault(name, []).append(took)
        if took > RESTART_S:
            scene.report.problem(f"{name}, kill -9: {took:.1f} s until all answered again")
    if name == "server" and scene.server.pid != pid:
        scene.orphans += _left_behind(below)
    _wait_until_heard(scene)
    if name == "Redis":
        time.sleep(STORED_S)
    zombies = [one for one in scene.server.workers() if process_facts.state(one) == "Z"]
    scene.zombies += len(zombies)


def _starve(pid: int) -> None:
    """Give a process no more memory for a while, or until it ends."""
    before = resource.prlimit(pid, resource.RLIMIT_AS)
    resource.prlimit(pid, resource.RLIMIT_AS, (process_facts.virtual_bytes(pid) + MEMORY_LEFT, before[1]))
    until = time.monotonic() + STARVED_S
    while time.monotonic() < until and process_facts.state(pid) not in ("", "Z"):
        time.sleep(0.05)
    try:
        resource.prlimit(pid, resource.RLIMIT_AS, before)
    except ProcessLookupError:
        return


def _put_up(scene: Scene, name: str, way: str, pid: int, find: Callable[[Scene], int]) -> None:
    """Start again what nobody else would, and wait until all answer, or start all anew where that takes too long."""
    until = time.monotonic() + PUT_UP_S
    while not _all_answer(scene, pid, find):
        if time.monotonic() > until:
            scene.stuck += 1
            scene.report.problem(f"{name}, {way}: the server stayed away: {' '.join(scene.server.log[-2:])}")
            scene.server.close()
            scene.server.start()
            until = time.monotonic() + PUT_UP_S
        time.sleep(POLL_S)


def _wait_until_heard(scene: Scene) -> None:
    """Until every stream has an event again."""
    began = time.monotonic()
    while any(scene.heard.get(number, 0.0) < began for number in range(STREAMS)):
        if time.monotonic() > began + HEARD_S:
            scene.stuck += 1
            scene.report.problem(f"a stream had no event for {HEARD_S:g} s after {scene.newest[-1]}")
            return
        time.sleep(POLL_S)


def _all_answer(scene: Scene, pid: int, find: Callable[[Scene], int]) -> bool:
    if not scene.redis.running:
        scene.redis.start()
    if not scene.server.running:
        scene.server.start()
    replaced = process_facts.state(pid) not in ("", "Z") or find(scene) not in (0, pid)
    return replaced and scene.server.ready()


def _left_behind(pids: list[int]) -> int:
    """How many of these processes are still there after `GONE_S`."""
    until = time.monotonic() + GONE_S
    while (left := [pid for pid in pids if process_facts.state(pid) not in ("", "Z")]) and time.monotonic() < until:
        time.sleep(0.1)
    return len(left)


def _left_open(scene: Scene, before: int) -> int:
    """How many more file descriptors are open than in the beginning, once all streams are over."""
    until = time.monotonic() + GONE_S
    while True:
        more = process_facts.open_files(scene.server.pid) - scene.redis.connections - before
        if more <= 0 or time.monotonic() > until:
            return max(0, more)
        time.sleep(0.2)
