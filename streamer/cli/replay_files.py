"""`emoscope replay` without a screen: all files, as fast as possible, to plain lines, JSON, records and exports."""

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..display.plain_output import json_line
from ..display.plain_text import final_line
from ..display.progress import Progress
from ..protocol.errors import ClusterError, EmoscopeError, InputError, UsageError
from ..protocol.events import AnyEvent, EmotionFinal, Status, WarningEvent
from ..protocol.text import clean, printable
from ..sinks.event_file import EventFile, free_path
from ..sinks.exports import FORMATS, ExportGroup, Wanted
from ..sinks.output_folder import OutputFolder, output_names
from ..sinks.outputs import close_with
from ..sinks.record import RecordWriter, is_record, whole_record
from ..sinks.recording_summary import HEAD, RecordingSummary
from ..sinks.subtitles import Subtitles
from ..sources.listing import Listing, listed
from ..sources.recordings import STDIN
from .replay_tally import Tally

if TYPE_CHECKING:
    from ..asr.recognizer import Recognizer
    from ..distributed.archives.jobs import RayJobs
    from ..engine.opening import OpenedModel
    from ..runtime.replay_jobs import ReplayJobs
    from ..runtime.replay_service import ReplayLoad
    from .replay_options import ReplayOptions

WORTH_A_TABLE = 2  # recordings

Readings = Iterator[tuple[int, Iterator[AnyEvent]]]


def read_files(options: "ReplayOptions", hint: str) -> int:
    """Read every file. A file that cannot be read is one line on stderr, and the others are still read; 1 then."""
    listing = listed(options.paths)
    tally = Tally(measured=options.speed is None, unreachable=len(listing.failures))
    lines = [*listing.failures, *([listing.skipped_line] if listing.skipped else [])]
    if hint and sys.stderr.isatty():  # for a person; a program has the effective config
        lines.append(hint)
    for line in lines:
        print(f"emoscope: {line}", file=sys.stderr)
    return _Run(options, listing, tally).run()


class _Run:
    """One run over all files."""

    def __init__(self, options: "ReplayOptions", listing: Listing, tally: Tally) -> None:
        self._options, self._output, self._tally = options, options.output, tally
        self._files = listing.files
        self._paths = [path for path, _ in listing.files]
        self._names = output_names(listing.files)
        self._folder: OutputFolder | None = None
        self._quiet = self._output.json or self._output.to_stdout

    def run(self) -> int:
        """Read every file; the exit code."""
        wanted = self._output.run_files()
        self._check(wanted)
        with ExitStack() as stack:
            shared = ExportGroup([close_with(stack, FORMATS[one.format].open(one.path, self._output.frames))
                                  for one in wanted])  # fmt: skip
            self._folder = self._open_folder(stack)
            places = [place for place in range(len(self._files)) if not self._is_done(place)]
            self._tally.skipped = len(self._files) - len(places)
            readings, model = self._reader(stack, places)
            progress = stack.enter_context(Progress([] if self._output.plain else [self._paths[i] for i in places]))
            began = time.perf_counter()
            left = dict.fromkeys(places)
            try:
                for place, events in readings:
                    try:
                        self._read(place, events, shared, progress)
                    finally:
                        progress.done(self._paths[place])
                    del left[place]
            except (KeyboardInterrupt, ClusterError):
                self._stopped(list(left), progress)
                raise
            if self._output.most_jobs > 1 or self._options.ray is not None:
                self._tally.wall_s = time.perf_counter() - began
            if self._folder is not None:
                self._folder.finish(self._paths)
        if not self._quiet:
            self._print_end(model)
        return 1 if self._tally.failed else 0

    def _print_end(self, model: str) -> None:
        if len(self._tally.summaries) >= WORTH_A_TABLE and not self._output.plain:
            print(HEAD)
            for summary in self._tally.summaries:
                print(summary.line())
        print(self._tally.last_line(model))

    def _check(self, wanted: list[Wanted]) -> None:
        count = len(self._files)
        for one in wanted:
            if count > 1 and not FORMATS[one.format].many:
                option = "--vtt" if one.path == self._output.vtt else f"--format {one.format}"
                raise UsageError(f"{option} {one.path}: {count} recordings need a folder, a file for each")
        if self._options.ray is not None and STDIN in self._paths:
            raise UsageError("-: --ray reads files, which each node of the cluster opens itself")
        if count > 1 and STDIN in self._paths:
            raise UsageError("-: standard input is one recording; name it alone")

    def _open_folder(self, stack: ExitStack) -> OutputFolder | None:
        out = self._output
        if out.out_folder is None:
            return None
        on_ray = self._options.ray is not None
        formats = out.format or ("parquet",) if on_ray else out.folder_formats()
        folder = OutputFolder(out.out_folder, formats, frames=out.frames, record=on_ray, resume=out.skip_done)
        return stack.enter_context(folder)

    def _is_done(self, place: int) -> bool:
        return self._folder is not None and self._folder.done(self._paths[place], self._names[place])

    def _stopped(self, left: list[int], progress: Progress) -> None:
        """Ctrl+C, or a cluster that is gone: what is done stays, and the rest is named."""
        if self._folder is not None:
            self._folder.finish(self._paths)
        names = [clean(printable(self._paths[place])) for place in left]
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        how = "; --skip-done goes on there" if self._folder is not None else ""
        progress.print(f"emoscope: not read to the end: {shown}{how}", sys.stderr)

    # --- the events of a file

    def _reader(self, stack: ExitStack, places: list[int]) -> tuple[Readings, str]:
        """The places with the events of their files, and what the last line says of the model."""
        options = self._options
        files = [self._paths[place] for place in places]
        if options.ray is not None:
            cluster = self._cluster(stack, options.ray, files)
            how = f"{cluster.room.readers} process{'es' * (cluster.room.readers != 1)} on Ray"
            found = ((places[number], events) for number, events in cluster.readings())
            return found, f"model {options.model.name}, {how}"
        if self._output.most_jobs > 1 and len(places) > 1:
            jobs = self._jobs(stack, files)
            many = f"model {options.model.name}, {self._output.jobs} jobs"
            return ((place, jobs.events(number)) for number, place in enumerate(places)), many
        start = options.recognizer.start()
        # The recognizer loads in a process of its own, at the same time as the model.
        recognizer = stack.enter_context(start()) if start is not None else None
        opened = options.model.open()
        if opened.note:
            print(f"emoscope: {opened.note}", file=sys.stderr)
        threads = f"{opened.runtime}, {opened.threads} thread{'s' * (opened.threads != 1)}"
        one_by_one = ((place, self._events(self._paths[place], opened, recognizer)) for place in places)
        return one_by_one, f"model {opened.contract.id}, {threads}"

    def _cluster(self, stack: ExitStack, address: str, files: list[Path]) -> "RayJobs":
        from ..distributed.archives.jobs import RayJobs
        from ..distributed.cluster import cluster

        stack.enter_context(cluster(address))
        jobs = RayJobs(self._load(), files, self._output.jobs)
        if files:
            jobs.check()
        return jobs

    def _jobs(self, stack: ExitStack, files: list[Path]) -> "ReplayJobs":
        from ..runtime.replay_jobs import ReplayJobs

        jobs = stack.enter_context(ReplayJobs(self._load(), self._output.most_jobs, files))
        jobs.check()
        return jobs

    def _load(self) -> "ReplayLoad":
        """What other processes need to read as this one would."""
        from ..runtime.replay_service import ReplayLoad

        options = self._options
        return ReplayLoad(
            model=options.model.request(),
            config=options.config("fast"),
            input=options.recordings.format(),
            asr=options.recognizer.asr,
            asr_device=options.recognizer.asr_device,
            voice=None if options.speaker.voice is None else str(options.speaker.voice),
        )

    def _events(self, file: Path, opened: "OpenedModel", recognizer: "Recognizer | None") -> Iterator[AnyEvent]:
        """The events of a recording or of a record, with the time that making them takes counted."""
        options = self._options
        if is_record(file):
            self._tally.measured = False
            return _timed(whole_record(file), self._tally)
        return _timed(options.events(file, opened, recognizer, speed=options.speed), self._tally)

    # --- what is made of them

    def _read(self, place: int, events: Iterable[AnyEvent], shared: ExportGroup, progress: Progress) -> None:
        """Print and write the events of one file, and count it."""
        file, folder = self._paths[place], self._folder
        summary = RecordingSummary(printable(file))
        inside: list[EventFile] | None = None
        lines = _Lines(file, progress, quiet=self._quiet)
        try:
            with ExitStack() as stack:
                own: ExportGroup | None = None
                for event in _whatever_can_be_read(events, summary, progress):
                    if own is None:  # opened with the first event: a file that cannot be read leaves none behind
                        own = ExportGroup(self._open_own(file, stack))
                        inside = None if folder is None else folder.open(self._names[place])
                        published = ExportGroup(inside or [])
                    summary.add(event)
                    for group in (own, published, shared):
                        group.write(event)
                    if self._output.json:
                        json_line(event)
                    lines.show(event)
                if inside is not None and folder is not None:
                    finished, inside = inside, None
                    folder.publish(self._names[place], finished)
        except InputError as error:  # of an output
            _failed(error, summary, progress)
        finally:
            if inside is not None and folder is not None:
                folder.discard(inside)
        lines.close(summary)
        self._tally.summaries.append(summary)
        if folder is not None:
            folder.note(file, summary)

    def _open_own(self, recording: Path, stack: ExitStack) -> list[EventFile]:
        """The files of one recording in the folders of --record and --vtt, named after it."""
        files: list[EventFile] = []
        if self._output.record is not None:
            files.append(RecordWriter(free_path(self._output.record, recording)))
        if self._output.vtt_folder is not None:
            path = free_path(self._output.vtt_folder, recording, ".vtt")
            files.append(Subtitles(path, self._output.frames))
        return [stack.enter_context(file) for file in files]


class _Lines:
    """What a person sees of one file: its name, its finals, and its warnings."""

    def __init__(self, file: Path, progress: Progress, *, quiet: bool) -> None:
        self._file, self._progress, self._quiet = clean(printable(file)), progress, quiet
        self._named = False

    def show(self, event: AnyEvent) -> None:
        """One event."""
        if isinstance(event, Status):
            self._progress.at(event.audio_s)
        if isinstance(event, WarningEvent) and event.code in ("text_disabled", "vad_failed") and not self._quiet:
            self._progress.print(f"emoscope: {event.message}", sys.stderr)
        elif isinstance(event, WarningEvent):
            self._line(f"  {event.code}: {event.message}")
        elif isinstance(event, EmotionFinal):
            self._line(final_line(event))

    def close(self, summary: RecordingSummary) -> None:
        """The file has ended."""
        if summary.utterances == 0 and not summary.error:
            self._line("  no speech heard")

    def _line(self, line: str) -> None:
        if self._quiet:
            return
        if not self._named:
            self._named = True
            self._progress.print(self._file)
        self._progress.print(line)


def _whatever_can_be_read(
    events: Iterable[AnyEvent], summary: RecordingSummary, progress: Progress
) -> Iterator[AnyEvent]:
    """The events of a recording. What is wrong with it is told, and noted in its summary."""
    try:
        yield from events
    except UsageError:
        raise
    except EmoscopeError as error:
        _failed(error, summary, progress)


def _failed(error: EmoscopeError, summary: RecordingSummary, progress: Progress) -> None:
    summary.error = summary.error or " ".join(str(error).split())
    progress.print(f"emoscope: {error}", sys.stderr)


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
