"""Writing lines to a terminal: on the alternate screen, to keep the scrollback, and only the lines that changed."""

import os
import select
import sys
from types import TracebackType
from typing import Self

from rich.color import ColorSystem
from rich.console import Console
from rich.text import Text

from .palette import PLAIN

SYSTEMS = {"standard": ColorSystem.STANDARD, "256": ColorSystem.EIGHT_BIT, "truecolor": ColorSystem.TRUECOLOR}
CHUNK = 256  # bytes that a terminal which accepts output takes without blocking
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J", "\x1b[?7h\x1b[?25h\x1b[?1049l"


def can_paint(console: Console) -> bool:
    """Whether the terminal has an alternate screen and cursor control; old Windows consoles and TERM=dumb do not."""
    return console.is_terminal and not console.legacy_windows and not console.is_dumb_terminal


def ansi(line: Text, console: Console) -> str:
    """One line with escape sequences for its styles, in the console's colours. NO_COLOR keeps bold and dim."""
    system = None if console.no_color else SYSTEMS.get(console.color_system or "")
    unicode = (console.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    out = []
    for segment in line.render(console):
        text = segment.text if unicode else segment.text.translate(PLAIN).encode("ascii", "replace").decode("ascii")
        style = segment.style
        if style is None or not text:
            out.append(text)
        elif system is None:
            # Without a colour system Style.render would omit bold and dim too.
            out.append(style.without_color.render(text, color_system=ColorSystem.STANDARD))
        else:
            out.append(style.render(text, color_system=system))
    return "".join(out)


class Painter:
    """Paints frames on the alternate screen while it is entered.

    A frame never blocks: a terminal that is stopped in the middle of one, as by Ctrl+S, gets the rest when it goes on.
    Until then keys are still read, so the person can leave.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._shown: list[Text] = []
        self._size = (0, 0)
        self._rest = b""

    def size(self) -> tuple[int, int]:
        """The terminal's columns and rows; 80x24 for one that reports 0x0, as a new pseudo-terminal does."""
        try:
            size = os.get_terminal_size(self.console.file.fileno())
        except (OSError, ValueError):
            return self.console.width, self.console.height
        return (size.columns, size.lines) if size.columns and size.lines else (80, 24)

    def ready(self) -> bool:
        """Whether the terminal accepts a frame, after the rest of the last one. One that is stopped does not."""
        self._write_some()
        return not self._rest and self._accepts()

    def _accepts(self) -> bool:
        if sys.platform == "win32":
            return True
        try:
            return bool(select.select([], [self.console.file.fileno()], [], 0)[1])
        except (OSError, ValueError):
            return True

    def _has_descriptor(self) -> bool:
        try:
            return self.console.file.fileno() >= 0
        except (OSError, ValueError):  # a buffer
            return False

    def _write_some(self) -> None:
        """Write as much of the rest as the terminal takes without blocking."""
        while self._rest and self._accepts():
            written = os.write(self.console.file.fileno(), self._rest[:CHUNK])
            self._rest = self._rest[written:]

    def enter(self) -> None:
        """Switch to the alternate screen and hide the cursor."""
        self._shown = []
        self._write(ENTER)

    def leave(self) -> None:
        """Return to the normal screen and show the cursor."""
        self._write(LEAVE)

    def paint(self, lines: list[Text], size: tuple[int, int]) -> None:
        """Show these lines, one in each row from the top; only those that changed are written."""
        out = []
        if size != self._size:
            self._size, self._shown = size, []
            out.append("\x1b[2J")
        for row, line in enumerate(lines):
            if row >= len(self._shown) or line != self._shown[row]:
                out.append(f"\x1b[{row + 1};1H{ansi(line, self.console)}\x1b[K")
        self._shown = lines
        if not out:
            return
        if sys.platform == "win32" or not self._has_descriptor():
            self._write("".join(out))
            return
        self._rest += "".join(out).encode(self.console.encoding or "utf-8", "replace")
        self._write_some()

    def _write(self, text: str) -> None:
        """Write after the rest of the last frame, and wait for the terminal if it is stopped."""
        while self._rest:
            self._rest = self._rest[os.write(self.console.file.fileno(), self._rest) :]
        self.console.file.write(text)
        self.console.file.flush()

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.leave()
        except OSError:
            return  # the terminal was closed
