"""What a test needs and a machine may lack: without it the test fails on CI and is skipped elsewhere."""

import os
import shutil
from typing import NoReturn

import pytest


def missing(message: str) -> NoReturn:
    """End a test that lacks what `message` names and says how to get."""
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def program(name: str, package: str = "") -> str:
    """Where a program is.

    package  of Debian that brings it, where that has another name
    """
    found = shutil.which(name)
    if found is None:
        missing(f"needs {name} (Debian: {package or name})")
    return found
