"""Chromium with a recording as its microphone, for tests of the web page."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import numpy.typing as npt
import soundfile
from needed import program
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright
from waiting import DEADLINE_S

Launch = Callable[..., Browser]

FAKE_DEVICE = "--use-fake-device-for-media-stream"
ALLOWED = "--use-fake-ui-for-media-stream"  # without it the person refuses


@contextmanager
def launching() -> Iterator[Launch]:
    """A function that launches a browser with arguments; all of them are closed at the end of the block."""
    path = program("chromium")
    expect.set_options(timeout=1_000 * DEADLINE_S)
    with sync_playwright() as playwright:
        yield lambda *arguments: playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--mute-audio", *arguments]
        )


def microphone(samples: npt.NDArray[np.int16], path: Path) -> tuple[str, ...]:
    """Arguments that make samples at 16 kHz, then silence, the microphone of a browser whose person allows it."""
    soundfile.write(path, samples, 16_000)
    return FAKE_DEVICE, ALLOWED, f"--use-file-for-fake-audio-capture={path}%noloop"


class Watched:
    """A page, and what must not happen on it: errors of scripts, broken policies, requests to other hosts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.faults: list[str] = []
        page.set_default_timeout(1_000 * DEADLINE_S)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("console", lambda message: self._console(message.text))
        page.on("request", self._requested)

    def _console(self, text: str) -> None:
        if "Content Security Policy" in text or "Permissions-Policy" in text:
            self.faults.append(text)

    def _requested(self, request: Request) -> None:
        ours, asked = urlsplit(self.page.url), urlsplit(request.url)
        if (
            asked.scheme in ("http", "https", "ws", "wss")
            and self.page.url != "about:blank"
            and asked.netloc != ours.netloc
        ):
            self.faults.append(f"a request to {asked.netloc}")


@contextmanager
def opened(browser: Browser, url: str, **context: object) -> Iterator[Page]:
    """A page at `url` in a context of its own; AssertionError at its end after something forbidden."""
    made = browser.new_context(**context)  # type: ignore[arg-type]
    watched = Watched(made.new_page())
    try:
        watched.page.goto(url)
        yield watched.page
        assert watched.faults == []
    finally:
        made.close()


def finals_shown(page: Page) -> list[tuple[str, float]]:
    """Label and confidence of each turn on the page, oldest first."""
    rows = page.locator("#turns li").all()[::-1]
    return [(row.locator(".name").inner_text(), float(row.locator(".value").inner_text())) for row in rows]
