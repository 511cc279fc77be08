"""One live source, one session, one engine: the session in a thread of its own, so that nothing slow holds audio up."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emoscope.models.errors import ModelError

from ..protocol.errors import EmoscopeError, UnusableDevice
from ..protocol.events import AnyEvent, Enrolled, Error, SessionClosed, WarningEvent
from ..session.session import Session
from ..sources.microphone import Source
from .input_watch import InputWatch
from .live_session import LiveSession
from .news import Note, Tick
from .player import ENROLL_S, READ_S, TICK_S, ThreadedPlayer

if TYPE_CHECKING:
    from pathlib import Path

    from emoscope.models.contract import ModelContract

    from ..asr import Recognizer
    from ..protocol.config import Config
    from ..session.requests import Engine
    from ..sinks.wave_file import WaveFile

RECOGNIZER_LOAD_TIMEOUT_S = 8.0  # a microphone keeps 10 s of audio that nobody reads

Samples = npt.NDArray[np.float32]

Loaded = tuple["ModelContract", "Engine"]


class Live(ThreadedPlayer):
    """Runs until the source ends, breaks, or `stop`. What happens is in `news()`; `error` says why it ended early.

    source    anything that is listened to; closed at the end
    load      makes the contract and the engine; called in the session's thread, while the source is already heard
    lossless  a recording: it waits for the model, and nothing is ever skipped
    seconds   stop after so much audio
    words     starts a recognizer, which is closed at the end; None for no words
    voice     file of what is known of the voice: read at the start if it is there, written when more was learnt
    clock     seconds that only go forward

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
        words: "Callable[[], Recognizer] | None" = None,
        voice: "Path | None" = None,
        recognizer_load_timeout_s: float = RECOGNIZER_LOAD_TIMEOUT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("emoscope session")
        self.source, self.config = source, config
        self._words = words
        self._recognizer: Recognizer | None = None
        self._load, self._lossless, self._seconds, self._voice = load, lossless, seconds, voice
        self._load_timeout_s, self._clock = recognizer_load_timeout_s, clock
        self._audio: WaveFile | None = None
        self._last_tick = 0.0
        self._lost_s = 0.0
        self._envelope: list[float] = []
        self._watch = InputWatch(source.sample_rate)
        self._at: LiveSession

    def keep_audio(self, audio: "WaveFile") -> None:
        """Before the start: write what is heard. The caller closes the file after the end."""
        self._audio = audio

    def reset(self) -> None:
        """Forget the mood and the context; clock and numbers go on."""
        self._asked.put(lambda: self._at.step(self._at.session.reset()))

    def learn_voice(self) -> None:
        """The next seconds of speech are calm, and become the voice's baseline."""
        self._asked.put(self._learn)

    def _learn(self) -> None:
        try:
            self._at.step(self._at.session.enroll(ENROLL_S))
        except EmoscopeError as error:
            self._news.put(Note(str(error)))

    def events(self) -> Iterator[AnyEvent]:
        """All events as they come, until the end; then what broke, if anything did, is raised."""
        while True:
            over = self.done
            for item in self.news():
                if not isinstance(item, Tick | Note):
                    yield item
            if over:
                break
            self._done.wait(READ_S)
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._listen()
        except BaseException as error:  # a thread's errors are its owner's to raise
            self.error = error
        finally:
            self.source.close()
            if hasattr(self, "_at"):
                self._at.close()
            if self._recognizer is not None:
                self._recognizer.close()
            self._done.set()

    def _listen(self) -> None:
        if self._words is not None:
            self._recognizer = self._words()  # it loads in its own process, meanwhile
        contract, engine = self._load()
        from ..asr import prepare
        from .drive import created
        from .replay import with_source

        patience_s = None if self._lossless else max(0.0, self._load_timeout_s - self.source.waiting_s)
        words = prepare(self._recognizer, self.config, patience_s=patience_s, stopped=self._stop.is_set)
        if self._stop.is_set():
            return
        known = None
        if self._voice is not None and self._voice.exists():
            from ..sinks.speaker_file import load_voice

            known = load_voice(self._voice, contract)
        options = {"sample_rate": self.source.sample_rate, "channels": self.source.channels, **words.options}
        config = with_source(self.config, options)
        session = Session(contract, config, known, transcribe=words.recognizer is not None)
        self._at = LiveSession(
            session,
            engine,
            self._emit,
            lambda: self.source.waiting_s,
            words.recognizer,
            lossless=self._lossless,
            clock=self._clock,
        )
        self._emit(created(contract, session.config, self.source.name))
        for warning in words.warnings:
            self._emit(warning)
        broken: EmoscopeError | None = None
        try:
            self._hear()
        except EmoscopeError as error:
            broken = error
            code = "device_lost" if isinstance(error, UnusableDevice) else "invalid_audio_frame"
            self._emit(Error(code=code, message=str(error), fatal=True))
        self._at.finish(self._stop.is_set)
        self._keep_voice()
        if broken is not None:
            raise broken

    def _hear(self) -> None:
        at, session = self._at, self._at.session
        while not self._stop.is_set():
            while not self._asked.empty():
                self._asked.get()()
            at.collect()
            if not at.may_read_on:
                at.wait(READ_S)
                continue
            captured = self.source.read(READ_S)
            if captured is None:
                break
            if self._paused:
                self._tick()
                continue
            if captured.lost or captured.overflows:
                self._watch.lost()
            if captured.overflows:
                self._emit(
                    WarningEvent(
                        code="audio_dropped",
                        message="the system lost audio before it reached us: it is too busy",
                        start=round(session.audio_s, 3),
                    )
                )
            if captured.lost and session.audio_s > 0:
                self._fill(captured.lost)
            for warning in self._watch.hear(captured.samples, captured.newest_at or None) if not self._lossless else []:
                self._emit(warning)
            self._take(captured.samples)
            if not self._lossless:
                at.shed()
            at.status()
            self._tick()
            if self._seconds is not None and session.audio_s >= self._seconds:
                break

    def _take(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._envelope += self._watch.envelope(samples)
        if self._audio is not None:
            try:
                self._audio.write(samples)
            except EmoscopeError as error:
                ended, self._audio, self.troubled = str(self._audio.path), None, True
                self._news.put(Note(str(error), serious=True, ended=ended))
        # A second at a time, as the session hears it: what a sound second asks for must be under way before a broken
        # sample in the next one ends the source.
        for begin in range(0, len(samples), self.source.sample_rate):
            self._at.step(self._at.session.feed(samples[begin : begin + self.source.sample_rate]))

    def _fill(self, lost: int) -> None:
        """Silence in the place of audio that was pushed out, so that the clock still tells when things were said."""
        start = self._at.session.audio_s
        self._lost_s += lost / self.source.sample_rate
        self._emit(
            WarningEvent(
                code="audio_dropped",
                message=f"{lost / self.source.sample_rate:.1f} s of audio were not taken in time; heard as silence",
                start=round(start, 3),
                end=round(start + lost / self.source.sample_rate, 3),
            )
        )
        self._take(np.zeros((lost, self.source.channels), np.float32))

    def _hold(self, paused: bool) -> None:
        if paused == self._paused:
            return
        self._paused = paused
        self.source.hold(paused)
        if paused and not self._lossless:  # a recording goes on where it was, as if nothing had been
            self._at.step(self._at.session.flush())
        if not paused:
            self._watch.restart()

    def _keep_voice(self) -> None:
        """Write what was learnt, where a file was asked for."""
        session = self._at.session
        # A recording only reads what is known: it is not the voice that speaks now.
        if self._voice is None or session.speaker is None or self._lossless:
            return
        from ..sinks.speaker_file import save_voice

        try:
            save_voice(self._voice, session.speaker, session.contract)
        except EmoscopeError as error:
            self.troubled = True
            self._news.put(Note(str(error), serious=True))

    def _emit(self, event: AnyEvent) -> None:
        self._write(event)
        self._news.put(event)
        if isinstance(event, Enrolled):
            self._keep_voice()
        if isinstance(event, Error) and event.fatal and event.code == "model_failed":
            self.error = self.error or ModelError(event.message)
            self._stop.set()
        if isinstance(event, SessionClosed):
            self._tick(last=True)

    def _tick(self, *, last: bool = False) -> None:
        now = self._clock()
        if now - self._last_tick < TICK_S and not last:
            return
        self._last_tick = now
        session = self._at.session
        levels, lag = tuple(self._envelope), self._at.view.lag_s
        self._news.put(
            Tick(session.audio_s, levels, lag, session.dropped_s, self._paused, self._lost_s, session.enrollment)
        )
        self._envelope = []
