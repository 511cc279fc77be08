"""File names, device names and transcripts as text that is safe to print on one line."""

import os
import unicodedata
from pathlib import Path

CONTROL_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"


def printable(path: str | Path) -> str:
    """A path as text; bytes that are not UTF-8 become `�`."""
    return os.fsencode(path).decode("utf-8", "replace")


def clean(name: str) -> str:
    """`name` without control characters, which could break the screen or send commands to the terminal.

    The zero-width joiners stay, because Persian, Hindi and other languages are written with them.
    """
    return "".join(
        character if character in JOINERS or unicodedata.category(character) not in CONTROL_CATEGORIES else "�"
        for character in name
    )
