"""Names of files and devices as text that a line can hold. Light: the screen needs them before anything is loaded."""

import os
import unicodedata
from pathlib import Path

STEERING = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"


def printable(path: str | Path) -> str:
    """A path as text, also one whose name is none."""
    return os.fsencode(path).decode("utf-8", "replace")


def clean(name: str) -> str:
    """A name, or what was said, on one line: control characters in it would tear the screen, or steer the terminal.

    Joiners stay: Persian, Hindi and others write with them.
    """
    return "".join(sign if sign in JOINERS or unicodedata.category(sign) not in STEERING else "�" for sign in name)
