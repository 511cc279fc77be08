"""One live source, one session, one engine. The session has its own thread, so that nothing slow holds audio up."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from emoscope.models.errors import ModelError

from ..protocol.errors import EmoscopeError
from ..protocol.events import AnyEvent, Enrolled, Error, SessionClosed
from ..session.session import Session
from ..sources.microphone import Source
from .capture import READ_TIMEOUT_S, CapturedAudio, Samples, source_error
from .live_session import LiveSession
from .player import ENROLL_S, PlayerThread
from .updates import Meter, Notice

if TYPE_CHECKING:
    from pathlib import Path

    from emoscope.models.contract import ModelContract

    from ..asr import Recognizer
    from ..protocol.config import Config
    from ..session.requests import Engine
    from ..sinks.wave_file import WaveFile

RECOGNIZER_LOAD_TIMEOUT_S = 8.0  # a microphone keeps 10 s of audio that nobody reads

Loaded = tuple["ModelContract", "Engine"]


class Live(PlayerThread):
    """Runs until the source ends or fails, or `stop`. A `Player`: `updates()` returns events, `error` why it ended.

    source             a live source; closed at the end
    load               makes the contract and the engine; called in the thread, while the source captures audio already
    lossless           a recording: it waits for the model and the words, and nothing is ever skipped
    seconds            stop after so much audio
    start_recognizer   starts a recognizer, which is closed at the end; None for no words
    speaker_file       what is known of the voice: read at the start if it exists, written when more was learnt
    clock              seconds that only go forward

    recognizer_load_timeout_s   a live session goes on without words when its recognizer takes longer to load, counted
                                from when the source was opened: no audio may be lost meanwhile
    """

    def __init__(
        self,
        source: Source,
        load: Callable[[], Loaded],
        config: "Config",
        *,
        lossless: bool = False,
        seconds: float | None = None,
        start_recognizer: "Callable[[], Recognizer] | None" = None,
        speaker_file: "Path | None" = None,
        recognizer_load_timeout_s: float = RECOGNIZER_LOAD_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("emoscope session", source, live=not lossless, clock=clock)
        self.config, self._load, self._seconds, self._clock = config, load, seconds, clock
        self._start_recognizer, self._load_timeout_s = start_recognizer, recognizer_load_timeout_s
        self._speaker_file = speaker_file
        self._recognizer: Recognizer | None = None
        self._audio_file: WaveFile | None = None
        self._live_session: LiveSession

    def record_audio_to(self, file: "WaveFile") -> None:
        """Before the start: write the audio to this file. The caller closes it after the end."""
        self._audio_file = file

    def reset(self) -> None:
        """Forget the mood and the context; clock and numbers go on."""
        self._commands.put(lambda: self._live_session.step(self._session.reset()))

    def enroll(self) -> None:
        """The next seconds of speech are calm, and become the voice's baseline."""
        self._commands.put(lambda: self._live_session.step(self._session.enroll(ENROLL_S)))

    def notify(self, message: str) -> None:
        """Tell the person something about the whole session; while it is loaded, from `load`."""
        self._put(Notice(message, lasting=True))

    def events(self) -> Iterator[AnyEvent]:
        """All events as they come, until the end; then the error that ended the session, if any, is raised."""
        while True:
            done = self.done
            for update in self.updates():
                if not isinstance(update, Meter | Notice):
                    yield update
            if done:
                break
            self._done.wait(READ_TIMEOUT_S)
        if self.error is not None:
            raise self.error

    # --- in the thread

    @property
    def _session(self) -> Session:
        return self._live_session.session

    def _run(self) -> None:
        try:
            if self._open():
                self._listen()
        except BaseException as error:  # an error of the thread is raised by whoever owns it
            self.error = error
        finally:
            closers = [self.source.close]
            closers += [self._live_session.close] if hasattr(self, "_live_session") else []
            closers += [self._recognizer.close] if self._recognizer is not None else []
            self._end(*closers)

    def _open(self) -> bool:
        """Load the model and the recognizer, and open the session; false when somebody stopped it meanwhile."""
        if self._start_recognizer is not None:
            self._recognizer = self._start_recognizer()  # it loads in its own process, while the model is loaded here
        contract, engine = self._load()
        from ..asr import prepare
        from .drive import created
        from .replay import with_source

        timeout_s = max(0.0, self._load_timeout_s - self.source.waiting_s) if self._live else None
        words = prepare(self._recognizer, self.config, patience_s=timeout_s, stopped=self._stop.is_set)
        if self._stop.is_set():
            return False
        speaker = None
        if self._speaker_file is not None and self._speaker_file.exists():
            from ..sinks.speaker_file import load_voice

            speaker = load_voice(self._speaker_file, contract)
        options = {"sample_rate": self.source.sample_rate, "channels": self.source.channels, **words.options}
        config = with_source(self.config, options)
        session = Session(contract, config, speaker, transcribe=words.recognizer is not None)
        self._live_session = LiveSession(
            session,
            engine,
            self._emit,
            lambda: self.source.waiting_s,
            words.recognizer,
            lossless=not self._live,
            clock=self._clock,
        )
        self._emit(created(contract, session.config, self.source.name))
        for warning in words.warnings:
            self._emit(warning)
        return True

    def _listen(self) -> None:
        failure: EmoscopeError | None = None
        try:
            self._read_source()
        except EmoscopeError as error:
            failure = error
            self._emit(source_error(error))
        self._live_session.finish(self._stop.is_set)
        self._save_speaker()
        if failure is not None:
            raise failure

    def _read_source(self) -> None:
        live_session = self._live_session
        while not self._stop.is_set():
            self._run_commands()
            live_session.collect()
            if not live_session.may_read_on:
                live_session.wait(READ_TIMEOUT_S)
                continue
            captured = self._capture.read(self._session.audio_s)
            if captured is None:
                break
            self._accept(captured)
            if self._live:
                live_session.shed()
            live_session.status()
            self._show_meter()
            if self._seconds is not None and self._session.audio_s >= self._seconds:
                break

    def _accept(self, captured: CapturedAudio) -> None:
        for warning in captured.warnings:
            self._emit(warning)
        for block in captured.blocks:
            self._write_audio(block)
            # A second at a time, as the session accepts it: what a sound second requests must be queued before a broken
            # sample in the next one ends the source.
            for begin in range(0, len(block), self.source.sample_rate):
                piece = block[begin : begin + self.source.sample_rate]
                self._live_session.step(self._session.feed(piece))

    def _write_audio(self, samples: Samples) -> None:
        if self._audio_file is None:
            return
        try:
            self._audio_file.write(samples)
        except EmoscopeError as error:
            path, self._audio_file = str(self._audio_file.path), None
            self._report_write_failure(error, path)

    def _flush(self) -> None:
        self._live_session.step(self._session.flush())

    def _save_speaker(self) -> None:
        """Write what was learnt of the voice, where a file was given. A recording is not the voice that speaks now."""
        if self._speaker_file is None or self._session.speaker is None or not self._live:
            return
        from ..sinks.speaker_file import save_voice

        try:
            save_voice(self._speaker_file, self._session.speaker, self._session.contract)
        except EmoscopeError as error:
            self._report_write_failure(error)

    def _emit(self, event: AnyEvent) -> None:
        self._write(event)
        self._put(event)
        if isinstance(event, Enrolled):
            self._save_speaker()
        if isinstance(event, Error) and event.fatal and event.code == "model_failed":
            self.error = self.error or ModelError(event.message)
            self._stop.set()
        if isinstance(event, SessionClosed):
            self._show_meter(last=True)

    def _show_meter(self, *, last: bool = False) -> None:
        session = self._session
        lag_s = self._live_session.view.lag_s
        meter = self._capture.meter(session.audio_s, lag_s, session.dropped_s, session.enrollment, last=last)
        if meter is not None:
            self._put(meter)
