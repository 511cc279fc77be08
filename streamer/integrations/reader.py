"""One voice of a host's event loop, read beside it: audio goes in without waiting, events come back in the loop."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import msgspec

from emoscope.models.errors import ModelError

from ..engine.live_check import LiveCheck
from ..protocol.errors import EmoscopeError
from ..protocol.events import AnyEvent, EmotionFinal, Error, SessionCreated, SpeechStarted, WarningEvent
from ..runtime.live import Live, Loaded
from ..runtime.player import PlayerThread
from ..runtime.updates import Meter, Notice
from ..sources.fed_audio import FedAudio
from .engines import shared_engine
from .options import ReaderOptions

IDLE_S = 1.0  # without any frame for so long, whoever spoke has been muted or has gone, and the utterance ends
RESTARTS = 3  # sessions that are begun anew after an engine broke


class EmotionReader:
    """Every method is called in the host's event loop, and only `finish` waits. Nothing is raised at the host.

    on_event    takes each event of the session, in order, in the loop
    on_problem  takes one line about a problem, each kind once; the host goes on, whatever it is

    The session has a thread of its own and its model a process (or `options.server` reads). When the engine breaks,
    another session is begun with the next frame, a few times; then the reader stays silent.
    """

    def __init__(
        self,
        options: ReaderOptions,
        on_event: Callable[[AnyEvent], None],
        on_problem: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.options, self._on_event, self._on_problem = options, on_event, on_problem
        self._loop = asyncio.get_running_loop()
        self._told = set[str]()
        self._ended = asyncio.Event()
        self._closed, self._over = False, False
        self._restarts_left = RESTARTS
        self._source: FedAudio | None = None
        self._player: PlayerThread | None = None
        self._opened = False
        self._woken = False
        self._speaking = False
        self._fed_at = 0.0
        self._watch: asyncio.TimerHandle | None = None

    @property
    def waiting_s(self) -> float:
        """Audio that was fed and that the session has not taken yet, in seconds."""
        return 0.0 if self._source is None else self._source.waiting_s

    @property
    def alive(self) -> bool:
        """Whether events may still come; false after `finish`, `stop`, or a failure that stays."""
        return not self._over

    def prepare(self) -> None:
        """Let the model load already, before the first frame."""
        options = self.options
        if options.server is None and options.load is None:
            self._loop.run_in_executor(None, partial(shared_engine, options.model, options.device, self._check()))

    def feed(self, audio: bytes | bytearray | memoryview, sample_rate: int, channels: int = 1) -> None:
        """A frame of interleaved 16-bit samples. The first one opens the session, at its rate."""
        if self._closed:
            return
        try:
            if self._player is None:
                self._begin(sample_rate)
            assert self._source is not None
            self._source.put(audio, sample_rate, channels)
        except Exception as error:  # whatever is wrong here, the host's pipeline goes on
            self._tell("feed", f"a frame was left out: {type(error).__name__}: {error}")
        self._fed_at = self._loop.time()

    def flush(self) -> None:
        """End the current utterance now: its final follows."""
        if self._player is not None:
            self._player.flush()

    def end_input(self) -> None:
        """No more audio: the last utterance ends, and what is pending is read out."""
        self._close()
        if self._source is not None:
            self._source.end()

    async def finish(self) -> None:
        """No more audio. What is pending is read out within `options.finish_s`; the rest is given up."""
        self.end_input()
        if (player := self._player) is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.options.finish_s):
                    await self._ended.wait()
            player.stop()
            self._drain()
        self._over = True

    def stop(self) -> None:
        """End at once; nothing that is pending is waited for, and no event follows."""
        self._close()
        self._over = True
        self._ended.set()  # whoever waits in `finish` goes on
        if self._player is not None:
            self._player.stop()
            self._player = None

    # --- the session

    def _begin(self, sample_rate: int) -> None:
        options = self.options
        source = FedAudio(sample_rate, queue_s=options.queue_s, tell=self._on_problem)
        if options.server is None:
            self._player = self._here(source)
        else:
            self._player = self._there(source, options.server)
        self._source, self._opened, self._woken = source, False, False
        self._player.on_update = self._wake
        self._player.start()

    def _here(self, source: FedAudio) -> PlayerThread:
        from ..asr import Recognizer, choose

        options = self.options
        choice = None if options.asr is None else choose(options.asr)

        def load() -> Loaded:
            engine = shared_engine(options.model, options.device, self._check())
            ready = engine.check()
            if ready.too_slow:
                player.notify(ready.too_slow)
            return ready.contract, engine

        player = Live(
            source,
            options.load or load,
            options.config,
            start_recognizer=None if choice is None else partial(Recognizer, choice),
            clock=options.clock,
        )
        return player

    def _there(self, source: FedAudio, server: str) -> PlayerThread:
        from ..client import SyncClient
        from ..runtime.remote import Remote

        config = msgspec.structs.replace(self.options.config, sample_rate=source.sample_rate, channels=1)
        return Remote(source, lambda: SyncClient(server, config, token=self.options.token), live=True)

    def _check(self) -> LiveCheck:
        return LiveCheck.of(self.options.config, otherwise="small" if self.options.model != "small" else "")

    # --- in the session's thread

    def _wake(self) -> None:
        """Updates are there: the loop takes them. Many at once wake it once."""
        if not self._woken:
            self._woken = True
            with suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._drain)

    # --- in the loop

    def _drain(self) -> None:
        self._woken = False  # before the updates are taken: one that comes meanwhile wakes the loop again
        player = self._player
        if player is None:
            return
        done = player.done
        for update in player.updates():
            match update:
                case Meter():
                    pass
                case Notice(message):
                    self._tell(message, message)
                case _:
                    self._accept(update)
        if done:
            self._finished(player)

    def _accept(self, event: AnyEvent) -> None:
        match event:
            case SessionCreated():
                self._opened = True
            case WarningEvent(code=code, message=message):
                self._tell(code, message)
            case Error(code=code, message=message):
                self._tell(code, message)
            case SpeechStarted():
                self._speaking = True
                self._watch_idle()
            case EmotionFinal():
                self._speaking = False
        try:
            self._on_event(event)
        except Exception as error:  # a mistake in the host's own callback must not end the reading
            self._tell("callback", f"an event could not be handed on: {type(error).__name__}: {error}")

    def _finished(self, player: PlayerThread) -> None:
        """The session has ended: because it should, or because something broke."""
        error, self._speaking = player.error, False
        again = isinstance(error, ModelError) and self._opened and self._restarts_left > 0 and not self._closed
        if error is not None:
            known = isinstance(error, EmoscopeError)
            what = str(error) if known else f"{type(error).__name__}: {error}"
            then = "a new session begins" if again else "no more emotions are read; the pipeline goes on"
            self._tell(f"ended {self._restarts_left}", f"{what}; {then}")
        if again:
            self._restarts_left -= 1
            self._player = self._source = None  # the next frame begins another one
        else:
            self._close()
            self._over = True
            self._ended.set()

    def _watch_idle(self) -> None:
        """A voice whose frames stop in mid-utterance, as in a muted call, has ended its utterance."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if not self._speaking or self._closed:
            return
        left_s = self._fed_at + IDLE_S - self._loop.time()
        if left_s <= 0.0:
            self.flush()
        else:
            self._watch = self._loop.call_later(left_s, self._watch_idle)

    def _close(self) -> None:
        self._closed = True
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def _tell(self, kind: str, line: str) -> None:
        if kind not in self._told:
            self._told.add(kind)
            self._on_problem(line)
