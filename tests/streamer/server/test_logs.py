"""The log of `emoscope serve`: one JSON object a line, whoever writes it."""

import json
import subprocess
import sys

LIBRARIES_TALK = """
import asyncio, logging
from emoscope.streamer.server.logs import Log, to_stderr

to_stderr()
Log().info("opened", session="5f0c")
logging.getLogger("asyncio").warning("socket.send() raised exception.")  # as often as somebody's cable is pulled

async def fail():
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0.01)

asyncio.run(fail())
"""


def test_what_the_event_loop_reports_is_a_line_of_the_log_like_any_other() -> None:
    done = subprocess.run([sys.executable, "-c", LIBRARIES_TALK], capture_output=True, text=True, check=True)
    opened, failed = (json.loads(line) for line in done.stderr.splitlines())
    assert (opened["event"], opened["session"]) == ("opened", "5f0c")
    assert failed["level"] == "error" and "ZeroDivisionError" in failed["trace"]
