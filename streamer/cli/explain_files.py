"""`emoscope explain` after its options: from a file to a story, and from the story to pictures."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..display.pictures.collect import Collector
from ..display.pictures.output import numbered, size, write
from ..display.pictures.sound import Sound, read_sound
from ..display.pictures.story import Story
from ..display.pictures.theme import DARK, LIGHT, drawing
from ..display.plain_text import clock
from ..display.progress import Progress
from ..protocol.errors import EmoscopeError, InputError, UsageError
from ..protocol.events import AnyEvent, Status, WarningEvent
from ..protocol.text import clean, printable
from ..sinks.record import is_record, whole_record
from ..sources.recordings import Recording
from .options import shortcomings

if TYPE_CHECKING:
    from ..display.pictures.page import Page
    from .explain import Explain

MISMATCH_S = 1.0  # between a record and the recording beside it, before they are said to differ


def explain(options: "Explain") -> int:
    """Draw the pictures. 1 where a part of the file could not be read; the part before is drawn then."""
    recorded = is_record(options.path)
    if not recorded and options.audio is not None:
        raise UsageError("--audio is for a record; a recording has its sound")
    if not recorded and options.part is not None:
        raise UsageError("--part is for a record; a recording is one session")
    collector, problem = _record(options) if recorded else _recording(options)
    problems = [] if problem is None else [str(problem)]
    stories = collector.stories
    if problem is not None and not any(story.audio_s for story in stories):
        raise problem
    story = _part(options, stories)
    end = story.audio_s if options.to is None else min(options.to, story.audio_s)
    if not end > options.from_:
        if options.from_:
            raise UsageError(f"--from {options.from_:g}: {options.path} ends at {story.audio_s:.1f} s")
        raise InputError(f"{options.path}: has no audio, and there is nothing to draw")
    heard = _sound(options, story, end, problems, recorded=recorded)
    for line in problems:
        print(f"emoscope: {line}", file=sys.stderr)
    _draw(options, story, heard, end)
    return 1 if problems else 0


def _record(options: "Explain") -> tuple[Collector, EmoscopeError | None]:
    collector = Collector()
    return collector, _collect(collector, whole_record(options.path))


def _recording(options: "Explain") -> tuple[Collector, EmoscopeError | None]:
    """Read a recording as `replay` does, up to the end of what is drawn."""
    with Recording(options.path, options.recordings.format()):
        pass  # what cannot be opened is said before a model is loaded
    collector = Collector()
    if sys.stderr.isatty() and (hint := shortcomings(options.model, options.recognizer)):
        print(f"emoscope: {hint}", file=sys.stderr)
    with ExitStack() as stack:
        start = options.recognizer.start()
        recognizer = stack.enter_context(start()) if start is not None else None
        opened = options.model.open()
        progress = stack.enter_context(Progress([options.path]))
        events = options.events(options.path, opened, recognizer)
        until = float("inf") if options.to is None else options.to
        problem = _collect(collector, _shown(events, collector, until, progress))
    return collector, problem


def _shown(events: Iterator[AnyEvent], collector: Collector, until: float, progress: Progress) -> Iterator[AnyEvent]:
    """The events until everything that began before `until` has been read, with progress and problems on stderr."""
    for event in events:
        yield event
        if isinstance(event, WarningEvent) and event.code in ("text_disabled", "vad_failed"):
            progress.print(f"emoscope: {event.message}", sys.stderr)
        if isinstance(event, Status):
            progress.at(event.audio_s)
            if event.processed_s >= until and collector.settled(until):
                return


def _collect(collector: Collector, events: Iterable[AnyEvent]) -> EmoscopeError | None:
    """Collect events; the error that ended them, if one did."""
    try:
        for event in events:
            collector.add(event)
    except EmoscopeError as error:
        return error
    return None


def _part(options: "Explain", stories: list[Story]) -> Story:
    """The session or channel to draw; a person is told where there are others."""
    names = [f"{number} {clean(story.name)}" for number, story in enumerate(stories, 1)]
    wanted = options.part or 1
    if wanted > len(stories):
        raise UsageError(f"--part {wanted}: {options.path} has {', '.join(names)}")
    if len(stories) > 1 and options.part is None:
        parts = "; ".join(names)
        print(f"emoscope: {options.path} has {len(stories)} parts ({parts}): --part N draws another", file=sys.stderr)
    return stories[wanted - 1]


def _sound(options: "Explain", story: Story, end: float, problems: list[str], *, recorded: bool) -> Sound | None:
    """The sound of the recording; None for a record alone. What is wrong with it is added to `problems`."""
    path: Path | None = options.audio if recorded else options.path
    if path is None:
        return None
    page = options.output.suffix.lower() == ".html"
    heard = read_sound(
        path,
        options.recordings.format(),
        story.channel,
        (options.from_, end) if page and not options.no_audio else None,
    )
    if recorded and heard.broken:
        problems.append(heard.broken)
    elif recorded and story.closed and abs(heard.seconds - story.audio_s) > MISMATCH_S:
        problems.append(
            f"{path}: has {heard.seconds:.1f} s, but the record tells of {story.audio_s:.1f} s; is it the same one?"
        )
    return heard


def _draw(options: "Explain", story: Story, heard: Sound | None, end: float) -> None:
    """Draw and write every page, and say what was written."""
    with drawing() as problems:
        for number, page in enumerate(_pages(options, story, heard, end), 1):
            path = numbered(options.output, number)
            write(path, page.content)
            stretch = f"{clock(options.from_)} to {clock(end)}"
            print(
                f"{clean(printable(path))}: {stretch if number == 1 else f'page {number}'}, {size(len(page.content))}"
            )
            if page.left_out:
                problems.append(f"{path}: {page.left_out} words had no room; a shorter part has: --from S --to S")
    if heard is not None and heard.flac:
        problems.append(f"{options.output} holds the sound of the recording; --no-audio leaves it out")
    for line in problems:
        print(f"emoscope: {line}", file=sys.stderr)


def _pages(options: "Explain", story: Story, heard: Sound | None, end: float) -> "Iterator[Page]":
    kind = options.output.suffix.lower()[1:]
    if kind == "html":
        from ..display.pictures.html import page

        yield page(story, heard, options.from_, end, dark=options.dark)
    else:
        from ..display.pictures.page import pages

        yield from pages(story, heard, options.from_, end, DARK if options.dark else LIGHT, kind)
