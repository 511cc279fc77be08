"""`emoscope send`: a recording or a microphone to a server, and its readings here."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from ..protocol.errors import UsageError
from .command import Command
from .options import OutputOptions, check_seconds
from .session_options import DetectorOptions, SessionOptions

if TYPE_CHECKING:
    import ssl

    from ..protocol.config import Config
    from ..runtime.remote import Remote
    from ..sources.microphone import Microphone
    from ..sources.paced_recording import PacedRecording

MICROPHONE = "mic"
UNPACED = 1e6  # times real time: the server sets the pace


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send audio to a server."""

    source: Annotated[str, Parameter(help="a recording, or mic for the microphone (./mic is a file)")] = field(
        kw_only=False
    )
    url: Annotated[str, Parameter(help="the address of the server, such as ws://127.0.0.1:8765")] = field(kw_only=False)
    input: Annotated[
        str | None,
        Parameter(
            help="for mic, which microphone: its number, its name or a part of it, from `emoscope devices`",
            metavar="NAME",
        ),
    ] = None
    token: Annotated[
        str | None,
        Parameter(
            help="the token that the server asks for; the variable does not show in the list of processes",
            env_var="EMOSCOPE_TOKEN",
            metavar="TOKEN",
        ),
    ] = None
    ca: Annotated[
        Path | None, Parameter(help="certificate authority to trust for the server's certificate, PEM", metavar="FILE")
    ] = None
    pace: Annotated[
        Literal["realtime", "fast"] | None,
        Parameter(
            help="send a file in real time, or as fast as the server reads it (realtime on a screen, else fast)",
            metavar="PACE",
        ),
    ] = None
    seconds: Annotated[float | None, Parameter(help="stop after this much audio", metavar="S")] = None
    session: SessionOptions = field(default_factory=SessionOptions)
    detector: DetectorOptions = field(default_factory=DetectorOptions)
    output: OutputOptions = field(default_factory=OutputOptions)

    def __post_init__(self) -> None:
        """UsageError for options that do not go together."""
        check_seconds(self.seconds)
        if self.microphone and self.pace == "fast":
            raise UsageError("--pace fast is for recordings: a microphone does not wait")
        if not self.microphone and self.input is not None:
            raise UsageError("--input is for the microphone: emoscope send mic URL --input NAME")

    @property
    def microphone(self) -> bool:
        """Whether the source is the microphone."""
        return self.source == MICROPHONE

    def run(self) -> int:
        """Send until the end; 1 when a file could not be written to its end."""
        from ..client.connect import stream_url
        from ..display.screen import can_show
        from ..runtime.shutdown import interrupted_by_signals
        from ..sinks.outputs import open_outputs
        from .listen import stop_and_wait

        url = stream_url(self.url)
        screen = not self.output.plain and not self.output.json and can_show()
        pace = self.pace or ("realtime" if screen or self.microphone else "fast")
        with ExitStack() as stack, interrupted_by_signals():
            context = self._tls(url)
            source = self._source(pace)
            stack.callback(source.close)
            remote = self._remote(url, source, self._config(source, pace), context)
            remote.record_to(*open_outputs(stack, record=self.output.record, vtt=self.output.vtt, csv=self.output.csv))
            stack.callback(stop_and_wait, remote)
            if screen:
                self._show(remote, source.name, url)
            else:
                self._print(remote)
            return 1 if remote.write_failed else 0

    @property
    def _files(self) -> list[str]:
        return [str(path) for path in self.output.files]

    def _print(self, remote: "Remote") -> None:
        from ..display.plain_output import print_events
        from ..display.screen import exit_now

        remote.start()
        if not print_events(remote, json=self.output.json):
            exit_now(self._files)

    def _show(self, remote: "Remote", name: str, url: str) -> None:
        from ..display import ScreenState
        from ..display.screen import show_screen

        show_screen(lambda: remote, ScreenState(source=name, live=self.microphone, files=self._files, device=url))

    def _source(self, pace: str) -> "Microphone | PacedRecording":
        if self.microphone:
            from ..sources.devices import choose
            from ..sources.microphone import Microphone

            return Microphone(choose(self.input))
        from ..sources.paced_recording import PacedRecording

        return PacedRecording(Path(self.source), 1.0 if pace == "realtime" else UNPACED)

    def _config(self, source: "Microphone | PacedRecording", pace: str) -> "Config":
        from msgspec.structs import replace

        return replace(
            self.session.config("fast" if pace == "fast" else "realtime", self.detector),
            sample_rate=source.sample_rate,
            channels=source.channels,
            encoding="pcm_s16le" if getattr(source, "sixteen_bits", True) else "pcm_f32le",
        )

    def _remote(
        self, url: str, source: "Microphone | PacedRecording", config: "Config", context: "ssl.SSLContext | None"
    ) -> "Remote":
        from ..client import SyncClient
        from ..runtime.remote import Remote

        return Remote(
            source,
            lambda: SyncClient(url, config, token=self.token, context=context),
            live=self.microphone,
            seconds=self.seconds,
        )

    def _tls(self, url: str) -> "ssl.SSLContext | None":
        """The TLS settings that `--ca` asks for; UsageError where there is no certificate, or no TLS."""
        if self.ca is None:
            return None
        import ssl

        if not url.startswith("wss:"):
            raise UsageError("--ca is for wss:// addresses")
        try:
            return ssl.create_default_context(cafile=self.ca)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--ca {self.ca}: no certificate that can be read ({error})") from None


command = Command("send", "send a recording or a microphone to a server, and read its emotions here", Send, shares=True)
