"""A process that replays one file after the other, whatever is in them, and its parent's side.

`python -m emoscope.streamer.bench.endure.reading_process MODEL` reads a path from each line, and answers with a line of
JSON: how it ended.
"""

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from select import select
from types import TracebackType
from typing import Self

from ...protocol.errors import EmoscopeError
from ..processes import processor_s

PEAK_RESET = "5"  # written to /proc/self/clear_refs: the peak is counted anew, see proc(5)
LONGEST_MESSAGE = 300
BUSY = 6.0
POLL_S = 0.2
COMMAND = ("-m", "emoscope.streamer.bench.endure.reading_process")


@dataclass(frozen=True)
class Answer:
    """How the reading of one file ended.

    seconds  of processor time
    outcome  "read to the end", "refused" (an error of ours: one line for the user), "crashed" or "hung"
    peak_mb  the largest resident memory of the process meanwhile
    """

    outcome: str
    message: str
    seconds: float
    peak_mb: float

    @property
    def crashed(self) -> bool:
        """The process ended, or an error escaped that would be a traceback."""
        return self.outcome == "crashed"

    @property
    def hung(self) -> bool:
        """It took too long, and was killed."""
        return self.outcome == "hung"


class ReadingProcess:
    """Reads files in a process of its own; `with ReadingProcess("small", 10.0) as reader: reader.read(path)`.

    timeout_s  processor time for one file, after which the process is killed; on a busy machine that may take long, but
               at most `BUSY` times as long
    command    what Python runs as the process (tests); the model's name is appended
    """

    def __init__(self, model: str, timeout_s: float, command: Sequence[str] = COMMAND) -> None:
        self._command = [sys.executable, *command, model]
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> Answer:
        """Replay a file."""
        process = self._running()
        assert process.stdin is not None and process.stdout is not None
        began = time.monotonic()
        process.stdin.write(f"{path}\n")
        process.stdin.flush()
        spent = processor_s(process.pid)
        while not select([process.stdout], [], [], POLL_S)[0]:
            used, waited = processor_s(process.pid) - spent, time.monotonic() - began
            if used >= self._timeout_s or waited >= BUSY * self._timeout_s:
                peak = peak_mb(process.pid)
                self._end()
                return Answer("hung", f"no answer after {used:.1f} s of processor time", max(used, waited), peak)
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            self._process = None
            return Answer("crashed", f"the process ended with {code}", time.monotonic() - began, 0.0)
        return Answer(**json.loads(line))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, this package
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            assert self._process.stdout is not None
            if not self._process.stdout.readline():
                raise EmoscopeError("the process that reads files did not start: try `emoscope doctor`")
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def peak_mb(pid: int | str) -> float:
    """The largest resident memory of a process since it was counted anew."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def main(model: str) -> None:
    """Answer until the input ends."""
    from ...engine.opening import open_engine
    from ...protocol.config import Config
    from ...runtime.replay import replay

    opened = open_engine(model, device="cpu", threads=1)
    config = Config(pace="fast", transcript=False)
    print("ready", flush=True)
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        Path("/proc/self/clear_refs").write_text(PEAK_RESET)
        began = time.process_time()
        outcome, message = "read to the end", ""
        try:
            for _ in replay(path, opened, config=config):
                pass
        except EmoscopeError as error:
            outcome, message = "refused", str(error)
        except Exception:
            outcome, message = "crashed", traceback.format_exc()[-LONGEST_MESSAGE:]
        answer = {"outcome": outcome, "message": message, "seconds": time.process_time() - began}
        print(json.dumps({**answer, "peak_mb": peak_mb("self")}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
