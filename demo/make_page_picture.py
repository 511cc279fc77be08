"""Makes the picture of the web page, demo/page.png: `python demo/make_page_picture.py [FILE.png] [phone] [dark]`.

It needs `pip install playwright` and Chromium. The page reads the demo recording from a server of its own, at the speed
of life, and the picture is taken after the ninth utterance.
"""

import asyncio
import shutil
import sys
from pathlib import Path

from playwright.async_api import async_playwright, expect

from emoscope.streamer.server import serving

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
SECONDS = 39.9  # a final is shown, with eight utterances before it
DEMO = Path(__file__).parent


async def make(path: Path, size: str, scheme: str) -> None:
    async with serving("small") as server, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = await browser.new_context(viewport=SIZES[size], color_scheme=scheme)  # type: ignore[arg-type]
        page = await context.new_page()
        await page.goto(server.url.replace("ws://", "http://").removesuffix("v1/stream"))
        await page.set_input_files("#file", DEMO / "recordings" / "conversation.flac")
        clock = f"{int(SECONDS) // 60:02d}:{int(SECONDS) % 60:02d}"
        await expect(page.locator("#clock")).to_have_text(clock, timeout=600_000)
        await page.wait_for_timeout(1_000 * (SECONDS % 1))
        await page.screenshot(path=path, full_page=size == "phone")
        await browser.close()


if __name__ == "__main__":
    names = sys.argv[1:]
    target = next((Path(name) for name in names if name.endswith(".png")), DEMO / "page.png")
    asyncio.run(make(target, "phone" if "phone" in names else "desktop", "dark" if "dark" in names else "light"))
