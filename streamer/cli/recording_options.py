"""The options of commands that read recordings: what the files are, and where their readings go."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from ..protocol.errors import UsageError
from .options import OUTPUT, RecordingsOutput

if TYPE_CHECKING:
    from ..sinks.exports import FormatName, Wanted
    from ..sources.input_format import Channels, InputFormat

RECORDINGS = Group("Recordings", sort_key=2)
MOST_JOBS = 256
MOST_CHANNELS = 32

Encoding = Literal["pcm_s16le", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_u8", "mulaw", "alaw"]
ExportFormat = Literal["json", "csv", "srt", "vtt", "textgrid", "audformat", "parquet"]


@Parameter(name="*", group=RECORDINGS)
@dataclass(frozen=True, kw_only=True)
class InputOptions:
    """What the files are."""

    channels: Annotated[
        str,
        Parameter(help="mix; split, which reads each channel by itself; or one channel's number, from 0", metavar="N"),
    ] = "mix"
    encoding: Annotated[
        Encoding | None, Parameter(help="the files, or - for standard input, are samples without a header")
    ] = None
    rate: Annotated[int | None, Parameter(help="sample rate of such samples (16000)", metavar="HZ")] = None
    interleaved: Annotated[int | None, Parameter(help="channels of such samples (1)", metavar="N")] = None
    follow: Annotated[
        bool, Parameter(help="wait for more at the end of a file that is still being written, up to 10 s without any")
    ] = False

    def __post_init__(self) -> None:
        """UsageError for values out of range, and for options that need --encoding."""
        self.chosen_channels()
        if self.encoding is None and (self.rate is not None or self.interleaved is not None):
            raise UsageError("--rate and --interleaved are for samples without a header: name their --encoding too")
        if self.rate is not None and not 1_000 <= self.rate <= 768_000:
            raise UsageError(f"--rate {self.rate}: must be from 1000 to 768000 Hz")
        if self.interleaved is not None and not 1 <= self.interleaved <= MOST_CHANNELS:
            raise UsageError(f"--interleaved {self.interleaved}: must be from 1 to {MOST_CHANNELS}")

    def chosen_channels(self) -> "Channels":
        """What `--channels` says. UsageError where it says nothing of sense."""
        if self.channels in ("mix", "split"):
            return self.channels  # type: ignore[return-value]
        if self.channels.isdecimal():
            return int(self.channels)
        raise UsageError(f"--channels {self.channels}: must be mix, split, or the number of a channel, from 0")

    def format(self) -> "InputFormat":
        """How recordings are read."""
        from ..sources.input_format import InputFormat

        return InputFormat(
            channels=self.chosen_channels(),
            encoding=self.encoding,
            sample_rate=self.rate or 16_000,
            interleaved=self.interleaved or 1,
            follow=self.follow,
        )


@Parameter(name="*", group=OUTPUT)
@dataclass(frozen=True, kw_only=True)
class ExportOptions(RecordingsOutput):
    """Where the readings of recordings go, and in which formats."""

    format: Annotated[
        tuple[ExportFormat, ...],
        Parameter(help="export the readings; may be repeated (to standard output without --out)"),
    ] = ()
    out: Annotated[
        Path | None,
        Parameter(
            help="one file for all recordings, or a folder: a file a recording in each format, and summary.csv",
            metavar="FILE|DIR",
        ),
    ] = None
    frames: Annotated[bool, Parameter(help="export the interims too, not the finals alone")] = False
    skip_done: Annotated[bool, Parameter(help="go on with the folder of --out where an earlier run stopped")] = False
    jobs: Annotated[
        int | None,
        Parameter(
            help="recordings that are read at once, each by a process (1; with --ray, what the cluster has room for)",
            metavar="N",
        ),
    ] = None

    def __post_init__(self) -> None:
        """UsageError for options that do not go together."""
        super().__post_init__()
        if not 1 <= self.most_jobs <= MOST_JOBS:
            raise UsageError(f"--jobs {self.jobs}: must be from 1 to {MOST_JOBS}")
        if self.skip_done and self.out_folder is None:
            raise UsageError("--skip-done needs the folder of the earlier run: --out DIR")
        if self.to_stdout and (self.json or self.plain or len(self.format) > 1):
            raise UsageError("--format without --out goes to standard output, where one format has room; use --out")
        if self.frames and not self.exports:
            raise UsageError("--frames is for exports: --format, --out, --csv or --vtt")

    @property
    def most_jobs(self) -> int:
        """How many processes of this machine read."""
        return 1 if self.jobs is None else self.jobs

    @property
    def exports(self) -> bool:
        """Whether anything is exported."""
        return bool(self.format or self.out or self.csv or self.vtt)

    @property
    def to_stdout(self) -> bool:
        """Whether an export takes standard output, where nothing else may go then."""
        return bool(self.format) and self.out is None

    @property
    def out_folder(self) -> Path | None:
        """The folder of `--out`: one that exists, or a name without a suffix."""
        return self.out if self.out is not None and (self.out.is_dir() or not self.out.suffix) else None

    def folder_formats(self) -> "Sequence[FormatName]":
        """The formats of each recording's files in the folder of `--out`."""
        return self.format or ("csv",)

    def run_files(self) -> "list[Wanted]":
        """The files of the whole run. UsageError where a name tells another format than `--format`."""
        from ..sinks.exports import STDOUT, Wanted, check_stdout, format_of

        wanted = [Wanted("vtt", self.vtt_file)] if self.vtt_file is not None else []
        wanted += [Wanted("csv", self.csv)] if self.csv is not None else []
        if self.to_stdout:
            check_stdout(self.format[0])
            wanted.append(Wanted(self.format[0], STDOUT))
        elif self.out is not None and self.out_folder is None:
            told = format_of(self.out)
            if self.format not in ((), (told,)):
                raise UsageError(f"--out {self.out}: is {told} by its name; a folder takes several formats")
            wanted.append(Wanted(told, self.out))
        return wanted
