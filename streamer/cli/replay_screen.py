"""`emoscope replay` on a screen, and as a picture: the display of `listen`, from a recording or from a record."""

import argparse
import math
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..protocol.errors import UsageError
from ..protocol.events import Mood, Status, WarningEvent
from ..runtime.input_watch import ENVELOPE_S
from ..runtime.news import News, Note, Tick
from ..sinks.record import event_time, is_record
from .exports import is_folder, open_exports
from .recognizer_options import asr

if TYPE_CHECKING:
    from ..display import Player, RecordPlayer, ScreenState
    from ..runtime.live import Live

PICTURE_POLL_S = 0.05
UNPACED = 1e6  # nobody watches: as fast as the model goes


def wanted(args: argparse.Namespace) -> bool:
    """One file, a terminal, and nothing said against it: several files, or a folder, are read as fast as it goes."""
    if args.plain or args.json or len(args.paths) != 1 or args.paths[0].is_dir():
        return False
    if args.vtt is not None and is_folder(args.vtt):
        return False
    if (args.vtt or args.csv) and args.screenshot is None and is_record(args.paths[0]):
        return False  # it is only written anew, at once
    from .screen import can_show

    return can_show()


def run(args: argparse.Namespace) -> int:
    """The screen until the end, or `q`."""
    from .screen import device_lines, on_screen

    with ExitStack() as stack:
        player, state = _player(args, stack)
        on_screen(player, state, state.files, device_lines)
    return 0


def _player(args: argparse.Namespace, stack: ExitStack) -> "tuple[Player, ScreenState]":
    """The file as something to show. A recording is opened here, so that what is wrong with it is said at once."""
    from ..display import RecordPlayer, ScreenState
    from ..protocol.text import clean, printable
    from ..runtime.listen import labels_of
    from ..sinks.event_file import free_path
    from ..sinks.record import RecordWriter

    path: Path = args.paths[0]
    speed = args.speed or 1.0
    state = ScreenState(source=clean(printable(path.name)), live=False, speed=speed)
    if is_record(path):
        return RecordPlayer(path, speed), state
    state.model, state.labels = args.model, labels_of(args.model)
    state.unpaced = args.screenshot is not None
    live = _live(path, args, UNPACED if state.unpaced else speed)
    record = None
    if args.record is not None:
        place = free_path(args.record, path)
        record = stack.enter_context(RecordWriter(place))
        state.files.append(str(place))
    exports = open_exports(args, stack)
    state.files += [str(file.path) for file in exports]
    live.keep(record, *exports)
    return live, state


def _live(path: Path, args: argparse.Namespace, speed: float) -> "Live":
    from ..engine.opening import open_engine
    from ..protocol.config import Config
    from ..runtime.live import Live
    from ..sources.paced_recording import PacedRecording

    return Live(
        PacedRecording(path, speed),
        lambda: open_engine(args.model, threads=args.threads).loaded,
        Config(pace="realtime", interim=not args.no_interim, language=args.language, baseline=args.baseline),
        lossless=True,
        words=asr(args)[0],
        voice=args.voice,
    )


def picture(args: argparse.Namespace) -> int:
    """One frame, drawn as it would stand on a terminal of `--size` at second `--at`."""
    from ..display import RecordPlayer, draw
    from ..display.screenshot import check, save

    check(args.screenshot)
    width, height = _size(args.size)
    if len(args.paths) != 1:
        raise UsageError("--screenshot draws one file")
    if args.vtt or args.csv:
        raise UsageError("--screenshot draws a picture alone: write --vtt and --csv in a run of their own")
    with ExitStack() as stack:
        player, state = _player(args, stack)
        at = float("inf") if args.at is None else args.at
        if isinstance(player, RecordPlayer):
            _from_record(player, state, at)
        else:
            player.start()
            while not _absorbed(player, state, at):
                time.sleep(PICTURE_POLL_S)
            player.stop()
            player.join(2.0)
        save(draw(state, width, height), width, args.screenshot)
    if player.error is not None:
        raise player.error
    print(f"{args.screenshot}: {width}x{height} at {state.now_s:.1f} s")
    return 0


def _from_record(player: "RecordPlayer", state: "ScreenState", at: float) -> None:
    for item in player.until(at):
        state.apply(item)


def _absorbed(player: "Player", state: "ScreenState", at: float) -> bool:
    """Show what is there of the time before `at`, whatever else has been read by now; true when that was all."""
    over = player.done
    for item in player.news():
        if (known := _before(item, at)) is not None:
            state.apply(known)
        over = over or (isinstance(item, Status) and item.processed_s >= at)
    return over


def _before(item: News, at: float) -> News | None:
    """What of an item can have been seen at a time on the audio clock."""
    if isinstance(item, Note):
        return item
    if isinstance(item, Tick):
        late = math.ceil(max(0.0, item.audio_s - at) / ENVELOPE_S)
        if late >= max(1, len(item.envelope)):
            return item if not late else None
        return replace(item, audio_s=min(item.audio_s, at), envelope=item.envelope[: len(item.envelope) - late])
    when = item.end if isinstance(item, Mood) else item.start if isinstance(item, WarningEvent) else event_time(item)
    return item if (when or 0.0) <= at else None


def _size(text: str) -> tuple[int, int]:
    width, cross, height = text.lower().partition("x")
    if not cross or not width.isdecimal() or not height.isdecimal() or not (int(width) and int(height)):
        raise UsageError(f"--size {text}: columns and rows, as in 80x24")
    return min(int(width), 500), min(int(height), 200)
