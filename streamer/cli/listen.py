"""`emoscope listen`: a microphone's emotions while the person speaks."""

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError
from ..runtime.signals import ended_by_signals
from .command import ArgparseCommand
from .exports import add_exports, check_exports, open_exports
from .recognizer_options import add_asr, asr, checked_threads

if TYPE_CHECKING:
    from ..runtime.live import Live
    from ..sources.microphone import Microphone


def register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", metavar="D", help="number, name or part of one, from `emoscope devices`")
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder (small)")
    parser.add_argument("--plain", action="store_true", help="a line a final: for screen readers, logs, old consoles")
    parser.add_argument("--json", action="store_true", help="all events as JSON lines on stdout, nothing else there")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write all events to FILE (.jsonl)")
    add_exports(parser)
    parser.add_argument("--record-audio", type=Path, metavar="FILE", help="keep the audio, as .wav (it is not kept)")
    parser.add_argument("--seconds", type=float, metavar="S", help="stop after so much audio")
    parser.add_argument("--baseline", choices=("off", "running"), default="off", help="learn this voice (off)")
    parser.add_argument("--voice", type=Path, metavar="FILE", help="what is known of the voice, read and written")
    parser.add_argument("--no-interim", action="store_true", help="finals only")
    add_asr(parser)
    parser.add_argument("--threads", type=int, help="CPU threads (1 for a small model, else every core)")


def run(args: argparse.Namespace) -> int:
    if args.plain and args.json:
        raise UsageError("--plain and --json: one of them")
    if args.seconds is not None and not args.seconds > 0:
        raise UsageError(f"--seconds {args.seconds}: must be above 0")
    checked_threads(args.threads)
    check_exports(args)
    _, without = asr(args)
    from ..sinks.event_file import written
    from ..sinks.record import RecordWriter
    from ..sinks.wave_file import WaveFile
    from ..sources.devices import choose
    from ..sources.microphone import Microphone
    from .screen import as_lines, can_show, device_lines, leave_now, on_screen

    screen = not args.plain and not args.json and can_show()
    microphone = Microphone(choose(args.device))
    with ExitStack() as stack, ended_by_signals():
        # Closed again by the session's thread; here for what goes wrong before there is one.
        stack.callback(microphone.close)
        files = [str(path) for path in (args.record, args.record_audio, args.vtt, args.csv) if path is not None]
        record, audio = None, None
        if args.record:
            record = RecordWriter(args.record)
            stack.callback(written, [str(args.record)])
            stack.enter_context(record)
        if args.record_audio:
            audio = WaveFile(args.record_audio, microphone.sample_rate, microphone.channels)
            stack.callback(written, [str(args.record_audio)])
            stack.enter_context(audio)
        exports = open_exports(args, stack)
        live = _live(args, microphone)
        live.keep(record, *exports)
        if audio is not None:
            live.keep_audio(audio)
        stack.callback(_end, live)
        if not screen:
            live.start()
            if without and sys.stderr.isatty():
                print(f"emoscope: {without}", file=sys.stderr)
            if args.record_audio and not args.json:
                print(f"emoscope: the audio is being recorded to {args.record_audio}", file=sys.stderr)
            if not as_lines(live, json=args.json):
                leave_now(files)
            return 1 if live.troubled else 0
        from ..display import ScreenState
        from ..runtime.drive import product
        from ..runtime.listen import labels_of

        state = ScreenState(
            product=product(),
            source=microphone.name,
            detail=_rate(microphone),
            model=args.model,
            files=files,
            labels=labels_of(args.model),
        )
        on_screen(live, state, files, device_lines)
        return 1 if live.troubled else 0


def _live(args: argparse.Namespace, microphone: "Microphone") -> "Live":
    from ..engine.opening import open_engine
    from ..protocol.config import Config
    from ..runtime.live import Live

    return Live(
        microphone,
        lambda: open_engine(args.model, threads=args.threads).loaded,
        Config(pace="realtime", interim=not args.no_interim, language=args.language, baseline=args.baseline),
        seconds=args.seconds,
        words=asr(args)[0],
        voice=args.voice,
    )


def _end(live: "Live") -> None:
    """Before the files are closed: what is pending still goes into them."""
    live.stop()
    live.join(2.0)


def _rate(microphone: "Microphone") -> str:
    kilo = f"{microphone.sample_rate / 1000:g}"
    rate = f"{kilo} kHz" if microphone.sample_rate == 16_000 else f"{kilo}→16 kHz"
    return rate + (f" {microphone.channels} ch mixed" if microphone.channels > 1 else "")


command = ArgparseCommand("listen", "read the emotions of a microphone, live", register, run)
