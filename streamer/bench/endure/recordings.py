"""Recordings of every container with bytes changed at random: none may crash, hang or fill the memory.

The files are those of `emoscope bench inputs`, cut to a few seconds. Each mutated file is replayed in a process of its
own, which is asked for one file after the other and is started again when it breaks.
"""

import random
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from ...protocol.errors import UsageError
from ..input_rows import ROWS, Row
from ..inputs import FFMPEG_MISSING, make_file
from .budget import Budget
from .reading_process import Answer, ReadingProcess
from .report import Curve, Held, PartReport

SECONDS = 3.0  # of the recording, which holds speech
HANG_S, MOST_MB = 10.0, 300.0
POINTS = 300  # of the picture, at most
HEAD_BYTES = 512  # where most containers keep what they promise; half of the mutations are there


class Originals:
    """The files as ffmpeg writes them, made when they are asked for.

    containers  the rows of each
    not_made    those that this machine's ffmpeg cannot make
    """

    def __init__(self, program: str, recording: Path, folder: Path) -> None:
        self.containers: dict[str, list[Row]] = {}
        for row in ROWS:
            self.containers.setdefault(row.container, []).append(row)
        self.not_made: set[Row] = set()
        self._program, self._folder, self._made = program, folder, dict[Row, bytes]()
        self._short = folder / "short.wav"
        subprocess.run(  # noqa: S603 - a fixed command line; the program was found on the path
            [program, "-v", "error", "-nostdin", "-y", "-i", str(recording), "-t", str(SECONDS), str(self._short)],
            check=True,
        )

    def content(self, row: Row) -> bytes | None:
        """The bytes of a file; None where it cannot be made."""
        if row not in self._made and row not in self.not_made:
            path = self._folder / f"original.{row.suffix}"
            if make_file(self._program, row, self._short, path):
                self.not_made.add(row)
            else:
                self._made[row] = path.read_bytes()
            path.unlink(missing_ok=True)
        return self._made.get(row)


@dataclass
class Tally:
    """What became of the files so far."""

    crashes: int = 0
    hangs: int = 0
    longest_s: float = 0.0
    peaks_mb: list[float] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """One more file."""
        self.crashes += answer.crashed
        self.hangs += answer.hung
        self.longest_s = max(self.longest_s, answer.seconds)
        self.peaks_mb.append(answer.peak_mb)


def run(budget: Budget) -> PartReport:
    """Mutate and replay files, one of each container after another. UsageError without ffmpeg."""
    program = shutil.which("ffmpeg")
    if program is None:
        raise UsageError(FFMPEG_MISSING)
    report, tally = PartReport("recordings"), Tally()
    with tempfile.TemporaryDirectory() as name, ReadingProcess(budget.model.model, HANG_S) as reader:
        originals, rounds = Originals(program, budget.audio, Path(name)), 0
        while not budget.over(rounds):
            for container, rows in originals.containers.items():
                row = rows[rounds % len(rows)]
                content = originals.content(row)
                if budget.left_s <= 0 or content is None:
                    continue
                path = Path(name) / f"mutated.{row.suffix}"
                path.write_bytes(mutated(content, budget.chance("recordings", container, rounds)))
                answer = reader.read(path)
                tally.add(answer)
                report.count("files")
                report.count(answer.outcome)
                if answer.crashed or answer.hung or answer.peak_mb > MOST_MB:
                    what = f"{container} {row.codec}, file {rounds}"
                    report.problem(f"{what}: {answer.outcome}, {answer.peak_mb:.0f} MB: {answer.message}")
            rounds += 1
    report.count("rounds", rounds)
    report.count("kinds that ffmpeg cannot make here", len(originals.not_made))
    peaks = tally.peaks_mb
    if not peaks:
        report.problem("the time was over before a file was read")
        return report
    report.count("s the longest file took", round(tally.longest_s, 2))
    report.held = [
        Held("crashes, and errors that are none of ours", tally.crashes, 0),
        Held("hangs: files that take 10 s of processor time", tally.hangs, 0),
        Held("largest resident memory of the reading process", max(peaks), MOST_MB, "MB"),
    ]
    step = max(1, len(peaks) // POINTS)
    largest = [max(peaks[i : i + step]) for i in range(0, len(peaks), step)]
    report.curves = [Curve("peak memory", "peak", [i * step for i in range(len(largest))], largest, "files", "MB")]
    return report


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A file with a few bytes changed, a piece left out, doubled or replaced, or its end cut off."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        if not data:
            break
        end = min(len(data), HEAD_BYTES) if chance.random() < 0.5 else len(data)
        at = chance.randrange(end)
        length = min(chance.choice((1, 2, 4, 8, 64, 1_024)), len(data) - at)
        match chance.randrange(7):
            case 0:
                data[at] ^= 1 << chance.randrange(8)
            case 1:
                data[at : at + length] = chance.randbytes(length)
            case 2:
                data[at : at + length] = chance.choice((b"\x00", b"\xff", b"\x7f", b"\x80")) * length
            case 3:
                del data[at : at + length]
            case 4:
                data[at:at] = data[at : at + length]
            case 5:
                data[at:at] = chance.randbytes(length)
            case _:
                if chance.random() < 0.3:
                    del data[at:]
    return bytes(data)
