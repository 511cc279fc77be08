"""Lines to a terminal: on its second screen, so that the scrollback stays, and only those lines that changed."""

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
ENTER, LEAVE = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J", "\x1b[?7h\x1b[?25h\x1b[?1049l"


def can_paint(console: Console) -> bool:
    """A terminal with a second screen and a movable cursor; an old Windows console and TERM=dumb are not."""
    return console.is_terminal and not console.legacy_windows and not console.is_dumb_terminal


def ansi(line: Text, console: Console) -> str:
    """One line with its colours, as far as the console has any; NO_COLOR leaves bold and dim."""
    system = None if console.no_color else SYSTEMS.get(console.color_system or "")
    known = (console.encoding or "utf-8").lower().replace("-", "").startswith("utf")
    out = []
    for segment in line.render(console):
        text = segment.text if known else segment.text.translate(PLAIN).encode("ascii", "replace").decode("ascii")
        style = segment.style
        if style is None or not text:
            out.append(text)
        elif system is None:
            # Style.render without a colour system gives no attributes either.
            out.append(style.without_color.render(text, color_system=ColorSystem.STANDARD))
        else:
            out.append(style.render(text, color_system=system))
    return "".join(out)


class Painter:
    """The screen while it is up. `paint` may be called with any lines at any time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._shown: list[Text] = []
        self._size = (0, 0)

    def size(self) -> tuple[int, int]:
        """Columns and rows of the terminal now. One that tells none, as a fresh pseudo-terminal, is taken for 80x24."""
        try:
            size = os.get_terminal_size(self.console.file.fileno())
        except (OSError, ValueError):
            return self.console.width, self.console.height
        return (size.columns, size.lines) if size.columns and size.lines else (80, 24)

    def ready(self) -> bool:
        """The terminal takes more: one that was stopped (Ctrl+S) does not, and a write would wait for it forever."""
        if sys.platform == "win32":
            return True
        try:
            return bool(select.select([], [self.console.file.fileno()], [], 0)[1])
        except (OSError, ValueError):
            return True

    def enter(self) -> None:
        self._shown = []
        self._write(ENTER)

    def leave(self) -> None:
        self._write(LEAVE)

    def paint(self, lines: list[Text], size: tuple[int, int]) -> None:
        """Bring the screen to these lines, one a row from the top."""
        out = []
        if size != self._size:
            self._size, self._shown = size, []
            out.append("\x1b[2J")
        for row, line in enumerate(lines):
            if row >= len(self._shown) or line != self._shown[row]:
                out.append(f"\x1b[{row + 1};1H{ansi(line, self.console)}\x1b[K")
        self._shown = lines
        if out:
            self._write("".join(out))

    def _write(self, text: str) -> None:
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
            return  # the terminal itself has gone
