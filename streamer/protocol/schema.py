"""The JSON schema of the events, shipped as `schema.json`: `python -m emoscope.streamer.protocol.schema` writes it."""

import json
from pathlib import Path
from typing import Any

import msgspec

from .events import PROTOCOL, AnyEvent

SCHEMA_FILE = Path(__file__).with_name("schema.json")


def schema() -> dict[str, Any]:
    """JSON schema (2020-12) that every event of the protocol satisfies."""
    made = msgspec.json.schema(AnyEvent)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": f"{PROTOCOL} events", **made}


def schema_text() -> str:
    """The text of `schema.json`."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text())
