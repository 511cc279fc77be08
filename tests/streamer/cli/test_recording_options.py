"""What the options name is what there is."""

from typing import get_args

from emoscope.streamer.cli.recording_options import Encoding, ExportFormat
from emoscope.streamer.sinks.exports import FORMATS
from emoscope.streamer.sources.input_format import RAW


def test_every_encoding_and_format_can_be_named() -> None:
    """The command line does not import the readers and writers before it needs them."""
    assert set(get_args(Encoding)) == set(RAW)
    assert set(get_args(ExportFormat)) == set(FORMATS)
