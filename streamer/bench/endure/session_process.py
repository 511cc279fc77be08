"""A process that hears the programme in one session.

`python -m emoscope.streamer.bench.endure.session_process REQUEST`: REQUEST says, as JSON, which model and recording,
and for how long. It prints the figures of each cycle as JSON.
"""

import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from ...engine.opening import open_engine
from ...protocol.config import Config
from ...protocol.events import AnyEvent, EmotionFinal, SessionClosed
from ...session.session import Session
from ...testing import answer_all
from ..process_facts import resident_bytes
from .programme import Programme
from .session import Cycles


def main(model: str, audio: str, seconds: float, most: int | None) -> None:
    """Hear whole cycles until the time is over, or so many were heard."""
    opened = open_engine(model, device="cpu", threads=1)
    session = Session(opened.contract, Config(pace="fast", transcript=False))
    programme, cycles = Programme(Path(audio)), Cycles()
    until = time.monotonic() + seconds

    def take(events: list[AnyEvent]) -> None:
        for event in events:
            if isinstance(event, EmotionFinal):
                cycles.spans.append((event.start, event.end))
            elif isinstance(event, SessionClosed):
                cycles.audio_s = event.totals.audio_s

    while cycles.count == 0 or not (time.monotonic() > until or (most is not None and cycles.count >= most)):
        steps: dict[str, list[float]] = {}
        for kind, block in programme.cycle():
            began = time.process_time()
            take(answer_all(session, opened.engine, *session.feed(block)))
            steps.setdefault(f"a step in {kind}", []).append((time.process_time() - began) * 1e3)
        memory = {"the process": resident_bytes(os.getpid()) / 1e6}
        cycles.note(memory, {kind: median(spent) for kind, spent in steps.items()})
    take(answer_all(session, opened.engine, *session.finish()))
    print(json.dumps(asdict(cycles)))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
