"""The options of `emoscope replay`, and of every command that reads recordings as it does."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..distributed.cluster import check_address
from ..protocol.errors import UsageError
from .options import ModelOptions, RecognizerOptions
from .ray_options import RayAddress
from .recording_options import ExportOptions, InputOptions
from .session_options import DetectorOptions, SessionOptions, SpeakerOptions, session_config

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..asr.recognizer import Recognizer
    from ..engine.opening import OpenedModel
    from ..protocol.config import Config
    from ..protocol.events import AnyEvent


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """How recordings are read: the options of every command that reads them through the live path."""

    model: ModelOptions = field(default_factory=ModelOptions)
    recognizer: RecognizerOptions = field(default_factory=RecognizerOptions)
    session: SessionOptions = field(default_factory=SessionOptions)
    speaker: SpeakerOptions = field(default_factory=SpeakerOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    recordings: InputOptions = field(default_factory=InputOptions)

    def __post_init__(self) -> None:
        """UsageError for a voice that is not there: only `listen` writes one."""
        voice = self.speaker.voice
        if voice is not None and self.recordings.channels == "split":
            raise UsageError("--voice is one speaker's, and --channels split reads several: leave one of them out")
        if voice is not None and not voice.is_file():
            raise UsageError(f"--voice {voice}: no such file; `emoscope listen --voice FILE` writes one")

    def config(self, pace: Literal["realtime", "fast"]) -> "Config":
        """The config of the session that reads a recording."""
        return session_config(
            pace,
            session=self.session,
            recognizer=self.recognizer,
            speaker=self.speaker,
            detector=self.detector,
        )

    def events(
        self,
        file: Path,
        opened: "OpenedModel",
        recognizer: "Recognizer | None",
        *,
        speed: float | None = None,
    ) -> "Iterator[AnyEvent]":
        """The events of a recording; the arguments are those of `runtime.replay.replay`."""
        from ..runtime.replay import replay
        from ..sinks.speaker_file import load_voice

        config = self.config("fast" if speed is None else "realtime")
        path = self.speaker.voice
        voice = None if path is None else load_voice(path, opened.contract)
        return replay(
            file, opened, config=config, asr=recognizer, speed=speed, voice=voice, input=self.recordings.format()
        )


@dataclass(frozen=True, kw_only=True)
class ReplayOptions(ReadingOptions):
    """What to read, and how."""

    paths: Annotated[
        tuple[Path, ...],
        Parameter(name="FILE", help="recordings, folders of them, @LIST, records, or - for standard input"),
    ] = field(kw_only=False)
    speed: Annotated[
        float | None, Parameter(help="1 is real time (1 on a screen, else as fast as possible)", metavar="SPEED")
    ] = None
    screenshot: Annotated[
        Path | None, Parameter(help="draw one frame of the screen to .svg, .html or .txt", metavar="PICTURE")
    ] = None
    at: Annotated[float | None, Parameter(help="second of the recording for --screenshot (its end)", metavar="S")] = (
        None
    )
    size: Annotated[str, Parameter(help="columns and rows for --screenshot", metavar="WxH")] = "80x24"
    output: ExportOptions = field(default_factory=ExportOptions)
    ray: RayAddress = None

    def __post_init__(self) -> None:
        """UsageError for a speed out of range, and for what `ReadingOptions` refuses."""
        if self.speed is not None and not 0.01 <= self.speed <= 1000:
            raise UsageError(f"--speed {self.speed}: must be from 0.01 to 1000; 1 is real time")
        if self.output.most_jobs > 1 and self.speed is not None:
            raise UsageError("--jobs reads as fast as possible: leave --speed out")
        if self.ray is not None:
            self._check_ray(self.ray)
        super().__post_init__()

    def _check_ray(self, address: str) -> None:
        """UsageError for what a cluster cannot do: its processes are done in any order, and see files alone."""
        check_address(address)
        output = self.output
        if output.out_folder is None:
            raise UsageError("--ray writes into a folder: name it with --out DIR")
        others = {
            "--speed": self.speed is not None,
            "--screenshot": self.screenshot is not None,
            "--follow": self.recordings.follow,
            "--json": output.json,
            "--record": output.record is not None,
            "--vtt": output.vtt is not None,
            "--csv": output.csv is not None,
        }
        for option, given in others.items():
            if given:
                raise UsageError(
                    f"{option} does not go with --ray, which writes files and a record a recording to --out"
                )
