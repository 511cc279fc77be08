"""A Redis for the tests of this folder."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own; without it the test fails on CI and is skipped elsewhere."""
    program = shutil.which("redis-server")
    if program is None:
        message = "needs redis-server (Debian: redis-server)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    path = tmp_path_factory.mktemp("redis") / "redis.sock"
    command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not path.exists():
            assert process.poll() is None and time.monotonic() < until, "redis-server did not start"
            time.sleep(0.05)
        yield f"unix://{path}"
    finally:
        process.kill()
        process.wait()
