"""A frame as a picture: SVG, HTML or plain text, by the file's name."""

import io
from pathlib import Path

from rich.console import Console
from rich.text import Text

from ..errors import InputError, UsageError


def text_of(lines: list[Text]) -> str:
    """The frame as plain text."""
    return "\n".join(line.plain.rstrip() for line in lines) + "\n"


def save(lines: list[Text], width: int, path: Path, title: str = "emoscope") -> None:
    """Write the frame to `path`: .svg, .html or .txt."""
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
        case ".txt":
            content = text_of(lines)
        case suffix:
            raise UsageError(f"--screenshot {path}: {suffix or 'no suffix'}; .svg, .html and .txt can be written")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
