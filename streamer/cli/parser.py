"""From the words of a command line to a command with its options, by cyclopts."""

import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, CycloptsError, Group, MissingArgumentError, Parameter

from ..protocol.errors import UsageError
from .command import AnyCommand, CommandGroup, Runnable
from .config_values import OPTION, ConfigValues, InForce
from .ray_options import with_address

OPTIONS = Group("Options", sort_key=1)

EPILOGUE = (
    "A reading is a guess about expression, not a fact about a person. Tell people that they are being read. Not for "
    "decisions about people, not at work or in school, where the EU forbids it (AI Act, Art. 5(1)(f))."
)


CONFIG_FILE = Annotated[
    Path | None,
    Parameter(help="options from this file (EMOSCOPE_CONFIG, ./emoscope.toml, or the user's own)", metavar="FILE"),
]


def build_app(
    commands: Sequence[AnyCommand],
    offered: Callable[[], Iterable[str]] = tuple,
    own: Callable[[], Iterable[AnyCommand]] = tuple,
) -> App:
    """A command line of `commands`. What is not among them, a file of options may have sections for:

    offered  gives names of other packages' commands
    own      gives our own commands
    """
    app = App(
        name="emoscope",
        help="Reads the emotions of a voice while it speaks.",
        help_epilogue=EPILOGUE,
        help_format="plaintext",
        group_parameters=OPTIONS,
        version=_version,
        default_parameter=Parameter(negative=(), show_default=_shown_default, allow_repeating=True),
        config=[ConfigValues(commands, offered, own)],
    )
    _add(app, commands)
    return app


def parse(app: App, arguments: Sequence[str]) -> Runnable | None:
    """The command that the arguments name; None when they asked for help or the version, which is then printed.

    UsageError when they make no command.
    """
    arguments = _as_cyclopts_reads(arguments)
    try:
        call, bound, _ = app.parse_args(arguments, print_error=False, exit_on_error=False)
        command: Runnable | None = call(*bound.args, **bound.kwargs)
    except CycloptsError as error:
        raise UsageError(" ".join(str(error).split())) from None
    except UsageError as error:
        raise _values(app).with_place(error) from None
    return command


def in_force(app: App, arguments: Sequence[str]) -> list[InForce]:
    """The options of the command that the arguments name, with their origins. It may lack its positional arguments."""
    values = _values(app)
    arguments = _as_cyclopts_reads(arguments)
    try:
        app.parse_args(arguments, print_error=False, exit_on_error=False)
    except MissingArgumentError:
        pass
    except CycloptsError as error:
        raise UsageError(" ".join(str(error).split())) from None
    except UsageError as error:
        raise values.with_place(error) from None
    try:
        return values.in_force()
    except CycloptsError as error:
        raise UsageError(" ".join(str(error).split())) from None


def _as_cyclopts_reads(arguments: Sequence[str]) -> list[str]:
    """It takes a lone `-` for an option, where `./-` is the same path; and an option has a value always, or never."""
    return with_address(["./-" if argument == "-" else argument for argument in arguments])


def _values(app: App) -> ConfigValues:
    [values] = app.config
    assert isinstance(values, ConfigValues)
    return values


def _add(app: App, commands: Sequence[AnyCommand]) -> None:
    for command in commands:
        if isinstance(command, CommandGroup):
            group = App(name=command.name, help=command.help, help_epilogue="", group_parameters=OPTIONS)
            _add(group, command.commands)
            app.command(group)
        else:
            app.command(_constructor(command.options), name=command.name, help=command.help, help_epilogue="")


def _constructor(options: type[Runnable]) -> Callable[..., Runnable]:
    """Makes the dataclass; `--config` is added to its options.

    Its positional arguments have no names on the command line, and no `--name` beside them.
    """

    def construct(*values: Any, **named: Any) -> Runnable:
        if not own:
            named.pop(OPTION, None)  # read already
        return options(*values, **named)

    signature = inspect.signature(options)
    parameters = [
        parameter.replace(kind=parameter.POSITIONAL_ONLY)
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        else parameter
        for parameter in signature.parameters.values()
    ]
    own = OPTION in signature.parameters
    if not own:
        file = inspect.Parameter(OPTION, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=CONFIG_FILE)
        parameters.append(file)
    construct.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    construct.__doc__ = options.__doc__
    return construct


def _shown_default(value: Any) -> str | None:
    """A default as the help shows it; nothing where the option is off, or has no value, unless it is given."""
    if value is None or value is False or value == ():
        return None
    values = value if isinstance(value, tuple) else (value,)
    return " ".join(f"{item:g}" if isinstance(item, float) else str(item) for item in values)


def _version() -> str:
    from ..runtime.product import product

    return product()
