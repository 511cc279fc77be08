"""What was freed between blocks that stay goes back to the system."""

import subprocess
import sys

import pytest

PROGRAM = """
from emoscope.streamer.bench.process_facts import resident_bytes
from emoscope.streamer.runtime.free_memory import give_back
import os
kept, freed = [], []
for _ in range(1_000):
    freed.append(bytearray(b"x" * 100_000))
    kept.append(bytearray(b"x" * 1_000))
full = resident_bytes(os.getpid())
freed.clear()
before = resident_bytes(os.getpid())
give_back()
print(full - before, full - resident_bytes(os.getpid()), len(kept))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is given back by glibc")
def test_memory_between_blocks_that_stay_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    by_itself, given_back, _ = map(int, done.stdout.split())
    assert by_itself < 30_000_000, "the system has it already: this shows nothing"
    assert given_back > 80_000_000
