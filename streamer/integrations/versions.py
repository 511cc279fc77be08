"""Which versions of a framework were tried here, and what is said about others."""

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from ..protocol.errors import UsageError


@dataclass(frozen=True)
class Framework:
    """A framework as it is installed.

    package  its name in the package index
    oldest   the oldest version that was tried
    newest   the newest major version that was tried
    extra    our own extra that installs it
    """

    package: str
    oldest: str
    newest: int
    extra: str


PIPECAT = Framework("pipecat-ai", "1.0.0", 1, "pipecat")
LIVEKIT = Framework("livekit-agents", "1.6.10", 2, "livekit")


def unusable(framework: Framework, error: ImportError) -> UsageError:
    """Why a framework cannot be imported, and what to do."""
    what = f"pip install -U 'emoscope[{framework.extra}]'"
    try:
        installed = version(framework.package)
    except PackageNotFoundError:
        return UsageError(f"{framework.package} is not installed: {what}")
    if _numbers(installed) < _numbers(framework.oldest):
        return UsageError(f"{framework.package} {installed} is too old, {framework.oldest} is the oldest: {what}")
    return UsageError(f"{framework.package} {installed} cannot be used: {error}; tried up to {framework.newest}.x")


def unknown_version(framework: Framework) -> str:
    """The line that warns of a version that nobody has tried here; "" for one between the oldest and the newest."""
    installed = version(framework.package)
    if _numbers(framework.oldest) <= _numbers(installed) < (framework.newest + 1,):
        return ""
    tried = f"{framework.oldest} to {framework.newest}.x"
    return f"{framework.package} {installed} was not tried ({tried}): readings may be missing, all else goes on"


def _numbers(text: str) -> tuple[int, ...]:
    """The release numbers of a version: (2, 0, 0) of "2.0.0b1"."""
    release = re.match(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in release[0].split(".")) if release else (0,)
