"""The options that several commands share: a dataclass for each group, checked when it is made.

Those of a session are in `session_options.py`. A command adds a group with a field of its type;
`Parameter(name="*")` makes the group's fields options of the command.
Nothing slow is imported here, because the help of every command needs this module.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from ..protocol.errors import UsageError

if TYPE_CHECKING:
    from ..asr.choice import Choice
    from ..asr.recognizer import Recognizer
    from ..engine import LiveCheck, ModelRequest
    from ..engine.live_check import LiveModel
    from ..engine.opening import OpenedModel
    from ..protocol.config import Config

MODEL = Group("Model", sort_key=3)
RECOGNIZER = Group("Speech recognizer", sort_key=4)
OUTPUT = Group("Output", sort_key=8)

DEMO = Path("demo/recordings/conversation.flac")
MOST_THREADS = 1024
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")


DeviceName = Annotated[
    str,
    Parameter(
        group=MODEL, help="where the model runs: cpu, cuda, cuda:N, or auto, a GPU where there is one", metavar="DEVICE"
    ),
]
Threads = Annotated[
    int | None,
    Parameter(group=MODEL, help="CPU threads of the model (1 for a small model, else every core)", metavar="N"),
]
EngineName = Annotated[
    Literal["auto", "torch", "onnx"],
    Parameter(
        group=MODEL,
        help="what computes: torch runs every model; onnx (onnxruntime, on the CPU) starts sooner and costs less, "
        "for models that have a graph; auto: onnx where it can",
        metavar="NAME",
    ),
]


@Parameter(name="*", group=MODEL)
@dataclass(frozen=True, kw_only=True)
class ModelOptions:
    """Which model, and where it runs."""

    model: Annotated[
        str,
        Parameter(
            help="a shipped model, a folder, or a public checkpoint's hub id (`emoscope models list`); "
            "auto: whisper if its encoder is here, else small",
            metavar="MODEL",
        ),
    ] = "auto"
    device: DeviceName = "auto"
    threads: Threads = None
    engine: EngineName = "auto"

    def __post_init__(self) -> None:
        """UsageError for a device or a number of threads that no machine has."""
        if not _DEVICE.fullmatch(self.device):
            raise UsageError(f"--device {self.device}: must be cpu, cuda, cuda:N or auto")
        if self.threads is not None and not 1 <= self.threads <= MOST_THREADS:
            raise UsageError(f"--threads {self.threads}: must be from 1 to {MOST_THREADS}")

    @property
    def name(self) -> str:
        """The model that is meant, by name or folder."""
        from emoscope.models.external import resolve

        return resolve(self.model)

    def open(self) -> "OpenedModel":
        """Load the model for one session at a time. Slow where it needs torch."""
        from ..engine.opening import open_engine

        return open_engine(self.name, device=self.device, threads=self.threads, engine=self.engine)

    def open_live(self, config: "Config") -> "LiveModel":
        """Load the model for one live session, or the embedded one where `auto` took one that is too slow for it."""
        from ..engine.live_check import open_live

        return open_live(
            self.name, self.live_check(config), device=self.device, threads=self.threads, engine=self.engine
        )

    def live_check(self, config: "Config") -> "LiveCheck":
        """What the model must be able to do for live sessions with this config."""
        from emoscope.models.external import AUTO, EMBEDDED

        from ..engine import LiveCheck

        return LiveCheck.of(config, EMBEDDED if self.model == AUTO and self.name != EMBEDDED else "")

    def request(
        self, *, batch: int | None = None, words: bool = False, live: "LiveCheck | None" = None
    ) -> "ModelRequest":
        """What the engine's process is asked to load; the options are those of `ModelRequest`."""
        from ..engine import ModelRequest

        return ModelRequest(
            model=self.name, device=self.device, threads=self.threads, engine=self.engine, batch=batch, words=words,
            live=live,
        )  # fmt: skip


@Parameter(name="*", group=MODEL)
@dataclass(frozen=True, kw_only=True)
class MeasuredModelOptions(ModelOptions):
    """The same for commands that measure: what they measure does not depend on what lies on the machine."""

    model: Annotated[
        str, Parameter(help="a shipped model, a folder, or a public checkpoint's hub id", metavar="MODEL")
    ] = "small"


@Parameter(name="*", group=RECOGNIZER)
@dataclass(frozen=True, kw_only=True)
class RecognizerOptions:
    """Which speech recognizer, and the language of the speech."""

    asr: Annotated[
        str,
        Parameter(
            help="speech recognizer: auto, faster-whisper, pocketsphinx, none; faster-whisper takes a size or a folder "
            "(auto: faster-whisper where a model is cached, else none)",
            metavar="NAME[:MODEL]",
        ),
    ] = "auto"
    asr_device: Annotated[Literal["cpu", "cuda"], Parameter(help="where faster-whisper runs", metavar="DEVICE")] = "cpu"
    language: Annotated[str | None, Parameter(help="language of the speech, such as en (detected)", metavar="CODE")] = (
        None
    )

    def start(self) -> "Callable[[], Recognizer] | None":
        """A function that starts the recognizer; None where there is none. UsageError for an unknown recognizer."""
        choice = self.choice
        if choice is None:
            return None
        chosen = choice

        def start() -> "Recognizer":
            from ..asr.recognizer import Recognizer

            return Recognizer(chosen)

        return start

    @property
    def no_words(self) -> bool:
        """There are no words although nobody turned them off. UsageError for an unknown recognizer."""
        return self.choice is None and self.asr == "auto"

    @property
    def choice(self) -> "Choice | None":
        """The recognizer that is meant; None where there is none. UsageError for an unknown one."""
        from ..asr.choice import choose

        return choose(self.asr, self.asr_device)


def shortcomings(model: ModelOptions, recognizer: RecognizerOptions) -> str:
    """The one line about what is missing on this machine though nobody turned it off; "" where nothing is."""
    from emoscope.models.external import hint

    parts = [f"model {model.name}"] if hint(model.model) else []
    parts += ["no words"] if recognizer.no_words else []
    return f"{', '.join(parts)}; `emoscope doctor` says what to do" if parts else ""


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """Where the events of one session go, apart from the screen."""

    plain: Annotated[bool, Parameter(help="print a line for each final: for screen readers, logs and old consoles")] = (
        False
    )
    json: Annotated[bool, Parameter(help="print all events to stdout as JSON lines, and nothing else there")] = False
    record: Annotated[Path | None, Parameter(help="write all events to FILE (.jsonl)", metavar="FILE")] = None
    vtt: Annotated[Path | None, Parameter(help="write subtitles: emotions and words (WebVTT)", metavar="FILE")] = None
    csv: Annotated[
        Path | None, Parameter(help="write a table: a row for each reading, and a row for each word", metavar="FILE")
    ] = None

    def __post_init__(self) -> None:
        """UsageError for two formats at once, or for a file name with another format's suffix: often a slip."""
        if self.plain and self.json:
            raise UsageError("--plain and --json: one of them")
        for name, path, suffix in (("vtt", self.vtt_file, ".vtt"), ("csv", self.csv, ".csv")):
            if path is not None and path.suffix.lower() != suffix:
                raise UsageError(f"--{name} {path}: the name of such a file ends in {suffix}")

    @property
    def vtt_file(self) -> Path | None:
        """The one file of subtitles."""
        return self.vtt

    @property
    def files(self) -> list[Path]:
        """The files that a session writes."""
        return [path for path in (self.record, self.vtt_file, self.csv) if path is not None]


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class RecordingsOutput(OutputOptions):
    """Where the events of recordings go: their records and subtitles into folders, named after them."""

    record: Annotated[Path | None, Parameter(help="write each recording's events to DIR/NAME.jsonl", metavar="DIR")] = (
        None
    )
    vtt: Annotated[
        Path | None,
        Parameter(
            help="write subtitles: emotions and words (WebVTT), to FILE, or to DIR/NAME.vtt for each recording",
            metavar="FILE|DIR",
        ),
    ] = None

    @property
    def vtt_folder(self) -> Path | None:
        """The folder of each recording's subtitles: one that exists, or a name without a suffix."""
        return self.vtt if self.vtt is not None and (self.vtt.is_dir() or not self.vtt.suffix) else None

    @property
    def vtt_file(self) -> Path | None:
        """The one file of the subtitles of all recordings."""
        return None if self.vtt_folder is not None else self.vtt


def check_seconds(seconds: float | None) -> None:
    """UsageError for `--seconds` of nothing."""
    if seconds is not None and not seconds > 0:
        raise UsageError(f"--seconds {seconds}: must be above 0")


def check_picture(path: Path, suffixes: Sequence[str]) -> None:
    """UsageError for a picture of another format than those of `suffixes`."""
    suffix = path.suffix.lower()
    if suffix not in suffixes:
        known = f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"
        raise UsageError(f"-o {path}: the name must end in {known}, not in {suffix or 'nothing'}")
