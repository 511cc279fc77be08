"""`emoscope replay` on a screen, and as a picture: the display of `listen`, from a recording or from a record."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from ..display import Player, RecordPlayer, ScreenState, draw
from ..display.screen import can_show, show_screen
from ..display.screenshot import check, save
from ..display.seek import apply_until
from ..protocol.errors import UsageError
from ..protocol.text import clean, printable
from ..runtime.listen import labels_of
from ..sinks.event_file import free_path
from ..sinks.outputs import open_outputs
from ..sinks.record import is_record

if TYPE_CHECKING:
    from ..runtime.live import Live
    from .replay_options import ReplayOptions

UNPACED = 1e6  # nobody watches: as fast as the model runs
MOST_COLUMNS, MOST_ROWS = 500, 200


def is_for_screen(options: "ReplayOptions") -> bool:
    """Whether to show the file on the screen: one file, a terminal, and no option that asks for something else."""
    output = options.output
    if output.plain or output.json or len(options.paths) != 1 or options.paths[0].is_dir():
        return False
    if output.vtt_folder is not None or output.format or output.out or options.recordings.channels == "split":
        return False
    if not options.paths[0].is_file() or options.recordings.follow:
        return False
    if (output.vtt or output.csv) and is_record(options.paths[0]):
        return False  # the record is only converted, at once
    return can_show()


def show(options: "ReplayOptions") -> int:
    """Show the file until its end, or `q`."""
    with ExitStack() as stack:
        player, state = _player(options, stack)
        show_screen(lambda: player, state)
    return 0


def screenshot(options: "ReplayOptions", picture: Path) -> int:
    """Draw one frame as it would be on a terminal of `--size` at second `--at`."""
    check(picture)
    width, height = _size(options.size)
    if len(options.paths) != 1:
        raise UsageError("--screenshot draws one file")
    if options.output.exports:
        raise UsageError("--screenshot draws a picture alone: write --vtt, --csv and others in a run of their own")
    if options.recordings.channels == "split":
        raise UsageError("--screenshot shows one session: leave out --channels split, or choose a channel")
    with ExitStack() as stack:
        player, state = _player(options, stack)
        apply_until(player, state, float("inf") if options.at is None else options.at)
        save(draw(state, width, height), width, picture)
    if player.error is not None:
        raise player.error
    print(f"{picture}: {width}x{height} at {state.now_s:.1f} s")
    return 0


def _player(options: "ReplayOptions", stack: ExitStack) -> "tuple[Player, ScreenState]":
    """The player of the one file. A recording is opened here, so that an unreadable one is an error at once."""
    [path] = options.paths
    speed = options.speed or 1.0
    state = ScreenState(source=clean(printable(path.name)), live=False, speed=speed)
    if is_record(path):
        return RecordPlayer(path, speed), state
    state.model, state.labels = options.model.name, labels_of(options.model.name)
    state.unpaced = options.screenshot is not None
    live = _live(path, options, UNPACED if state.unpaced else speed)
    output = options.output
    record = None if output.record is None else free_path(output.record, path)
    files = open_outputs(stack, record=record, vtt=output.vtt_file, csv=output.csv)
    state.files = [str(file.path) for file in files]
    live.record_to(*files)
    return live, state


def _live(path: Path, options: "ReplayOptions", speed: float) -> "Live":
    from ..runtime.live import Live
    from ..sources.paced_recording import PacedRecording

    return Live(
        PacedRecording(path, speed, options.recordings.format()),
        lambda: options.model.open().loaded,
        options.config("realtime"),
        lossless=True,
        start_recognizer=options.recognizer.start(),
        speaker_file=options.speaker.voice,
    )


def _size(text: str) -> tuple[int, int]:
    """Columns and rows of `--size`; UsageError where they are none."""
    width, cross, height = text.lower().partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal() or not (int(width) and int(height)):
        raise UsageError(f"--size {text}: columns and rows, as in 80x24")
    return min(int(width), MOST_COLUMNS), min(int(height), MOST_ROWS)
