"""`emoscope config`: which options are in force, and where each comes from."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from ..protocol.errors import UsageError
from ..protocol.text import without_secrets
from .command import AnyCommand, Command
from .config_file import NAME, SHARED, VARIABLE, ConfigFile, find, read, user_file
from .config_values import OPTION, InForce
from .parser import CONFIG_FILE, in_force

SECRET = "token"  # noqa: S105 - the end of the names of options that are secret
HIDDEN = "(not shown)"
WIDTH = 34


@dataclass(frozen=True, kw_only=True)
class ShowConfig:
    """What is in force, as a file that could be used as emoscope.toml, with each value's origin beside it."""

    line: Annotated[
        tuple[str, ...],
        Parameter(
            name="COMMAND",
            help="only this command, as it would be typed: emoscope config listen --threads 2",
            allow_leading_hyphen=True,
        ),
    ] = field(kw_only=False, default=())
    json: Annotated[bool, Parameter(help="print one JSON object; before or after the command's own words")] = False
    config: CONFIG_FILE = None

    def run(self) -> int:
        """Print it; UsageError for a file or options that cannot be used."""
        from .main import app_of, own_commands

        app = app_of(self.line)
        given = [] if self.config is None else [f"--{OPTION}", str(self.config)]
        path = find(self.config)
        file = None if path is None else read(path)
        if self.line:
            options = in_force(app, [*self.line, *given])
            if not options:
                raise UsageError(f"emoscope config {' '.join(self.line)}: there is no such command with options")
            sections = {self.line[0]: options}
        else:
            sections = {"": list(_shared(file))} | dict(_of_commands(app, own_commands(), given))
        print(_json(path, sections) if self.json else _text(path, sections))
        return 0


def _shared(file: ConfigFile | None) -> Iterator[InForce]:
    """The options that stand outside a section."""
    found = {} if file is None else file.values((), shared=True)
    for item in (item for group in SHARED for item in fields(group)):
        if item.name in found:
            yield InForce(item.name, found[item.name].value, "file", found[item.name].place)
        else:
            yield InForce(item.name, item.default, "default")


def _of_commands(app: App, commands: Iterable[AnyCommand], given: list[str]) -> Iterator[tuple[str, list[InForce]]]:
    """The options of each command that takes the shared ones, without those that are the same for all."""
    shared = {item.name for group in SHARED for item in fields(group)}
    for command in commands:
        if isinstance(command, Command) and command.shares:
            options = in_force(app, [command.name, *given])
            yield command.name, [each for each in options if each.key not in shared or each.own_section]


def _text(path: Path | None, sections: dict[str, list[InForce]]) -> str:
    lines = [f"# {_file(path)}"]
    for name, options in sections.items():
        lines += ["", f"[{name}]"] if name else [""]
        for option in options:
            value = shown(option.key, option.value)
            unset = value in (None, HIDDEN, [])
            text = f"# {option.key} {value or 'is not set'}" if unset else f"{option.key} = {json.dumps(value)}"
            lines.append(f"{text:<{WIDTH}}  # {option.place or option.origin}")
    return "\n".join(lines)


def _json(path: Path | None, sections: dict[str, list[InForce]]) -> str:
    values = [
        {
            "command": name or None,
            "key": option.key,
            "value": shown(option.key, option.value),
            "origin": option.origin,
            "place": option.place or None,
        }
        for name, options in sections.items()
        for option in options
    ]
    return json.dumps({"file": None if path is None else str(path), "values": values}, indent=1)


def _file(path: Path | None) -> str:
    if path is not None:
        return f"in force: {path}"
    return f"no file is in force: there is neither {NAME} here nor {user_file()}, and {VARIABLE} names none"


def shown(key: str, value: Any) -> Any:
    """A value as it may be printed: a token is not, nor is the password of an address or what its query says."""
    if value is not None and key.endswith(SECRET):
        return HIDDEN
    if isinstance(value, tuple | list):
        return [shown(key, item) for item in value]
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, str):
        return without_secrets(value)
    return value


command = Command("config", "which options are in force, and where each comes from", ShowConfig)
