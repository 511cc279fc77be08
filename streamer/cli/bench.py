"""`emoscope bench`: what encoders, readings, recordings, the server and recognizers cost on this machine."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .bench_endure import BenchEndure
from .bench_ray import BenchRay
from .bench_scale import BenchScale
from .command import Command, CommandGroup
from .options import DEMO, MODEL, DeviceName, MeasuredModelOptions, Threads
from .session_options import DetectorOptions

Part = Literal["engine", "latency", "streams", "idle"]
PARTS: tuple[Part, ...] = ("engine", "latency", "streams", "idle")
NEED_AUDIO = {"latency", "streams"}


@dataclass(frozen=True, kw_only=True)
class BenchModels:
    """Measure encoders and readings."""

    minutes: Annotated[
        float, Parameter(help="finish within this many minutes; what does not fit is skipped", metavar="N")
    ] = 10.0
    threads: Annotated[int, Parameter(help="CPU threads of the encoders", metavar="N")] = 1
    only: Annotated[tuple[str, ...], Parameter(help="only this encoder; may be repeated", metavar="NAME")] = ()
    no_readings: Annotated[bool, Parameter(help="leave out the readings")] = False
    no_encoders: Annotated[bool, Parameter(help="leave out the encoders")] = False
    no_runtimes: Annotated[bool, Parameter(help="leave out torch beside onnxruntime")] = False

    def run(self) -> int:
        """Print a row as soon as it is measured."""
        from ..bench.models import print_costs

        print_costs(
            self.minutes,
            threads=self.threads,
            encoders=None if self.no_encoders else self.only,
            readings=not self.no_readings,
            runtimes=not self.no_runtimes,
        )
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchWords:
    """Measure recognizers on one recording."""

    file: Annotated[Path, Parameter(help="a recording, which is played in real time")] = field(kw_only=False)
    asr: Annotated[
        tuple[str, ...],
        Parameter(help="only this recognizer; may be repeated (all that are installed)", metavar="NAME[:MODEL]"),
    ] = ()
    seconds: Annotated[float, Parameter(help="how much of the recording to play", metavar="S")] = 30.0
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)

    def run(self) -> int:
        """Print a row for each recognizer."""
        from ..bench.words import print_costs

        print_costs(self.file, self.asr or ("auto", "pocketsphinx"), self.seconds, self.model.open())
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchReplay:
    """Measure the local path."""

    paths: Annotated[
        tuple[Path, ...], Parameter(name="FILE", help="recordings, or folders of recordings (the demo recording)")
    ] = field(kw_only=False, default=(DEMO,))
    rounds: Annotated[int, Parameter(help="how often to read them; the cheapest round counts", metavar="N")] = 3
    json: Annotated[bool, Parameter(help="print the figures as JSON, and nothing else")] = False
    full: Annotated[
        bool, Parameter(help="with two threads too, memory for a minute and an hour, and openSMILE's eGeMAPS beside it")
    ] = False
    model: Annotated[
        tuple[str, ...],
        Parameter(
            group=MODEL,
            help="a shipped model, a folder, or a public checkpoint's hub id; repeated, one beside the other",
            metavar="MODEL",
        ),
    ] = ("small",)
    device: DeviceName = "auto"
    threads: Threads = 1
    engine: Annotated[
        tuple[Literal["auto", "torch", "onnx"], ...],
        Parameter(
            group=MODEL,
            help="what computes; repeated, one beside the other (onnx where it can)",
            metavar="NAME",
        ),
    ] = ("auto",)
    detector: DetectorOptions = field(default_factory=DetectorOptions)

    def __post_init__(self) -> None:
        """UsageError for no rounds, and for options that no model has."""
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: must be at least 1")
        self.chosen()

    def chosen(self) -> list[MeasuredModelOptions]:
        """The models, each with where it runs."""
        return [
            MeasuredModelOptions(model=name, device=self.device, threads=self.threads, engine=engine)
            for name in self.model
            for engine in self.engine
        ]

    def run(self) -> int:
        """Print the table once everything is measured."""
        from ..bench.replay import print_costs
        from ..protocol.config import Config
        from ..sources.listing import recordings

        files = recordings(self.paths)
        models = [one.open() for one in self.chosen()]
        config = Config(pace="fast", vad=self.detector.config())
        full = [one.name for one in self.chosen()] if self.full else []
        print_costs(files, models, config, self.rounds, as_json=self.json, full=full)
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchInputs:
    """Read one recording in every container and codec that ffmpeg writes, and compare the labels."""

    file: Annotated[Path, Parameter(help="the recording (the demo recording)")] = field(kw_only=False, default=DEMO)
    json: Annotated[bool, Parameter(help="print the figures as JSON, and nothing else")] = False
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)

    def run(self) -> int:
        """Print a row as soon as its file is read; 1 unless each was read to its end."""
        from ..bench.inputs import print_inputs
        from ..protocol.config import Config

        config = Config(pace="fast", transcript=False, vad=self.detector.config())
        return 0 if print_inputs(self.file, self.model.open(), config, as_json=self.json) else 1


@dataclass(frozen=True, kw_only=True)
class BenchFirst:
    """Measure how long `emoscope listen` takes to begin, on a terminal of its own."""

    input: Annotated[
        str | None, Parameter(help="the microphone, as for listen; any input will do (the default one)", metavar="NAME")
    ] = None
    rounds: Annotated[int, Parameter(help="how often to start; the median counts", metavar="N")] = 3
    json: Annotated[bool, Parameter(help="print the figures as JSON, and nothing else")] = False
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)

    def __post_init__(self) -> None:
        """UsageError for no rounds."""
        if self.rounds < 1:
            raise UsageError(f"--rounds {self.rounds}: must be at least 1")

    def run(self) -> int:
        """Print the figures once every round is done."""
        from ..bench.first import print_times

        options = ["--model", self.model.model, "--device", self.model.device, "--engine", self.model.engine]
        options += [] if self.input is None else ["--input", self.input]
        print_times(options, self.rounds, as_json=self.json)
        return 0


@dataclass(frozen=True, kw_only=True)
class BenchIntegrations:
    """Measure the doors of voice agents, calls and pages."""

    file: Annotated[Path, Parameter(help="the recording that goes through them (the demo recording)")] = field(
        kw_only=False, default=DEMO
    )
    seconds: Annotated[float, Parameter(help="how much of it to time in real time, for each door", metavar="S")] = 20.0
    only: Annotated[tuple[str, ...], Parameter(help="only this door; may be repeated", metavar="DOOR")] = ()
    json: Annotated[bool, Parameter(help="print the figures as JSON, and nothing else")] = False

    def __post_init__(self) -> None:
        """UsageError for a length that makes no sense."""
        if self.seconds <= 0:
            raise UsageError(f"--seconds {self.seconds:g}: must be more than 0")

    def run(self) -> int:
        """Print each door as soon as it is measured; 1 where finals differ or a door cannot be measured."""
        from ..bench.integrations import print_doors

        return 0 if print_doors(self.file, self.seconds, self.only, as_json=self.json) else 1


@dataclass(frozen=True, kw_only=True)
class BenchServe:
    """Measure the server with simulated clients."""

    audio: Annotated[Path, Parameter(help="the recording that the clients play", metavar="FILE")] = DEMO
    streams: Annotated[
        tuple[int, ...],
        Parameter(help="numbers of live streams to measure, one after another", metavar="N...", consume_multiple=True),
    ] = (30, 60, 120)
    seconds: Annotated[float, Parameter(help="length of each measurement", metavar="S")] = 20.0
    idle: Annotated[int, Parameter(help="number of idle connections", metavar="N")] = 2_000
    batches: Annotated[
        tuple[int, ...], Parameter(help="batch sizes of the engine to measure", metavar="N...", consume_multiple=True)
    ] = (1, 16)
    only: Annotated[tuple[Part, ...], Parameter(help="only this part; may be repeated", metavar="PART")] = ()
    model: MeasuredModelOptions = field(default_factory=MeasuredModelOptions)

    def __post_init__(self) -> None:
        """UsageError when the recording is not there."""
        if NEED_AUDIO & set(self.parts) and not self.audio.is_file():
            raise UsageError(f"--audio {self.audio}: no such file; any recording of speech will do")

    @property
    def parts(self) -> tuple[Part, ...]:
        """The parts to measure."""
        return self.only or PARTS

    def run(self) -> int:
        """Print each figure as soon as it is measured."""
        from ..bench import serve
        from ..bench.processes import MeasuredServer

        serve.print_machine()
        request = self.model.request()
        if "engine" in self.parts:
            serve.print_engine(request, self.batches, self.seconds)
        if NEED_AUDIO & set(self.parts):
            with MeasuredServer.running(request) as server:
                if "latency" in self.parts:
                    serve.print_latency(server, self.audio, self.seconds)
                if "streams" in self.parts:
                    serve.print_streams(server, self.audio, self.streams, self.seconds)
        if "idle" in self.parts:
            # A new server: memory that the streams have used would be counted for the idle connections.
            with MeasuredServer.running(request) as server:
                serve.print_idle(server, self.idle, self.seconds)
        return 0


command = CommandGroup(
    "bench",
    "measure what models and recognizers cost on this machine",
    (
        Command("models", "encoders at their published shapes, and readings after a while", BenchModels),
        Command("replay", "recordings through the local path: processor time by stage", BenchReplay),
        Command("inputs", "every container and codec: whether it is read, and as the original is", BenchInputs),
        Command("words", "recognizers: how long after it was said a word is final, and the cost", BenchWords),
        Command(
            "first", "from `emoscope listen` to the first frame, to listening, and to a model that reads", BenchFirst
        ),
        Command(
            "integrations",
            "Pipecat, LiveKit and other doors: the delay of an audio frame, and finals beside a replay's",
            BenchIntegrations,
        ),
        Command(
            "endure",
            "what is promised, in long runs: hours of audio, mutated messages and files, cut sockets, killed processes",
            BenchEndure,
        ),
        Command(
            "scale", "what a million live streams take, and what a lost zone does, from measured costs", BenchScale
        ),
        Command("ray", "recordings by processes on Ray, beside a plain replay in the same run", BenchRay),
        Command("serve", "live streams, latency, memory, and the engine's share of the model's rate", BenchServe),
    ),
)
