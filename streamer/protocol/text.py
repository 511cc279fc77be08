"""File names, device names, messages, transcripts and addresses as text that is safe to print."""

import os
import re
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


def clean_lines(message: str) -> str:
    """`message` with its line breaks, each line `clean`: it may repeat a file's name or what a server said."""
    return "\n".join(clean(line) for line in message.split("\n"))


def without_secrets(address: str) -> str:
    """The URL without what may be secret in it: the password, and the values of its query. Other text stays as it is.

    >>> without_secrets("redis://user:hidden@host:6379/0?password=hidden")
    'redis://user:...@host:6379/0?password=...'
    """
    if "://" not in address:
        return address
    without_password = re.sub(r"(://[^/@:?#]*):.*@", r"\1:...@", address)
    return re.sub(r"([?&][^=&#]*=)[^&#]*", r"\1...", without_password)
