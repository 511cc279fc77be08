"""Writes emoscope.js, the client as one file to copy, as a server gives it at `/emoscope.js`: `python bundle.py`."""

from pathlib import Path

from emoscope.streamer.server.web_files import CLIENT, web_files

if __name__ == "__main__":
    Path(__file__).with_name("emoscope.js").write_bytes(web_files()[CLIENT].body)
