"""emoscope.toml: options that hold where the command line names none.

    model = "whisper"          # options that listen, replay, send and serve share
    min_silence_s = 0.8

    [listen]                   # one command's own options, and what differs for it alone
    input = "Yeti"

    [bench.replay]
    rounds = 5

A key is the option's long name with underscores. Only one file is read: that of `--config`, or of the variable
EMOSCOPE_CONFIG (empty: none), or emoscope.toml in the working folder, or the one in the user's config folder.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from ..protocol.errors import UsageError
from .command import AnyCommand, Command, CommandGroup
from .options import ModelOptions, RecognizerOptions
from .session_options import DetectorOptions, SessionOptions, SpeakerOptions

NAME = "emoscope.toml"
VARIABLE = "EMOSCOPE_CONFIG"
SHARED: tuple[type, ...] = (ModelOptions, RecognizerOptions, SessionOptions, SpeakerOptions, DetectorOptions)
"""Whose fields are keys outside a section."""


@dataclass(frozen=True)
class Value:
    """A value of the file: `place` is its file and line, "emoscope.toml:3"."""

    value: Any
    place: str


@dataclass(frozen=True)
class ConfigFile:
    """A file that was read: its tables, as TOML has them, and its text, for the lines."""

    path: Path
    tables: Mapping[str, Any]
    lines: tuple[str, ...]

    def values(self, command: tuple[str, ...], shared: bool) -> dict[str, Value]:
        """What holds for a command: its section's keys, and the shared ones where it takes those."""
        found = {
            key: Value(value, self.place(key)) for key, value in self.tables.items() if shared and not _table(value)
        }
        section: Any = self.tables
        for word in command:
            section = section.get(word, {})
        found |= {key: Value(value, self.place(key, command)) for key, value in section.items() if not _table(value)}
        return found

    def place(self, key: str, section: tuple[str, ...] = ()) -> str:
        """File and line of a key, or of a section's head where the key is not on a line of its own."""
        at, best = ".".join(section), None
        inside = not section
        for number, line in enumerate(self.lines, 1):
            if head := re.match(r"\s*\[([^\[\]]+)\]", line):
                inside = re.sub(r"[\s\"']", "", head[1]) == at
                best = number if inside and best is None else best
            elif inside and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return f"{self.path}:{number}"
        return f"{self.path}:{best}" if best else str(self.path)


def find(given: Path | None) -> Path | None:
    """The file in force; None where there is none. UsageError for a file that was named and is not there."""
    named = str(given) if given is not None else os.environ.get(VARIABLE)
    if named is not None:
        path = Path(os.path.expanduser(named))
        if named and not path.is_file():
            option = f"--config {named}" if given is not None else f"{VARIABLE}={named}"
            raise UsageError(f"{option}: no such file; `emoscope config` prints what such a file can hold")
        return path if named else None
    return next((path for path in (Path(NAME), user_file()) if _is_there(path)), None)


def user_file() -> Path:
    """The file in the user's config folder, where the platform keeps such files."""
    home = Path(os.path.expanduser("~"))  # stays "~" where no home is known
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming") / "emoscope" / NAME
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "emoscope" / NAME
    return Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config") / "emoscope" / NAME


def _is_there(path: Path) -> bool:
    with suppress(OSError):  # a folder that may not be looked into counts as empty
        return path.is_file()
    return False


def read(path: Path) -> ConfigFile:
    """A file's values; UsageError where it cannot be read or is no TOML, which says where."""
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        return ConfigFile(path, tomllib.loads(text), tuple(text.splitlines()))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: this is not TOML: {error}") from None


def check_keys(file: ConfigFile, commands: Iterable[AnyCommand], offered: Callable[[], Iterable[str]]) -> None:
    """UsageError for a key that no command has; it names the nearest one that there is.

    offered  gives names of commands that were not imported: what their sections hold is checked when they run
    """
    commands = list(commands)
    names = {command.name for command in commands}
    strange = any(_table(value) and key not in names for key, value in file.tables.items())
    shared = {key for group in SHARED for key in option_keys(group)}
    _check_table(file, (), file.tables, shared, commands, set(offered()) if strange else set())


def shares(command: tuple[str, ...], commands: Iterable[AnyCommand]) -> bool:
    """Whether the shared keys hold for a command: for those that listen and serve, not for what measures or trains."""
    return any(isinstance(each, Command) and command == (each.name,) and each.shares for each in commands)


def option_keys(options: type) -> Iterator[str]:
    """The keys of a dataclass of options, those of its groups among them."""
    for item in fields(options):
        if isinstance(item.type, type) and is_dataclass(item.type):
            yield from option_keys(item.type)
        elif item.kw_only:
            yield item.name.rstrip("_")


def _check_table(
    file: ConfigFile,
    section: tuple[str, ...],
    table: Mapping[str, Any],
    keys: set[str],
    commands: list[AnyCommand],
    offered: set[str],
) -> None:
    sections = {command.name: command for command in commands}
    for key, value in table.items():
        known = keys if not _table(value) else sections.keys() | offered
        if key not in known:
            raise UsageError(_unknown(file, section, key, _table(value), known, commands))
        command = sections.get(key)
        if not _table(value) or command is None:
            continue
        inside = command.commands if isinstance(command, CommandGroup) else ()
        names = set(option_keys(command.options)) if isinstance(command, Command) else set()
        _check_table(file, (*section, key), value, names, list(inside), set())


def _unknown(
    file: ConfigFile,
    section: tuple[str, ...],
    key: str,
    table: bool,
    known: Iterable[str],
    commands: Iterable[AnyCommand],
) -> str:
    import difflib

    if table:
        name = ".".join((*section, key))
        text = f"{file.place('', (*section, key))}: there is no section [{name}]"
    else:
        text = f"{file.place(key, section)}: there is no key {key!r}" + (
            f" in [{'.'.join(section)}]" if section else ""
        )
    near = difflib.get_close_matches(key, list(known), 1)
    owners = [each.name for each in commands if isinstance(each, Command) and key in option_keys(each.options)]
    if near:
        return f"{text}; did you mean {near[0]!r}?"
    if owners and not section:
        return f"{text} outside a section; it is an option of one command: write it under [{owners[0]}]"
    return f"{text}; there are {', '.join(sorted(known))}" if known else text


def _table(value: Any) -> bool:
    return isinstance(value, dict)
