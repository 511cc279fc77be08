"""`emoscope replay` without a screen: all files, as fast as possible, to plain lines, JSON, records and tables."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..display.plain_text import final_line
from ..display.progress import Progress
from ..protocol.errors import EmoscopeError, UsageError
from ..protocol.events import AnyEvent, EmotionFinal, SessionClosed, Status, WarningEvent, encode
from ..sinks.event_file import EventFile, free_path
from ..sinks.outputs import open_outputs
from ..sinks.record import RecordWriter, is_record, whole_record
from ..sinks.subtitles import Subtitles
from ..sources.recordings import recordings

if TYPE_CHECKING:
    from ..asr.recognizer import Recognizer
    from ..engine.opening import OpenedModel
    from .replay_options import ReplayOptions


@dataclass
class Tally:
    """What the last line sums up.

    wall_s    time inside the live path, the model and the reading of files included
    measured  false where that time says nothing: a paced replay waits, and a record is not read again
    """

    recordings: int = 0
    failed: int = 0
    audio_s: float = 0.0
    speech_s: float = 0.0
    utterances: int = 0
    wall_s: float = 0.0
    measured: bool = True

    def add(self, closed: SessionClosed) -> None:
        """Count a recording that was read to its end."""
        self.recordings += 1
        self.audio_s += closed.totals.audio_s
        self.speech_s += closed.totals.speech_s
        self.utterances += closed.totals.utterances

    def summary(self, opened: "OpenedModel") -> str:
        """The last line."""
        rtf = f"{self.wall_s / self.audio_s:.4f}" if self.audio_s and self.measured else "-"
        threads = f"{opened.threads} thread{'s' * (opened.threads != 1)}"
        parts = [
            f"{self.recordings} recording{'s' * (self.recordings != 1)}",
            f"{self.audio_s:.1f} s",
            f"{self.utterances} utterance{'s' * (self.utterances != 1)} ({self.speech_s:.1f} s of speech)",
            f"RTF {rtf} (model {opened.contract.id}, {threads})",
        ]
        if self.failed:
            parts.append(f"{self.failed} failed")
        return " · ".join(parts)


def read_files(options: "ReplayOptions", hint: str) -> int:
    """Read every file. A file that cannot be read is one line on stderr, and the others are still read; 1 then."""
    tally = Tally(measured=options.speed is None)
    files: list[Path] = []
    for path in options.paths:
        try:
            files += recordings([path])
        except EmoscopeError as error:
            tally.failed += 1
            print(f"emoscope: {error}", file=sys.stderr)
    if hint and sys.stderr.isatty():  # for a person; a program has the effective config
        print(f"emoscope: {hint}", file=sys.stderr)
    output = options.output
    if output.vtt_file is not None and len(files) > 1:
        raise UsageError(f"--vtt {output.vtt_file}: {len(files)} recordings need a folder for their subtitles")
    with ExitStack() as stack:
        shared = open_outputs(stack, vtt=output.vtt_file, csv=output.csv)
        start = options.recognizer.start()
        # The recognizer loads in a process of its own, at the same time as the model.
        recognizer = stack.enter_context(start()) if start is not None else None
        opened = options.model.open()
        progress = stack.enter_context(Progress([] if output.plain else files))
        for file in files:
            try:
                _read(file, _events(file, options, opened, recognizer, tally), options, shared, tally, progress)
            except EmoscopeError as error:
                tally.failed += 1
                progress.print(f"emoscope: {error}", sys.stderr)
            finally:
                progress.done(file)
    if not output.json:
        print(tally.summary(opened))
    return 1 if tally.failed else 0


def _events(
    file: Path, options: "ReplayOptions", opened: "OpenedModel", recognizer: "Recognizer | None", tally: Tally
) -> Iterator[AnyEvent]:
    """The events of a recording or of a record, with the time that making them takes counted."""
    if is_record(file):
        tally.measured = False
        return _timed(whole_record(file), tally)
    events = options.events(file, opened, recognizer, speed=options.speed)
    return _timed(events, tally)


def _timed(events: Iterator[AnyEvent], tally: Tally) -> Iterator[AnyEvent]:
    while True:
        began = time.perf_counter()
        try:
            event = next(events)
        except StopIteration:
            return
        finally:
            tally.wall_s += time.perf_counter() - began
        yield event


def _read(
    file: Path,
    events: Iterable[AnyEvent],
    options: "ReplayOptions",
    shared: Iterable[EventFile],
    tally: Tally,
    progress: Progress,
) -> None:
    """Print and write the events of one file."""
    named = False
    with ExitStack() as stack:
        own: list[EventFile] | None = None
        for event in events:
            if own is None:  # opened with the first event: a file that cannot be read leaves no empty one behind
                own = _open_own(options, file, stack)
            for sink in (*own, *shared):
                sink.write(event)
            if options.output.json:
                sys.stdout.write(encode(event).decode() + "\n")
                sys.stdout.flush()
            elif isinstance(event, EmotionFinal):
                if not named:
                    progress.print(f"{file}")
                    named = True
                progress.print(final_line(event))
            elif isinstance(event, WarningEvent) and event.code in ("text_disabled", "vad_failed"):
                progress.print(f"emoscope: {event.message}", sys.stderr)
            if isinstance(event, Status):
                progress.at(event.audio_s)
            if isinstance(event, SessionClosed):
                tally.add(event)
                if not options.output.json and event.totals.utterances == 0:
                    progress.print(f"{file}\n  no speech heard")


def _open_own(options: "ReplayOptions", recording: Path, stack: ExitStack) -> list[EventFile]:
    """The files of one recording, named after it, in the folders that were asked for: its record and its subtitles."""
    files: list[EventFile] = []
    if options.output.record is not None:
        files.append(RecordWriter(free_path(options.output.record, recording)))
    if options.output.vtt_folder is not None:
        files.append(Subtitles(free_path(options.output.vtt_folder, recording, ".vtt")))
    return [stack.enter_context(file) for file in files]
