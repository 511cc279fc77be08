"""The painter on a terminal of its own."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import tty

import pytest
from rich.console import Console
from rich.text import Text

from emoscope.streamer.display.terminal import Painter

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals there")


@pytest.mark.parametrize(("told", "taken"), [((0, 0), (80, 24)), ((40, 100), (100, 40))])
def test_a_terminal_that_tells_no_size_is_taken_for_the_usual_one(
    told: tuple[int, int], taken: tuple[int, int]
) -> None:
    """A terminal that reports 0x0 shows a screen of 80x24, and one that has a size its own."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", *told, 0, 0))
    with open(slave, "w") as terminal:
        assert Painter(Console(file=terminal)).size() == taken
    os.close(master)


def test_a_stopped_terminal_is_not_ready() -> None:
    """Between Ctrl+S and Ctrl+Q a frame is skipped, not waited for."""
    master, slave = pty.openpty()
    with open(slave, "w") as terminal:
        painter = Painter(Console(file=terminal))
        assert painter.ready()
        termios.tcflow(slave, termios.TCOOFF)
        assert not painter.ready()
        termios.tcflow(slave, termios.TCOON)
        assert painter.ready()
    os.close(master)


def test_a_frame_that_a_terminal_does_not_take_whole_does_not_block() -> None:
    """Stopped in the middle of a frame, the terminal gets the rest of it, in order, when it goes on."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 400, 200, 0, 0))
    tty.setraw(slave)
    lines = [Text(f"{row:04} " + "x" * 190) for row in range(400)]
    with open(slave, "w") as terminal:
        painter = Painter(Console(file=terminal, force_terminal=True))
        painter.paint(lines, (200, 400))  # nobody reads: without the rest it would wait here for ever
        assert not painter.ready()
        read = b""
        while not painter.ready():
            read += os.read(master, 65_536)
        while select.select([master], [], [], 0)[0]:
            read += os.read(master, 65_536)
    os.close(master)
    assert re.findall(rb"(\d{4}) x", read) == [b"%04d" % row for row in range(400)]
