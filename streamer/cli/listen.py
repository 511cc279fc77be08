"""`emoscope listen`: the emotions of a microphone while the person speaks."""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from ..protocol.errors import DeviceLost, UnusableDevice
from .command import Command
from .options import (
    OUTPUT,
    ModelOptions,
    OutputOptions,
    RecognizerOptions,
    check_seconds,
    shortcomings,
)
from .session_options import DetectorOptions, SessionOptions, SpeakerOptions, session_config

if TYPE_CHECKING:
    from ..display.state import ScreenState
    from ..runtime.live import Live
    from ..runtime.player import PlayerThread
    from ..sources.microphone import Microphone

STOP_TIMEOUT_S = 2.0


@dataclass
class Outcome:
    """What has become of the files of all sessions. An object of its own, as fields of a command are its options."""

    write_failed: bool = False

    def add(self, live: "Live") -> None:
        """Count a session that has ended."""
        self.write_failed = self.write_failed or live.write_failed


@dataclass(frozen=True, kw_only=True)
class Listen:
    """Listen to a microphone."""

    input: Annotated[
        str | None,
        Parameter(help="the microphone: its number, its name or a part of it, from `emoscope devices`", metavar="NAME"),
    ] = None
    seconds: Annotated[float | None, Parameter(help="stop after this much audio", metavar="S")] = None
    reopen: Annotated[
        bool, Parameter(help="when the microphone is unplugged, wait until it is back, and begin another session")
    ] = False
    record_audio: Annotated[
        Path | None, Parameter(help="keep the audio, as .wav (it is not kept otherwise)", metavar="FILE", group=OUTPUT)
    ] = None
    model: ModelOptions = field(default_factory=ModelOptions)
    recognizer: RecognizerOptions = field(default_factory=RecognizerOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    speaker: SpeakerOptions = field(default_factory=SpeakerOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    output: OutputOptions = field(default_factory=OutputOptions)

    def __post_init__(self) -> None:
        """UsageError for `--seconds` of nothing."""
        check_seconds(self.seconds)

    def run(self) -> int:
        """Listen until the end; 1 when a file could not be written to its end."""
        from ..runtime.shutdown import interrupted_by_signals

        outcome = Outcome()
        with interrupted_by_signals():
            if self.reopen:
                self._listen_again(outcome)
            else:
                self._listen(outcome)
        return 1 if outcome.write_failed else 0

    def _listen_again(self, outcome: Outcome) -> None:
        """One session after the other, each with files of its own, whenever the microphone is back."""
        from ..sources.devices import choose, wait_for

        name = choose(self.input).name
        input = name if self.input is not None else None  # its number may be another one when it is back
        asked, began, told = self, False, ""
        while True:
            try:
                asked._listen(outcome)
                return
            except UnusableDevice as error:
                lost = isinstance(error, DeviceLost)
                began = began or lost
                if not began:
                    raise
                what = str(error).partition(";")[0]
                if lost or what != told:
                    print(f"emoscope: {what}; waiting until it is back (Ctrl+C ends)", file=sys.stderr, flush=True)
                told = what
                if not wait_for(name):
                    raise
            asked = replace(
                self,
                input=input,
                record_audio=unused(self.record_audio),
                output=replace(
                    self.output, record=unused(self.output.record), vtt=unused(self.output.vtt),
                    csv=unused(self.output.csv),
                ),
            )  # fmt: skip

    def _listen(self, outcome: Outcome) -> None:
        from ..display.screen import can_show

        screen = not self.output.plain and not self.output.json and can_show()
        with ExitStack() as stack:
            if screen:
                self._show(stack, outcome)
            else:
                self._print(stack, outcome)

    def _open(self, stack: ExitStack, outcome: Outcome, state: "ScreenState | None" = None) -> "Live":
        """The session and its files, which the stack closes; what is known of them goes into a screen's state."""
        from ..runtime.listen import labels_of
        from ..sinks.outputs import close_with, open_outputs
        from ..sinks.wave_file import WaveFile
        from ..sources.devices import choose
        from ..sources.microphone import Microphone

        microphone = Microphone(choose(self.input))
        # The session's thread closes it too; here it is closed when something fails before there is a session.
        stack.callback(microphone.close)
        live, output = self._live(microphone), self.output
        live.record_to(*open_outputs(stack, record=output.record, vtt=output.vtt, csv=output.csv))
        if self.record_audio is not None:
            audio = WaveFile(self.record_audio, microphone.sample_rate, microphone.channels)
            live.record_audio_to(close_with(stack, audio))
        stack.callback(outcome.add, live)
        stack.callback(stop_and_wait, live)
        if state is not None:
            state.source, state.detail = microphone.name, _format(microphone)
            state.model, state.labels = self.model.name, labels_of(self.model.name)
        return live

    def _live(self, microphone: "Microphone") -> "Live":
        from ..runtime.live import Live, Loaded

        config = session_config(
            "realtime",
            session=self.session,
            recognizer=self.recognizer,
            speaker=self.speaker,
            detector=self.detector,
        )

        def load() -> Loaded:
            model = self.model.open_live(config)
            for line in filter(None, (model.too_slow, model.opened.note)):
                live.notify(line)
            return model.opened.loaded

        live = Live(
            microphone,
            load,
            config,
            seconds=self.seconds,
            start_recognizer=self.recognizer.start(),
            speaker_file=self.speaker.voice,
        )
        return live

    @property
    def _files(self) -> list[str]:
        audio = [] if self.record_audio is None else [self.record_audio]
        return [str(path) for path in (*self.output.files, *audio)]

    def _print(self, stack: ExitStack, outcome: Outcome) -> None:
        from ..display.plain_output import print_events
        from ..display.screen import exit_now

        hint = shortcomings(self.model, self.recognizer)
        live = self._open(stack, outcome)
        live.start()
        if hint and sys.stderr.isatty():
            print(f"emoscope: {hint}", file=sys.stderr)
        if self.record_audio is not None and not self.output.json:
            print(f"emoscope: the audio is being recorded to {self.record_audio}", file=sys.stderr)
        if not print_events(live, json=self.output.json):
            exit_now(self._files)

    def _show(self, stack: ExitStack, outcome: Outcome) -> None:
        from ..display.screen import show_screen
        from ..display.state import ScreenState
        from ..runtime.product import product

        state = ScreenState(product=product(), files=self._files)
        show_screen(lambda: self._open(stack, outcome, state), state)


def unused(path: Path | None) -> Path | None:
    """This file, or the first of NAME-2, NAME-3 and so on that is not there."""
    if path is None or not path.exists():
        return path
    numbered = (path.with_stem(f"{path.stem}-{number}") for number in count(2))
    return next(other for other in numbered if not other.exists())


def stop_and_wait(player: "PlayerThread") -> None:
    """End a session before its files are closed: what is pending is still written to them."""
    player.stop()
    player.join(STOP_TIMEOUT_S)


def _format(microphone: "Microphone") -> str:
    """Sample rate and channels, for the screen."""
    rate = f"{microphone.sample_rate / 1000:g}"
    shown = f"{rate} kHz" if microphone.sample_rate == 16_000 else f"{rate}→16 kHz"
    return shown + (f" {microphone.channels} ch mixed" if microphone.channels > 1 else "")


command = Command("listen", "read the emotions of a microphone, live", Listen, shares=True)
