"""Frameworks of voice agents, in environments of their own: `.ci/frameworks` makes them and runs their tests."""

import os
from importlib.metadata import PackageNotFoundError, version

import pytest


def need(package: str) -> str:
    """The installed version of a framework. Without it a module of tests fails on CI and is skipped elsewhere.

    `.ci/run` says with EMOSCOPE_FRAMEWORKS=apart that a later step runs these tests, where a missing one is an error.
    """
    try:
        return version(package)
    except PackageNotFoundError:
        message = f"needs {package}: `.ci/frameworks` runs these tests in environments that have it"
        if os.environ.get("CI") == "true" and os.environ.get("EMOSCOPE_FRAMEWORKS") != "apart":
            pytest.fail(message, pytrace=False)
        pytest.skip(message, allow_module_level=True)
