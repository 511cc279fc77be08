"""C code is silenced; Python's own lines are not, unless a screen is up."""

import os
import subprocess
import sys

SCRIPT = """
import os, sys, tempfile
from emoscope.streamer.sources import stderr_redirect
def say(text):
    os.write(2, b"C" + text.encode())
    print("P" + text, file=sys.stderr, flush=True)
say("0 ")
with stderr_redirect.quiet_stderr():
    say("1 ")
    early = sys.stderr
    with stderr_redirect.quiet_stderr(screen=True):
        say("2 ")
    say("3 ")
say("4 ")
print("late", file=early, flush=True)
"""


def test_only_c_code_is_silenced(tmp_path: object) -> None:
    """While descriptor 2 is redirected warnings still reach the person; under a screen nothing does."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=os.environ | {"TMPDIR": str(tmp_path)},
                          capture_output=True, timeout=60, text=True, check=True)  # fmt: skip
    assert done.stderr.split() == ["C0", "P0", "P1", "P3", "C4", "P4", "late"]
