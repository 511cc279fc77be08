"""The modules of the web page follow the rules of the Python client and of the terminal, and are served safely."""

import json
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
from client_world import (
    LOST_BEFORE_WHAT_WAS_REPORTED,
    ROOMY,
    World,
    after,
    assert_each_event_came_once,
    assert_losses_are_reported,
    happenings,
    losses_after,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference_server import ReferenceServer
from web_core import FOLDER, WebCore, WebCoreProcess, node
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from emoscope.streamer.display.palette import COLOURS, SPARE, letters
from emoscope.streamer.display.shapes import clock, probability, signed
from emoscope.streamer.display.state import ScreenState
from emoscope.streamer.protocol.event_fields import NOTICE
from emoscope.streamer.protocol.events import AnyEvent, decode
from emoscope.streamer.server import ServerOptions
from emoscope.streamer.server.http_gate import HttpGate
from emoscope.streamer.server.web_files import CLIENT, web_files

ROOT = Path(__file__).parents[3]
WEB = ROOT / "streamer" / "server" / "web"
GOLDEN = ROOT / "tests" / "end_to_end" / "conversation.jsonl"

Make = Callable[..., Any]  # of a token and limits, and for some tests how much audio is kept


@pytest.fixture(scope="module")
def make() -> Iterator[Make]:
    process = WebCoreProcess()
    yield partial(WebCore, process)
    process.close()


@pytest.mark.parametrize("tests", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_the_modules_of_the_page_pass_their_own_tests(tests: str) -> None:
    done = subprocess.run([node(), "--test", str(FOLDER / tests)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4_000:]


@settings(max_examples=40, deadline=None)
@given(happened=happenings, cuts=st.sets(st.integers(0, 30)), pace=st.sampled_from(["realtime", "fast"]))
def test_whatever_happens_the_page_gets_each_durable_event_once(
    make: Make, happened: list[tuple[object, ...]], cuts: set[int], pace: str
) -> None:
    """Any order of sends, flushes, arrivals, stores and cuts gives the events of the whole audio, once, in order."""
    assert_each_event_came_once(after(World(ReferenceServer(ROOMY), pace, make), happened, cuts))


@settings(max_examples=25, deadline=None)
@given(happened=happenings, capacity=st.integers(10, 60))
@example(happened=LOST_BEFORE_WHAT_WAS_REPORTED, capacity=10)
def test_audio_that_the_page_could_not_keep_is_reported_and_replaced_by_silence(
    make: Make, happened: list[tuple[object, ...]], capacity: int
) -> None:
    world = World(ReferenceServer(ROOMY), make=partial(make, capacity=capacity))
    assert_losses_are_reported(after(world, [("send", b"x"), ("pump", 1), *happened]), silence=0)


@settings(max_examples=25, deadline=None)
@given(parts=st.lists(st.one_of(happenings, st.just([("drop", False), ("forget",)])), max_size=4))
def test_a_session_that_the_server_forgot_is_replaced_and_reported(
    make: Make, parts: list[list[tuple[object, ...]]]
) -> None:
    losses_after(parts, make)


def folded(lines: bytes) -> list[dict[str, Any]]:
    done = subprocess.run([node(), str(FOLDER / "fold.mjs")], input=lines, capture_output=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def shown_by_the_terminal(state: ScreenState) -> dict[str, Any]:
    reading = state.reading
    strip = [[one.start, one.end, one.label, one.confidence] for one in state.strip]
    return {
        "headline": state.headline,
        "now": state.now_s,
        "speaking": state.speaking,
        "before": state.before,
        "language": state.language or "",
        "droppedS": state.dropped_s,
        "mood": None if state.mood is None else state.mood.label,
        "strip": strip,
        "turns": [[turn.start, turn.end, turn.label, turn.confidence, turn.text] for turn in state.turns],
        "letters": letters(state.labels),
        "numbers": [
            clock(state.now_s),
            probability(reading.confidence if reading else 0.0),
            signed(reading.dimensions.get("arousal", 0.0) if reading else 0.0),
        ],
    }


def records() -> dict[str, list[bytes]]:
    """The golden record; and one with warnings, words and a session that was lost."""
    lines = GOLDEN.read_bytes().splitlines()
    created = (
        b'{"type":"session.created","session_id":"s","protocol":"emoscope.v1","server":"emoscope 0.1.0",'
        b'"started_at":"","model":{"id":"small","labels":["angry","calm","cold","neutral"],"dimensions":[],'
        b'"languages":[],"licence":""},"config":{},"limits":{},"notice":"n"}'
    )
    said = b'{"type":"transcript.final","seq":9,"utterance":1,"start":1.0,"end":3.0,"text":"so it is","stable":8,' + (
        b'"language":"en","language_p":0.9,"words":[]}'
    )
    lag = b'{"type":"status","audio_s":9.0,"processed_s":8.0,"lag_s":{"audio":0.5,"text":0.0},"dropped_s":1.5,' + (
        b'"rtf":0.1,"level_dbfs":-20.0}'
    )
    dropped = b'{"type":"warning","code":"audio_dropped","message":"m","start":2.0,"end":3.0}'
    quiet = b'{"type":"warning","code":"too_quiet","message":"m"}'
    error = b'{"type":"error","code":"invalid_json","message":"m","fatal":false}'
    mixed = [created, *lines[:3], said, *lines[3:12], lag, dropped, quiet, *lines[12:20], error, created, *lines[:9]]
    return {"golden": lines, "made": mixed}


@pytest.mark.parametrize("name", ["golden", "made"])
def test_the_page_shows_what_the_terminal_shows(name: str) -> None:
    """After each event: headline, strip, turns, mood, letters and numbers. The notice has another place."""
    lines = records()[name]
    state, page = ScreenState(), folded(b"\n".join(lines) + b"\n")
    assert len(page) == len(lines)
    for line, found in zip(lines, page, strict=True):
        state.apply(decode(line))
        expected = shown_by_the_terminal(state)
        assert {key: found[key] for key in expected} == expected, line


def test_the_palette_of_the_page_is_that_of_the_terminal() -> None:
    script = f"import {{ COLOURS, colourOf, lettersOf }} from '{(WEB / 'view' / 'palette.js').as_uri()}';" + (
        "const names = ['x0', 'y1', 'zz', 'sad', 'aa', 'ab', 'ba', '1', 'été'];"
        "console.log(JSON.stringify([COLOURS, names.map((n) => colourOf(n, names)), lettersOf(names)]));"
    )
    done = subprocess.run([node(), "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    colours, chosen, given_letters = json.loads(done.stdout)
    names = ["x0", "y1", "zz", "sad", "aa", "ab", "ba", "1", "été"]
    assert colours == COLOURS
    assert chosen == [COLOURS.get(name, SPARE[place]) for place, name in enumerate(names)]
    assert given_letters == letters(names)


def test_the_page_knows_every_event_and_its_fields() -> None:
    """Each field that has no default is required there, with its type; later fields may come without a change."""
    script = (
        f"import {{ FIELDS }} from '{(WEB / 'record' / 'events.js').as_uri()}'; console.log(JSON.stringify(FIELDS))"
    )
    done = subprocess.run([node(), "--input-type=module", "-e", script], capture_output=True, text=True, check=True)
    known = json.loads(done.stdout)
    assert set(known) == {str(kind.__struct_config__.tag) for kind in AnyEvent.__args__}
    for kind in AnyEvent.__args__:
        fields = {field.name: field for field in msgspec.structs.fields(kind) if field.required}
        listed = known[str(kind.__struct_config__.tag)]
        nullable = {name for name, field in fields.items() if "None" in str(field.type)}
        assert set(listed) == set(fields) - nullable, kind
        for name, json_type in listed.items():
            assert json_type == json_type_of(fields[name].type), f"{kind.__name__}.{name}"


def json_type_of(annotation: Any) -> str:
    text = str(annotation)
    if annotation in (int, float):
        return "number"
    if annotation is bool:
        return "boolean"
    if text.startswith("list"):
        return "array"
    return "string" if annotation is str or "Literal" in text else "object"


def ask(path: str, **headers: str) -> Response:
    gate = HttpGate(ServerOptions(token="t"), page=web_files(), metrics=bytes, ready=dict, has_room=lambda: True)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = gate.answer(Request(path, Headers(names)))
    assert answer is not None
    return answer


def test_every_file_of_the_page_is_served_with_its_type_and_a_strict_policy() -> None:
    """Without the token, which the page itself asks for. A file that only tools read is not served."""
    types = {"html": "text/html", "css": "text/css", "js": "text/javascript"}
    kept = [path for path in WEB.rglob("*.*") if path.suffix.removeprefix(".") in types]
    assert len(kept) + 1 == len(web_files()) > 20  # and the client as one module
    assert ask(CLIENT).headers["Access-Control-Allow-Origin"] == "*"
    for path in kept:
        url = "/" if path.name == "index.html" else f"/web/{path.relative_to(WEB).as_posix()}"
        answer = ask(url)
        assert (answer.status_code, answer.body) == (200, path.read_bytes())
        assert answer.headers["Content-Type"] == f"{types[path.suffix.removeprefix('.')]}; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    for absent in ("/web/package.json", "/web/../web_files.py", "/web/", "/web/index.html", "/web/%2e%2e/app.py"):
        assert ask(absent).status_code == 404, absent


def test_a_browser_keeps_a_file_until_it_changes() -> None:
    first = ask("/web/main.js")
    assert first.headers.get_all("Cache-Control") == ["no-cache"]
    tag = first.headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}"):
        answer = ask("/web/main.js", If_None_Match=known)
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag and "Content-Length" not in answer.headers
    assert ask("/web/main.js", If_None_Match='"other"').status_code == 200
    assert len({file.etag for file in web_files().values()}) == len(web_files())


def test_the_page_loads_nothing_from_elsewhere_and_shows_the_notice() -> None:
    """Every link and import leads to a file that is served, and nothing that is received becomes markup."""
    served = web_files()
    page = served["/"].body.decode()
    assert page.count(NOTICE) == 2, "below the readings, and before the microphone opens"
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert {f"/{link}" for link in links if not link.startswith("data:")} <= set(served)
    for path, file in served.items():
        text = file.body.decode()
        if path.endswith(".js"):
            assert "innerHTML" not in text and "http://" not in text.replace("open http://localhost", ""), path
            for imported in re.findall(r'from "([^"]+)"', text):
                assert (WEB.parent / path.removeprefix("/")).parent.joinpath(imported).resolve().is_file(), path


def test_no_module_of_the_page_makes_markup_of_text() -> None:
    """What a server or a record says is set as text: nothing parses it as markup, and nothing runs it."""
    parsing = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc|DOMParser|createContextualFragment"
    running = r"\beval\(|new Function|javascript:|setAttribute\(\s*[\"']on"
    for path in WEB.rglob("*.js"):
        assert re.findall(f"{parsing}|{running}", path.read_text(encoding="utf-8")) == [], path.name
    page = (WEB / "index.html").read_text(encoding="utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", page) == []
