"""`emoscope replay`: recordings through the live path, to the eye, to JSON, to records."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..protocol.errors import EmoscopeError, UsageError
from .command import ArgparseCommand
from .exports import add_exports, check_exports, is_folder, open_exports, open_own
from .recognizer_options import add_asr, asr, checked_threads

if TYPE_CHECKING:
    from emoscope.models.speaker import SpeakerProfile

    from ..asr import Recognizer
    from ..engine.opening import OpenedModel
    from ..protocol.events import AnyEvent
    from ..sinks.event_file import EventFile
    from .progress import Progress


def register(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", nargs="+", type=Path, metavar="FILE", help="recordings, folders of them, or records")
    parser.add_argument("--model", default="small", help="a shipped model's name, or a folder (small)")
    parser.add_argument("--plain", action="store_true", help="a line a final, no screen")
    parser.add_argument("--json", action="store_true", help="all events as JSON lines on stdout, nothing else there")
    parser.add_argument("--record", type=Path, metavar="DIR", help="write each recording's events to DIR/NAME.jsonl")
    add_exports(parser, several=True)
    add_asr(parser)
    parser.add_argument("--speed", type=float, help="1 is real time (1 on a screen, else as fast as it goes)")
    parser.add_argument("--baseline", choices=("off", "running"), default="off", help="learn this voice (off)")
    parser.add_argument("--voice", type=Path, metavar="FILE", help="what an earlier session learnt of the voice")
    parser.add_argument("--no-interim", action="store_true", help="finals only")
    parser.add_argument("--threads", type=int, help="CPU threads (1 for a small model, else every core)")
    parser.add_argument("--screenshot", type=Path, metavar="PICTURE", help="draw one frame to .svg, .html or .txt")
    parser.add_argument("--at", type=float, metavar="S", help="second of the recording for --screenshot (its end)")
    parser.add_argument("--size", default="80x24", metavar="WxH", help="columns and rows for --screenshot (80x24)")


def run(args: argparse.Namespace) -> int:
    _check(args)
    start, without = asr(args)
    from . import replay_screen

    if args.screenshot is not None:
        return replay_screen.picture(args)
    if replay_screen.wanted(args):
        return replay_screen.run(args)
    from ..engine.opening import open_engine
    from ..sources.recordings import recordings
    from .progress import Progress

    files: list[Path] = []
    failed = 0
    for path in args.paths:
        try:
            files += recordings([path])
        except EmoscopeError as error:
            failed += _complain(error)
    if without and sys.stderr.isatty():  # a hint for a person; a program has the effective config
        print(f"emoscope: {without}", file=sys.stderr)
    if args.vtt is not None and len(files) > 1 and not is_folder(args.vtt):
        raise UsageError(f"--vtt {args.vtt}: {len(files)} recordings need a folder for their subtitles")
    tally = Tally(measured=args.speed is None)
    with ExitStack() as stack:
        exports = open_exports(args, stack)
        # It loads in its own process, meanwhile.
        recognizer = stack.enter_context(start()) if start is not None else None
        opened = open_engine(args.model, threads=args.threads)
        progress = stack.enter_context(Progress([] if args.plain else files))
        for file in files:
            try:
                _one(file, opened, recognizer, args, exports, tally, progress)
            except EmoscopeError as error:
                failed += 1
                progress.print(f"emoscope: {error}", sys.stderr)
            finally:
                progress.done(file)
    if not args.json:
        print(tally.summary(opened, failed))
    return 1 if failed else 0


def _check(args: argparse.Namespace) -> None:
    if args.speed is not None and not 0.01 <= args.speed <= 1000:
        raise UsageError(f"--speed {args.speed}: must be from 0.01 to 1000; 1 is real time")
    if args.plain and args.json:
        raise UsageError("--plain and --json: one of them")
    check_exports(args, several=True)
    if args.voice is not None and not args.voice.is_file():
        raise UsageError(f"--voice {args.voice}: no such file; `emoscope listen --voice FILE` writes one")
    checked_threads(args.threads)


def _complain(error: EmoscopeError) -> int:
    print(f"emoscope: {error}", file=sys.stderr)
    return 1


@dataclass
class Tally:
    """What the summary says.

    `wall_s` is the time inside the live path, model and reading of files included; not `measured` where that time
    was waited (a paced replay) or nothing was read (a record).
    """

    recordings: int = 0
    audio_s: float = 0.0
    speech_s: float = 0.0
    utterances: int = 0
    wall_s: float = 0.0
    measured: bool = True

    def summary(self, opened: "OpenedModel", failed: int) -> str:
        threads = opened.threads
        rtf = f"{self.wall_s / self.audio_s:.4f}" if self.audio_s and self.measured else "-"
        parts = [
            f"{self.recordings} recording{'s' * (self.recordings != 1)}",
            f"{self.audio_s:.1f} s",
            f"{self.utterances} utterance{'s' * (self.utterances != 1)} ({self.speech_s:.1f} s of speech)",
            f"RTF {rtf} (model {opened.contract.id}, {threads} thread{'s' * (threads != 1)})",
        ]
        if failed:
            parts.append(f"{failed} failed")
        return " · ".join(parts)


def _one(
    file: Path,
    opened: "OpenedModel",
    recognizer: "Recognizer | None",
    args: argparse.Namespace,
    exports: "list[EventFile]",
    tally: Tally,
    progress: "Progress",
) -> None:
    from ..display.plain_text import final_line
    from ..protocol.config import Config
    from ..protocol.events import EmotionFinal, SessionClosed, Status, WarningEvent, encode
    from ..runtime.replay import replay
    from ..sinks.record import is_record, whole_record

    pace: Literal["fast", "realtime"] = "fast" if args.speed is None else "realtime"
    config = Config(pace=pace, interim=not args.no_interim, language=args.language, baseline=args.baseline)
    if is_record(file):
        tally.measured = False  # nothing is read again, only shown
        events: Iterator[AnyEvent] = whole_record(file)
    else:
        known = _voice(args, opened)
        events = replay(file, opened, config=config, asr=recognizer, speed=args.speed, voice=known)
    heading = not args.json
    with ExitStack() as stack:
        own: list[EventFile] | None = None
        for event in _timed(events, tally):
            if own is None:  # opened with the first event: a file that cannot be read leaves nothing empty behind
                own = open_own(args, file, stack)
            for place in (*own, *exports):
                place.write(event)
            if args.json:
                sys.stdout.write(encode(event).decode() + "\n")
                sys.stdout.flush()
            elif isinstance(event, EmotionFinal):
                if heading:
                    progress.print(f"{file}")
                    heading = False
                progress.print(final_line(event))
            elif isinstance(event, WarningEvent) and event.code == "text_disabled":
                progress.print(f"emoscope: {event.message}", sys.stderr)
            if isinstance(event, Status):
                progress.at(event.audio_s)
            if isinstance(event, SessionClosed):
                tally.recordings += 1
                tally.audio_s += event.totals.audio_s
                tally.speech_s += event.totals.speech_s
                tally.utterances += event.totals.utterances
                if not args.json and event.totals.utterances == 0:
                    progress.print(f"{file}\n  no speech heard")


def _voice(args: argparse.Namespace, opened: "OpenedModel") -> "SpeakerProfile | None":
    if args.voice is None:
        return None
    from ..sinks.speaker_file import load_voice

    return load_voice(args.voice, opened.contract)


def _timed(events: "Iterator[AnyEvent]", tally: Tally) -> "Iterator[AnyEvent]":
    """The events, with the time spent making them on the tally."""
    while True:
        began = time.perf_counter()
        try:
            event = next(events)
        except StopIteration:
            return
        finally:
            tally.wall_s += time.perf_counter() - began
        yield event


command = ArgparseCommand("replay", "read the emotions of recordings, as they would have been read live", register, run)
