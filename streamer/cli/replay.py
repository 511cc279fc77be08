"""`emoscope replay`: recordings through the live path, and records shown again."""

from dataclasses import dataclass

from .command import Command
from .options import shortcomings
from .replay_options import ReplayOptions


@dataclass(frozen=True, kw_only=True)
class Replay(ReplayOptions):
    """Read recordings as they would have been read live."""

    def run(self) -> int:
        """Draw one picture, show one file on the screen, or read all files as fast as possible."""
        hint = shortcomings(self.model, self.recognizer)
        if self.screenshot is not None:
            from .replay_screen import screenshot

            return screenshot(self, self.screenshot)
        from .replay_screen import is_for_screen, show

        if is_for_screen(self):
            return show(self)
        from .replay_files import read_files

        return read_files(self, hint)


command = Command("replay", "read the emotions of recordings, as they would have been read live", Replay, shares=True)
