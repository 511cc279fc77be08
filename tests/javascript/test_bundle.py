"""The one file to copy is made of the page's modules, and its types name all that it offers."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from web_core import node

from emoscope.streamer.protocol.config import Config
from emoscope.streamer.protocol.events import AnyEvent
from emoscope.streamer.server.web_files import CLIENT, web_files

FOLDER = Path(__file__).parents[2] / "demo" / "javascript"
TYPES = (FOLDER / "emoscope.d.ts").read_text(encoding="utf-8")
FIXED = {"sample_rate", "encoding", "channel_mode"}


def test_the_file_is_what_its_modules_make() -> None:
    """And what every server gives to pages of any origin; the page's other files are for itself."""
    served = web_files()
    assert (FOLDER / "emoscope.js").read_bytes() == served[CLIENT].body
    assert [path for path, file in served.items() if file.shared] == [CLIENT]


def test_the_file_needs_no_other() -> None:
    text = (FOLDER / "emoscope.js").read_text(encoding="utf-8")
    assert "import {" not in text and "require(" not in text
    subprocess.run([node(), "--check", str(FOLDER / "emoscope.js")], check=True)


def test_every_public_name_has_a_type() -> None:
    """Exports, methods and properties: what begins with # is private, and `core`, `stream` are the page's own."""
    script = f"import * as all from '{(FOLDER / 'emoscope.js').as_uri()}';" + (
        "console.log([...Object.keys(all), ...Object.getOwnPropertyNames(all.Emoscope.prototype)].join(' '));"
    )
    done = subprocess.run([node(), "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    missing = [name for name in done.stdout.split() if not re.search(rf"\b{name}\b", TYPES)]
    assert missing == []


def test_every_event_and_every_field_of_it_has_a_type() -> None:
    for kind in AnyEvent.__args__:
        tag = str(kind.__struct_config__.tag)
        assert f'type: "{tag}";' in TYPES, tag
        for field in msgspec.structs.fields(kind):
            assert re.search(rf"\b{field.encode_name}\??:", TYPES), f"{tag}.{field.encode_name}"


def test_every_option_has_a_type_but_those_that_are_fixed() -> None:
    named = {field.name for field in msgspec.structs.fields(Config) if re.search(rf"\b{field.name}\?:", TYPES)}
    assert named == {field.name for field in msgspec.structs.fields(Config)} - FIXED


def test_the_types_hold_for_a_program_that_uses_them(tmp_path: Path) -> None:
    compiler = shutil.which("tsc")
    if compiler is None:
        message = "needs TypeScript (Debian: node-typescript)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    for name in ("emoscope.d.ts", "emoscope.js"):
        shutil.copy(FOLDER / name, tmp_path)
    shutil.copy(Path(__file__).parent / "uses_types.ts", tmp_path)
    options = ["--noEmit", "--strict", "--target", "es2022", "--module", "es2022", "--moduleResolution", "node"]
    command = [compiler, *options, "uses_types.ts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    wrong = (tmp_path / "uses_types.ts").read_text().replace("event.confidence", "event.certainty")
    (tmp_path / "uses_types.ts").write_text(wrong)
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "certainty" in done.stdout
