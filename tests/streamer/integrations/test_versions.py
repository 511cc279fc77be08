"""What is said about a framework that is missing, too old, or newer than what was tried."""

from importlib.metadata import version

import pytest

from emoscope.streamer.integrations.versions import Framework, unknown_version, unusable


def test_a_missing_framework_is_one_line_with_the_command_that_installs_it() -> None:
    """No traceback of imports."""
    error = unusable(Framework("no-such-framework", "1.0", 1, "some"), ImportError("no module"))
    assert str(error) == "no-such-framework is not installed: pip install -U 'emoscope[some]'"


@pytest.mark.parametrize(("oldest", "says"), [("999.0", "too old"), ("0.0.1", "cannot be used: no name")])
def test_one_that_cannot_be_imported_is_named_with_its_version(oldest: str, says: str) -> None:
    """Old ones are told apart from those that lack something."""
    message = str(unusable(Framework("numpy", oldest, 1, "some"), ImportError("no name")))
    assert version("numpy") in message and says in message


def test_a_version_that_nobody_tried_is_told_and_a_known_one_is_not() -> None:
    """The major version decides at the upper end, the exact one at the lower."""
    installed = version("numpy")
    major = int(installed.split(".")[0])
    assert unknown_version(Framework("numpy", installed, major, "some")) == ""
    assert unknown_version(Framework("numpy", "0.1", major + 1, "some")) == ""
    assert "was not tried" in unknown_version(Framework("numpy", "0.1", major - 1, "some"))
    assert "was not tried" in unknown_version(Framework("numpy", "999.1", 1_000, "some"))
