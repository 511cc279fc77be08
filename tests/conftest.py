"""What all tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("emoscope", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("emoscope")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of corpora beside the checkout; without it the test fails on CI and is skipped elsewhere."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        message = f"needs the corpora of {folder.name}/ beside the checkout"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def conversation() -> Path:
    """The demo recording."""
    return ROOT / "demo" / "recordings" / "conversation.flac"
