"""The pages of the repository agree with its files and with the protocol's types."""

import re
from pathlib import Path

import pytest

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import AnyEvent, Limits, WarningEvent
from emoscope.streamer.protocol.messages import FATAL, NOT_FATAL, TYPES, CloseCode

ROOT = Path(__file__).parents[1]
FOLDERS = (".github", "demo", "models", "streamer", "tests", "train")
PAGES = [ROOT / "README.md", *sorted(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
PROTOCOL = (ROOT / "streamer" / "protocol.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    """Links into the repository name files or folders that exist."""
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_protocol_page_names_every_event_and_its_fields() -> None:
    """Each event type, and each field of each event, is described."""
    for kind in AnyEvent.__args__:
        assert f"`{kind.__struct_config__.tag}`" in PROTOCOL
        for name in kind.__struct_fields__:
            assert f"`{name}`" in PROTOCOL, f"{kind.__name__}.{name}"


def test_the_protocol_page_names_every_message_and_option() -> None:
    """Each client message, each session option and each limit that a client must know is described."""
    options = [*Config.__struct_fields__, *(f"limits.{name}" for name in Limits.__struct_fields__)]
    assert [name for name in (*TYPES, *options) if f"`{name}`" not in PROTOCOL] == []


def test_the_protocol_page_names_every_code() -> None:
    """Each error code, each warning code and each close code is described."""
    warnings = WarningEvent.__annotations__["code"].__args__
    assert [code for code in (*FATAL, *NOT_FATAL, *warnings) if f"`{code}`" not in PROTOCOL] == []
    assert [code.value for code in CloseCode if not re.search(rf"\b{code.value}\b", PROTOCOL)] == []
