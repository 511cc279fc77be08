"""`emoscope send`: a recording or a microphone to a server, and its readings here."""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError
from ..runtime.signals import ended_by_signals
from .command import ArgparseCommand
from .exports import add_exports, check_exports, open_exports

if TYPE_CHECKING:
    import ssl

    from ..protocol.config import Config
    from ..runtime.remote import Sending
    from ..sources.microphone import Microphone
    from ..sources.paced_recording import PacedRecording

MICROPHONE = "mic"
UNPACED = 1e6  # the server sets the pace


def register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FILE|mic", help="a recording, or mic for the microphone (./mic is a file)")
    parser.add_argument("url", metavar="URL", help="where the server is, such as ws://127.0.0.1:8765")
    parser.add_argument("--device", metavar="D", help="for mic: number, name or part of one, from `emoscope devices`")
    parser.add_argument("--token", help="what the server asks for; EMOSCOPE_TOKEN serves too, and shows in no list")
    parser.add_argument("--ca", type=Path, metavar="FILE", help="certificate that the server's is trusted by, PEM")
    parser.add_argument("--plain", action="store_true", help="a line a final: for screen readers, logs, old consoles")
    parser.add_argument("--json", action="store_true", help="all events as JSON lines on stdout, nothing else there")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all events to FILE (.jsonl)")
    add_exports(parser)
    parser.add_argument(
        "--pace",
        choices=["realtime", "fast"],
        help="a file at the speed of life, or as fast as the server reads (realtime on a screen, else fast)",
    )
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after so much audio")
    parser.add_argument("--no-interim", action="store_true", help="finals only")


def run(args: argparse.Namespace) -> int:
    _check(args)
    from ..sinks.event_file import written
    from ..sinks.record import RecordWriter
    from .screen import as_lines, can_show, device_lines, leave_now, on_screen

    screen = not args.plain and not args.json and can_show()
    with ExitStack() as stack, ended_by_signals():
        context = _tls(args)
        pace = args.pace or ("realtime" if screen or args.source == MICROPHONE else "fast")
        source = _source(args, pace)
        stack.callback(source.close)
        sending = _sending(args, source, pace, context)
        files = [str(path) for path in (args.record, args.vtt, args.csv) if path is not None]
        record = None
        if args.record is not None:
            record = RecordWriter(args.record)
            stack.callback(written, [str(args.record)])
            stack.enter_context(record)
        sending.keep(record, *open_exports(args, stack))
        stack.callback(_end, sending)
        if not screen:
            sending.start()
            if not as_lines(sending, json=args.json):
                leave_now(files)
            return 1 if sending.troubled else 0
        from ..display import ScreenState

        state = ScreenState(source=source.name, live=args.source == MICROPHONE, files=files, device=args.url)
        on_screen(sending, state, files, device_lines)
        return 1 if sending.troubled else 0


def _check(args: argparse.Namespace) -> None:
    if args.plain and args.json:
        raise UsageError("--plain and --json: one of them")
    if args.seconds is not None and not args.seconds > 0:
        raise UsageError(f"--seconds {args.seconds}: must be above 0")
    if args.source == MICROPHONE and args.pace == "fast":
        raise UsageError("--pace fast is for recordings: a microphone does not wait")
    if args.source != MICROPHONE and args.device is not None:
        raise UsageError("--device is for the microphone: emoscope send mic URL --device D")
    check_exports(args)
    from ..client.connect import stream_url

    args.url = stream_url(args.url)


def _source(args: argparse.Namespace, pace: str) -> "Microphone | PacedRecording":
    if args.source == MICROPHONE:
        from ..sources.devices import choose
        from ..sources.microphone import Microphone

        return Microphone(choose(args.device))
    from ..sources.paced_recording import PacedRecording

    return PacedRecording(Path(args.source), 1.0 if pace == "realtime" else UNPACED)


def _config(args: argparse.Namespace, source: "Microphone | PacedRecording", pace: str) -> "Config":
    from ..protocol.config import Config

    return Config(
        sample_rate=source.sample_rate,
        channels=source.channels,
        encoding="pcm_s16le" if getattr(source, "sixteen_bits", True) else "pcm_f32le",
        pace="fast" if pace == "fast" else "realtime",
        interim=not args.no_interim,
    )


def _sending(
    args: argparse.Namespace, source: "Microphone | PacedRecording", pace: str, context: "ssl.SSLContext | None"
) -> "Sending":
    from ..client import SyncClient
    from ..runtime.remote import Sending

    config, token = _config(args, source, pace), args.token or os.environ.get("EMOSCOPE_TOKEN")
    return Sending(
        source,
        lambda: SyncClient(args.url, config, token=token, context=context),
        live=args.source == MICROPHONE,
        seconds=args.seconds,
    )


def _tls(args: argparse.Namespace) -> "ssl.SSLContext | None":
    if args.ca is None:
        return None
    import ssl

    if not args.url.startswith("wss:"):
        raise UsageError("--ca is for wss:// addresses")
    try:
        return ssl.create_default_context(cafile=args.ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"--ca {args.ca}: no certificate that can be read ({error})") from None


def _end(sending: "Sending") -> None:
    """Before the record is closed: what is pending still goes into it."""
    sending.stop()
    sending.join(2.0)


command = ArgparseCommand(
    "send", "send a recording or a microphone to a server, and read its emotions here", register, run
)
