"""The web page in a real browser, with a real server and the shipped model."""

import re
import socket
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import soundfile
from chromium import Launch, finals_shown, launching, microphone, opened
from playwright.sync_api import Browser, Page, expect
from served import served

from emoscope.streamer import read_record, replay
from emoscope.streamer.protocol.events import EmotionFinal, SessionClosed, SessionCreated, WarningEvent
from emoscope.streamer.server import Server, ServerOptions
from emoscope.streamer.testing.tcp_proxy import proxied

HEARD_S = 8.6  # two utterances of the demo recording
PHONE = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "reduced_motion": "reduce"}
DESKTOP = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"}

COUNT_MICROPHONES = """
  window.asked = 0;
  const original = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
  if (original) navigator.mediaDevices.getUserMedia = (options) => { window.asked += 1; return original(options); };
"""


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with launching() as launch:
        yield launch


@pytest.fixture(scope="module")
def beginning(conversation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The beginning of the demo recording."""
    samples, rate = soundfile.read(conversation, dtype="int16")
    path = tmp_path_factory.mktemp("page") / "beginning.wav"
    soundfile.write(path, samples[: round(HEARD_S * rate)], rate)
    return path


@pytest.fixture(scope="module")
def expected(beginning: Path) -> list[EmotionFinal]:
    """The finals of its replay."""
    found = [event for event in replay(beginning) if isinstance(event, EmotionFinal)]
    assert len(found) == 2
    return found


@pytest.fixture(scope="module")
def browser(launch: Launch, beginning: Path, tmp_path_factory: pytest.TempPathFactory) -> Browser:
    """A browser whose microphone is the beginning of the demo recording, after half a second of silence."""
    samples, _ = soundfile.read(beginning, dtype="int16")
    quiet = np.zeros(8_000, np.int16)
    return launch(*microphone(np.concatenate([quiet, samples]), tmp_path_factory.mktemp("microphone") / "talk.wav"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with served("small") as server:
        yield server


def home(server: Server, port: int | None = None) -> str:
    return f"http://127.0.0.1:{port or server.port}/"


def agree(page: Page) -> None:
    """By the keyboard alone."""
    page.locator("#listen").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#consent")).to_be_visible()
    page.locator("#agree").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")


def choose(page: Page, path: Path, pace: str = "fast") -> None:
    page.check(f"[name=pace][value={pace}]")
    page.set_input_files("#file", path)


def ended(page: Page) -> None:
    expect(page.locator("#phase-name")).to_have_text("ended")


def saved(page: Page, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click("#save")
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def agrees(shown: list[tuple[str, float]], expected: list[EmotionFinal], tolerance: float) -> None:
    assert [label for label, _ in shown] == [event.label for event in expected]
    for (_, confidence), event in zip(shown, expected, strict=True):
        assert confidence == pytest.approx(event.confidence, abs=tolerance)


def problem(page: Page) -> str:
    expect(page.locator("#problem")).to_be_visible()
    return page.locator("#problem-text").inner_text()


def axe_faults(page: Page) -> list[str]:
    """What axe finds wrong: rule, and the element."""
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


def test_a_microphone_is_opened_after_consent_and_its_finals_are_those_of_a_replay(
    browser: Browser, server: Server, expected: list[EmotionFinal], tmp_path: Path
) -> None:
    """The page listens, says finals to a screen reader, saves the record, and shows that record again."""
    context = browser.new_context(**DESKTOP)  # type: ignore[arg-type]
    context.add_init_script(COUNT_MICROPHONES)
    page = context.new_page()
    page.goto(home(server))
    notice = "Emotions are being read from this voice by a machine."
    page.click("#listen")
    expect(page.locator("#consent")).to_contain_text(notice)
    assert axe_faults(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("#consent")).to_be_hidden()
    assert page.evaluate("window.asked") == 0, "nobody has agreed"
    agree(page)
    expect(page.locator("#detail")).to_contain_text("interim")
    assert page.evaluate("window.asked") == 1
    assert axe_faults(page) == []
    expect(page.locator("#said")).to_contain_text(f"{expected[0].label}, ")
    assert page.locator("[aria-live]").all_inner_texts() == [page.locator("#said").inner_text()]
    expect(page.locator("#turns li")).to_have_count(2)
    page.click("#stop")
    ended(page)
    # The browser resamples, and begins at another sample: the readings differ by that much.
    shown = finals_shown(page)
    agrees(shown, expected, 0.1)
    assert axe_faults(page) == []

    path = saved(page, tmp_path)
    events = list(read_record(path))
    first = events[0]
    assert isinstance(first, SessionCreated) and first.resume_token is None and first.source
    assert isinstance(events[-1], SessionClosed)
    agrees(shown, [event for event in events if isinstance(event, EmotionFinal)], 0.0051)

    page.click("#again")
    page.set_input_files("#file", path)
    expect(page.locator("#player")).to_be_visible()
    page.locator("#position").fill(page.locator("#position").get_attribute("max") or "")
    expect(page.locator("#turns li")).to_have_count(2)
    assert finals_shown(page) == shown
    assert axe_faults(page) == []
    context.close()


def test_a_file_gives_the_readings_of_its_replay(
    browser: Browser, server: Server, conversation: Path, tmp_path: Path
) -> None:
    """The whole recording, as fast as it goes: the browser decodes the same samples."""
    with opened(browser, home(server), **PHONE) as page:
        assert axe_faults(page) == []
        choose(page, conversation)
        ended(page)
        expected = [event for event in replay(conversation) if isinstance(event, EmotionFinal)]
        events = [event for event in read_record(saved(page, tmp_path)) if isinstance(event, EmotionFinal)]
        assert [(e.start, e.end, e.label) for e in events] == [(e.start, e.end, e.label) for e in expected]
        for event, same in zip(events, expected, strict=True):
            assert event.scores == pytest.approx(same.scores, abs=1e-4)
        assert len(finals_shown(page)) == len(expected)
        assert axe_faults(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, "nothing lies beside a phone's screen"


def test_a_connection_that_is_cut_is_resumed_and_nothing_is_lost(
    browser: Browser, server: Server, beginning: Path, expected: list[EmotionFinal], tmp_path: Path
) -> None:
    with proxied(server.port) as proxy, opened(browser, home(server, proxy.port)) as page:
        choose(page, beginning, "realtime")
        expect(page.locator("#detail")).to_contain_text("interim")
        proxy.cut()
        expect(page.locator("#phase-name")).to_have_text("reconnecting")
        ended(page)
        events = list(read_record(saved(page, tmp_path)))
    assert [event.type for event in events].count("session.resumed") == 1
    agrees([(e.label, e.confidence) for e in events if isinstance(e, EmotionFinal)], expected, 1e-4)


def test_a_server_that_is_started_again_goes_on_with_the_session(
    browser: Browser, beginning: Path, expected: list[EmotionFinal], redis_url: str, tmp_path: Path
) -> None:
    """With a store that outlives it, another server at the same address resumes the session."""
    port = free_port()
    options = {"options": ServerOptions(port=port, drain_s=2.0, store=redis_url)}
    with served("small", **options) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(home(server))
        choose(page, beginning, "realtime")
        expect(page.locator("#detail")).to_contain_text("interim")
    expect(page.locator("#phase-name")).to_have_text("reconnecting")
    with served("small", **options):
        ended(page)
        events = list(read_record(saved(page, tmp_path)))
        context.close()
    assert [event.type for event in events].count("session.resumed") == 1
    assert "session_lost" not in [event.code for event in events if isinstance(event, WarningEvent)]
    agrees([(e.label, e.confidence) for e in events if isinstance(e, EmotionFinal)], expected, 1e-4)


def test_a_slow_network_drops_blocks_and_tells_how_much(browser: Browser, server: Server) -> None:
    """The browser's buffer does not empty: what is new is left out, counted and told; then it is heard again."""
    context = browser.new_context()
    context.add_init_script(
        "window.stuck = 0; Object.defineProperty(WebSocket.prototype, 'bufferedAmount', { get: () => window.stuck });"
    )
    page = context.new_page()
    page.goto(home(server))
    agree(page)
    expect(page.locator("#phase-name")).to_have_text("live")
    page.evaluate("window.stuck = 320_000")
    expect(page.locator("#message")).to_contain_text("are left out so far")
    page.evaluate("window.stuck = 0")
    expect(page.locator("#message")).to_contain_text("the network was too slow")
    expect(page.locator("#lags")).to_contain_text(re.compile(r"dropped \d+\.\d s \(input\)"))
    page.click("#stop")
    ended(page)
    context.close()


def test_a_token_is_asked_for_and_leaves_the_address(browser: Browser, beginning: Path) -> None:
    with served("small", token="sesame") as server:
        with opened(browser, home(server)) as page:
            choose(page, beginning)
            expect(page.locator("#token-dialog")).to_be_visible()
            assert axe_faults(page) == []
            page.fill("#token", "wrong")
            page.keyboard.press("Enter")
            expect(page.locator("#token-why")).to_contain_text("does not know this token")
            page.fill("#token", "sesame")
            page.keyboard.press("Enter")
            ended(page)
        with opened(browser, home(server) + "?token=sesame") as page:
            assert "sesame" not in page.url
            choose(page, beginning)
            ended(page)
            assert len(finals_shown(page)) == 2


def test_two_tabs_do_not_listen_at_once(browser: Browser, server: Server) -> None:
    """The second one says so; pressed again it listens, and the first one stops."""
    with opened(browser, home(server)) as first:
        agree(first)
        expect(first.locator("#phase-name")).to_have_text("live")
        second = first.context.new_page()
        second.goto(home(server))
        second.click("#listen")
        assert "Another tab" in problem(second)
        agree(second)
        expect(second.locator("#phase-name")).to_have_text("live")
        ended(first)
        assert "Another tab" in problem(first)
        second.click("#stop")
        ended(second)


def test_bad_files_and_a_server_that_is_gone_are_told(browser: Browser, beginning: Path, tmp_path: Path) -> None:
    noise = tmp_path / "letter.wav"
    noise.write_bytes(b"Dear Sir or Madam," * 100)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"type":"speech.started","seq":1,"utterance":1,"start":1.0}\n{"type":"mood"}\n')
    with served("small", max_sessions=1) as server, opened(browser, home(server)) as page:
        page.set_input_files("#file", noise)
        assert "letter.wav is no sound" in problem(page)
        page.set_input_files("#file", broken)
        assert "broken.jsonl, line 2" in problem(page)
        page.click("#again")
        choose(page, beginning, "realtime")
        expect(page.locator("#phase-name")).to_have_text("reading")
        with opened(browser, home(server)) as other:
            choose(other, beginning)
            assert "The server is full. Try again in 5 s." in problem(other)
        page.click("#stop")
        ended(page)
        page.click("#again")
        asked = page
        # The server ends while the page is open.
        port = server.port
        server_gone(server)
        choose(asked, beginning)
        said = problem(asked)
    assert f"The server at 127.0.0.1:{port} does not answer" in said and "emoscope serve" in said


def server_gone(server: Server) -> None:
    """Close its listening socket, as when it is stopped."""
    server._server.get_loop().call_soon_threadsafe(server._server.close, False)


def test_a_microphone_that_cannot_be_had_is_told(launch: Launch, server: Server) -> None:
    """Refused; not there; and a page that came over http under another name than localhost."""
    refusing = launch("--use-fake-device-for-media-stream", "--deny-permission-prompts")
    with opened(refusing, home(server)) as page:
        agree(page)
        assert "was refused" in problem(page)
    refusing.close()
    without = launch("--use-fake-ui-for-media-stream", "--host-resolver-rules=MAP emoscope.example 127.0.0.1")
    with opened(without, home(server)) as page:
        agree(page)
        assert "There is no microphone" in problem(page)
    with opened(without, f"http://emoscope.example:{server.port}/") as page:
        page.click("#listen")
        said = problem(page)
        for part in ("https://emoscope.example", "--cert", "ssh -L", "A recording can be read all the same"):
            assert part in said
    without.close()


def test_the_smallest_client_of_a_page_shows_the_finals(
    browser: Browser, expected: list[EmotionFinal], conversation: Path
) -> None:
    """demo/web_client.html, from a web server of its own, which the option --origin names."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(conversation.parents[1]))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        Thread(target=pages.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{pages.server_port}"
        with served("small", origins=(origin,)) as server:
            page = browser.new_page()
            page.goto(f"{origin}/web_client.html?ws://127.0.0.1:{server.port}")
            page.get_by_role("button").click()
            expect(page.locator("pre")).to_contain_text(re.compile(r"\n.*\n"))
            shown = [line.split()[1] for line in page.locator("pre").inner_text().splitlines()]
            page.close()
        pages.shutdown()
    assert shown == [event.label for event in expected]


def test_a_page_under_another_name_is_told_which_option_lets_it_in(
    launch: Launch, server: Server, beginning: Path
) -> None:
    there = launch("--host-resolver-rules=MAP emoscope.example 127.0.0.1")
    with opened(there, f"http://emoscope.example:{server.port}/") as page:
        choose(page, beginning)
        assert f"--origin http://emoscope.example:{server.port}" in problem(page)
    there.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: Any = listener.getsockname()[1]
        return int(port)
