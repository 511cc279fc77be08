"""The JavaScript client in Chromium, on a page of another origin, against a real server."""

import base64
import json
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
import soundfile
from chromium import Launch, launching, microphone
from playwright.sync_api import Browser, Page, expect
from sent_speech import REPLAYED, WHOLE, durable
from served import served

from emoscope.streamer import replay
from emoscope.streamer.protocol.events import AnyEvent, EmotionFinal, SessionResumed, decode
from emoscope.streamer.testing import differences
from emoscope.streamer.testing.tcp_proxy import Faults, proxied

FOLDER = Path(__file__).parents[2] / "demo" / "javascript"
HEARD_S = 8.6  # two utterances of the demo recording

SEND = """async ([url, config, base64]) => {
  const { Emoscope } = await import("/emoscope.js");
  const events = [];
  const client = new Emoscope(url, { config }).on("event", (event) => events.push(event)).open();
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const samples = new Int16Array(bytes.buffer);
  for (let begin = 0; begin < samples.length; begin += 4000) await client.send(samples.slice(begin, begin + 4000));
  try { await client.finish(); } catch (error) { return error.message; }
  return JSON.stringify(events);
}"""


@pytest.fixture(scope="module")
def launch() -> Iterator[Launch]:
    with launching() as launch:
        yield launch


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The folder, served from an origin of its own."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(FOLDER)))
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def page(launch: Launch, site: str) -> Iterator[Page]:
    browser = launch()
    page = browser.new_page()
    page.goto(f"{site}/listen.html")
    yield page
    browser.close()


def sent(page: Page, url: str, pace: str = "fast") -> list[AnyEvent]:
    data = base64.b64encode(WHOLE.astype("<i2").tobytes()).decode()
    answer = page.evaluate(SEND, [url, {"pace": pace}, data])
    assert answer.startswith("["), answer
    return [decode(json.dumps(event)) for event in json.loads(answer)]


CUTS = {
    "nothing": [],
    "reset while audio goes up": [Faults(up_after=60_001)],
    "an event is cut in two": [Faults(down_after=5_555, ending="close")],
    "again and again": [Faults(up_after=30_000 + 7_001 * n) for n in range(3)],
}


@pytest.mark.parametrize("faults", CUTS.values(), ids=CUTS.keys())
@pytest.mark.parametrize("pace", ["fast", "realtime"])
def test_a_buffer_gives_the_events_of_a_replay_whatever_is_cut(
    page: Page, site: str, faults: list[Faults], pace: str
) -> None:
    with served(origins=(site,)) as server, proxied(server.port, faults) as proxy:
        events = sent(page, proxy.url, pace)
    came = durable(events)
    assert [event.seq for event in came] == list(range(1, len(REPLAYED) + 1))
    assert differences(came, REPLAYED) == []
    assert any(isinstance(event, SessionResumed) for event in events) == bool(faults)


def test_a_page_of_another_origin_may_load_the_client_from_the_server(page: Page, site: str) -> None:
    with served(origins=(site,)) as server:
        answer = page.evaluate(
            SEND.replace('"/emoscope.js"', f'"http://127.0.0.1:{server.port}/emoscope.js"'),
            [server.url, {"pace": "fast"}, base64.b64encode(WHOLE.astype("<i2").tobytes()).decode()],
        )
    assert differences(durable([decode(json.dumps(event)) for event in json.loads(answer)]), REPLAYED) == []


def test_a_page_that_the_server_does_not_allow_is_told_how_it_would(page: Page, site: str) -> None:
    with served() as server:
        data = base64.b64encode(WHOLE.astype("<i2").tobytes()).decode()
        answer = page.evaluate(SEND, [server.url, {}, data])
    assert f"--origin {site}" in answer


def test_the_demo_page_hears_what_a_replay_hears(launch: Launch, site: str, conversation: Path, tmp_path: Path) -> None:
    """Through an AudioWorklet of the one file, from a microphone."""
    samples, rate = soundfile.read(conversation, dtype="int16", frames=round(HEARD_S * 16_000))
    soundfile.write(tmp_path / "beginning.wav", samples, rate)
    expected = [event for event in replay(tmp_path / "beginning.wav") if isinstance(event, EmotionFinal)]
    heard = np.concatenate([np.zeros(8_000, np.int16), samples])
    browser: Browser = launch(*microphone(heard, tmp_path / "talk.wav"))
    assert len((FOLDER / "listen.html").read_text().splitlines()) < 40
    with served("small", origins=(site,)) as server:
        page = browser.new_page()
        page.goto(f"{site}/listen.html?{server.url.removesuffix('/v1/stream')}")
        page.locator("button").click()
        expect(page.locator("pre")).to_contain_text(expected[1].label)
        page.wait_for_function("document.querySelector('pre').textContent.trim().split('\\n').length === 2")
        page.locator("button").click()
        expect(page.locator("output")).to_have_text("finished")
        lines = [line.split() for line in page.locator("pre").inner_text().splitlines()]
    browser.close()
    assert [label for _, label, _ in lines] == [event.label for event in expected]
    for (_, _, confidence), event in zip(lines, expected, strict=True):
        assert float(confidence) == pytest.approx(event.confidence, abs=0.1)
