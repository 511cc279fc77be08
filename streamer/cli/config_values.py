"""From emoscope.toml to a command's options: gives each option the file's value where the command line has none.

cyclopts calls `ConfigValues` once a command line is parsed and before its words are converted. What it has seen then is
what `emoscope config` prints.
"""

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from cyclopts import App, ArgumentCollection, Token
from cyclopts.argument import Argument

from ..protocol.errors import UsageError
from .command import AnyCommand
from .config_file import ConfigFile, Value, check_keys, find, read, shares

OPTION = "config"


@dataclass(frozen=True)
class InForce:
    """An option as it holds.

    place        the flag, the variable, or the file and its line
    own_section  the file has it in the command's own section
    """

    key: str
    value: Any
    origin: Literal["flag", "file", "environment", "default"]
    place: str = ""
    own_section: bool = False


class ConfigValues:
    """The file's part of a command line.

    commands  the commands that were imported
    offered   gives the names of other packages' commands, which were not
    own       gives our own commands, of which those that were not imported are imported where there is a file
    """

    def __init__(
        self,
        commands: Sequence[AnyCommand],
        offered: Callable[[], Iterable[str]],
        own: Callable[[], Iterable[AnyCommand]],
    ) -> None:
        self._commands, self._offered, self._own = commands, offered, own
        self._file: ConfigFile | None = None
        self._arguments: Iterable[Argument] = ()
        self._section: dict[str, Value] = {}

    def __call__(self, app: App, command: tuple[str, ...], arguments: ArgumentCollection) -> None:
        """Add the file's values to options that have none yet; UsageError for a file that cannot be used."""
        self._arguments, self._section = arguments, {}
        options = {_key(argument): argument for argument in arguments if argument.name.startswith("--")}
        given = options[OPTION].tokens if OPTION in options else []
        path = find(Path(given[0].value) if given else None)
        self._file = None if path is None else read(path)
        if self._file is None:
            return
        known = {each.name: each for each in (*self._own(), *self._commands)}
        check_keys(self._file, known.values(), self._offered)
        self._section = self._file.values(command, shared=False)
        for key, found in self._file.values(command, shares(command, self._commands)).items():
            argument = options.get(key)
            if argument is None:
                if key not in self._section:  # a shared option that this command has not
                    continue
                raise UsageError(f"{found.place}: {' '.join(command)} has no option {key!r}")
            if not argument.tokens:
                _append(argument, key, found.value, found.place)

    def in_force(self) -> list[InForce]:
        """The options of the last command that was parsed, in the order of its help."""
        return [
            self._in_force(argument)
            for argument in self._arguments
            if argument.name.startswith("--") and not argument.children and _key(argument) != OPTION
        ]

    def _in_force(self, argument: Argument) -> InForce:
        key = _key(argument)
        if not argument.tokens:
            return InForce(key, argument.field_info.default, "default")
        source, value = argument.tokens[0].source, argument.convert()
        if source == "cli":
            return InForce(key, value, "flag", "--" + key.replace("_", "-"))
        if source == "env":
            return InForce(key, value, "environment", str(argument.tokens[0].keyword))
        return InForce(key, value, "file", source, own_section=key in self._section)

    def with_place(self, error: UsageError) -> UsageError:
        """The same error, with the file and the line where the option that it begins with came from there."""
        for option in self.in_force():
            name = "--" + option.key.replace("_", "-")
            if option.origin == "file" and re.match(rf"{name} [^ ]*:", str(error)):
                return UsageError(f"{option.place}: {option.key}{str(error).removeprefix(name)}")
        return error


def _append(argument: Argument, key: str, value: Any, place: str) -> None:
    """Give an option the words that the value would have been on a command line."""
    wanted = _misfit(value, argument.hint)
    if wanted:
        raise UsageError(f"{place}: {key}: {wanted}")
    items = value if isinstance(value, list) else [value]
    if not items:
        argument.append(Token(keyword=key, implicit_value=(), source=place))
    for index, item in enumerate(items):
        text = os.path.expanduser(item) if _hint(argument.hint) in (Path, tuple[Path, ...]) else str(item)
        argument.append(Token(keyword=key, value=text, source=place, index=index))


def _misfit(value: Any, hint: Any) -> str:
    """What a value of the file should have been; "" where it fits."""
    hint = _hint(hint)
    if get_origin(hint) is tuple:
        items = value if isinstance(value, list) else [value]
        return next((f"in the list, {text}" for item in items if (text := _misfit(item, get_args(hint)[0]))), "")
    if get_origin(hint) is Literal:
        choices = ", ".join(f'"{choice}"' for choice in get_args(hint))
        return "" if value in get_args(hint) else f"must be one of {choices}"
    if hint is bool:
        return "" if isinstance(value, bool) else "must be true or false"
    if hint is int:
        return "" if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    if hint is float:
        return "" if isinstance(value, int | float) and not isinstance(value, bool) else "must be a number"
    number = hint is str and isinstance(value, int) and not isinstance(value, bool)  # a microphone's number
    return "" if isinstance(value, str) or number else 'must be a text in quotes, as "this"'


def _hint(hint: Any) -> Any:
    """A type without its None."""
    if get_origin(hint) in (Union, UnionType):
        [hint] = [part for part in get_args(hint) if part is not type(None)]
    return hint


def _key(argument: Argument) -> str:
    return argument.name.lstrip("-").replace("-", "_")
