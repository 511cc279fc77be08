"""Screenshots: a frame written as SVG, HTML or plain text, chosen by the file's suffix."""

import io
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..protocol.errors import InputError, UsageError


def text_of(lines: list[Text]) -> str:
    """The frame as plain text."""
    return "\n".join(line.plain.rstrip() for line in lines) + "\n"


SUFFIXES = (".svg", ".html", ".txt")


def check(path: Path) -> None:
    """Raise UsageError for an unsupported suffix, before any audio is read."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise UsageError(f"--screenshot {path}: the suffix must be .svg, .html or .txt, not {suffix or 'empty'}")


def save(lines: list[Text], width: int, path: Path, title: str = "emoscope") -> None:
    """Write a frame to `path`. UsageError for an unsupported suffix, InputError when the file cannot be written."""
    check(path)
    console = Console(
        record=True, width=width, height=len(lines), file=io.StringIO(), force_terminal=True, color_system="truecolor",
        legacy_windows=False, no_color=False,
    )  # fmt: skip
    for line in lines:
        console.print(line, no_wrap=True, crop=False, overflow="ignore")
    match path.suffix.lower():
        case ".svg":
            content = console.export_svg(title=title, unique_id="emoscope")
        case ".html":
            content = console.export_html()
        case _:
            content = text_of(lines)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
