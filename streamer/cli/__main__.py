"""`python -m emoscope.streamer.cli` runs the command line, as `emoscope` does."""

from .main import program

program()
