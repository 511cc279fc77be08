"""The painter on a terminal of its own."""

import fcntl
import os
import pty
import struct
import sys

import pytest
from rich.console import Console

from emoscope.streamer.display.terminal import Painter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")


@pytest.mark.parametrize(("told", "taken"), [((0, 0), (80, 24)), ((40, 100), (100, 40))])
def test_a_terminal_that_tells_no_size_is_taken_for_the_usual_one(
    told: tuple[int, int], taken: tuple[int, int]
) -> None:
    """A terminal that reports 0x0 shows a screen of 80x24, and one that has a size its own."""
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *told, 0, 0))
    with open(slave, "w") as terminal:
        assert Painter(Console(file=terminal)).size() == taken
    os.close(master)


def test_a_stopped_terminal_is_not_ready() -> None:
    """Between Ctrl+S and Ctrl+Q a frame is skipped, not waited for."""
    import termios

    master, slave = pty.openpty()
    with open(slave, "w") as terminal:
        painter = Painter(Console(file=terminal))
        assert painter.ready()
        termios.tcflow(slave, termios.TCOOFF)
        assert not painter.ready()
        termios.tcflow(slave, termios.TCOON)
        assert painter.ready()
    os.close(master)
