"""A process that replays so many seconds of sound and prints its largest resident memory.

`python -m emoscope.streamer.bench.replay_memory MODEL FILE SECONDS ENGINE`
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..engine.opening import Runtime, open_engine
from ..protocol.config import Config
from ..runtime.replay import BLOCK_S, drive
from ..sources.recordings import Recording


def repeated(path: Path, seconds: float) -> Iterator[npt.NDArray[np.float32]]:
    """The blocks of a recording, read from the file again and again, until `seconds` are over."""
    left = seconds
    while left > 0:
        with Recording(path) as recording:
            for block in recording.blocks(BLOCK_S):
                yield block
                left -= len(block) / recording.sample_rate
                if left <= 0:
                    break


def main(model: str, path: Path, seconds: float, engine: Runtime) -> None:
    """Read, and print the peak in MB as JSON."""
    import resource

    opened = open_engine(model, device="cpu", threads=1, engine=engine)
    with Recording(path) as recording:
        driver = drive(recording, opened, Config(pace="fast", transcript=False))
    for _ in driver.run(repeated(path, seconds)):
        pass
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"peak_mb": peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4])  # type: ignore[arg-type]
