"""What one client has on the server: sessions, unacknowledged events, lag. No socket and no clock inside."""

import secrets
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract

from ..protocol.config import Config
from ..protocol.errors import ConfigInvalid, InvalidAudio, InvalidJson
from ..protocol.events import AnyEvent, Durable, Status, encode
from ..protocol.messages import LastSeq
from ..runtime.offer import Offer
from ..runtime.rules import ChannelView, StreamView, status
from ..session.intake import is_plausible
from ..session.requests import Failed, Result
from ..session.session import Output, Session
from .effective import configured, per_channel
from .stored import Stored

KEPT_EVENTS = 1_000


@dataclass(eq=False)
class Voice:
    """One session, and the requests of it that are out. `channel` is None unless each channel has its own."""

    channel: int | None
    session: Session
    gone: bool = False
    closed: bool = False
    acked: int = 0
    suppress: int = 0
    sent: int = 0


class Stream:
    """Sessions of one client, one a channel in `split` mode, else one."""

    def __init__(self, session_id: str, token: bytes, contract: ModelContract, config: Config) -> None:
        self.id, self.token, self.contract, self.config = session_id, token, contract, config
        self.voices: list[Voice] = []
        self.kept: deque[tuple[int, int, bytes]] = deque()
        self.lost_events = False
        self.failures = 0
        self.owner, self.revision = secrets.token_hex(8), 0
        """What orders the writes of its records: see `Stored`."""
        self.accepted = 0
        """Samples of each channel, at the source's rate."""
        self.finishing = False
        self.busy_s = 0.0
        self.stored_s = 0.0
        """Audio up to which a server that takes over could go on from."""

    @property
    def begun(self) -> bool:
        """Whether audio has come, so that the config is fixed."""
        return bool(self.voices)

    @property
    def audio_s(self) -> float:
        """Audio accepted."""
        return self.accepted / self.config.sample_rate

    @property
    def processed_s(self) -> float:
        """Audio up to which everything has left, whatever is stored."""
        return min((voice.session.processed_s for voice in self.voices), default=0.0)

    @property
    def view(self) -> StreamView:
        """How far the channels have got, as the rules of a stream see it."""
        return StreamView(audio_s=self.audio_s, channels=[ChannelView.of(voice.session) for voice in self.voices])

    @property
    def dropped_s(self) -> float:
        return sum(voice.session.dropped_s for voice in self.voices)

    @property
    def pending(self) -> bool:
        """Whether anything is still computed."""
        return any(voice.session.pending() for voice in self.voices)

    @property
    def closed(self) -> bool:
        """Whether `session.closed` has left every voice."""
        return self.finishing and all(voice.closed for voice in self.voices)

    def configure(self, values: dict[str, Any], offer: Offer) -> Config:
        """Before the first audio; ConfigInvalid."""
        self.config = configured(self.contract, self.config, values, offer)
        return self.config

    def begin(self) -> None:
        """Sessions are made when they are needed: an idle socket holds none."""
        if self.voices:
            return
        split = self.config.channel_mode == "split"
        single = per_channel(self.config)
        for channel in range(self.config.channels if split else 1):
            session = Session(self.contract, single, transcribe=single.transcript)
            self.voices.append(Voice(channel if split else None, session))

    def check(self, samples: npt.NDArray[np.generic]) -> None:
        """InvalidAudio when a sample is no number that sound can have: then nothing of the frame is heard."""
        if samples.dtype == np.float32:
            usable = is_plausible(samples)  # type: ignore[arg-type]
            if not usable.all():
                at = self.audio_s + int(usable.argmin()) / self.config.sample_rate
                raise InvalidAudio(
                    f"the sample at {at:.3f} s is no number that sound can have (full scale is 1); the frame is refused"
                )

    def feed(self, samples: npt.NDArray[np.generic]) -> list[tuple[Voice, Output]]:
        """Audio (n, channels) that `check` has passed."""
        self.begin()
        self.accepted += len(samples)
        if self.voices[0].channel is None:
            return [(self.voices[0], self.voices[0].session.feed(samples))]
        return [(voice, voice.session.feed(samples[:, place])) for place, voice in enumerate(self.voices)]

    def flush(self) -> list[tuple[Voice, Output]]:
        return [(voice, voice.session.flush()) for voice in self.voices]

    def reset(self) -> list[tuple[Voice, Output]]:
        return [(voice, voice.session.reset()) for voice in self.voices]

    def enroll(self, seconds: float) -> list[tuple[Voice, Output]]:
        """ConfigInvalid when the model learns no voice, or `seconds` is out of range; then nothing has begun."""
        begun = self.begun
        self.begin()
        try:
            return [(voice, voice.session.enroll(seconds)) for voice in self.voices]
        except ConfigInvalid:
            if not begun:
                self.voices = []
            raise

    def finish(self) -> list[tuple[Voice, Output]]:
        self.begin()
        self.finishing = True
        return [(voice, voice.session.finish()) for voice in self.voices]

    def apply(self, voice: Voice, results: Sequence[Result], busy_s: float) -> Output:
        self.busy_s += busy_s
        return voice.session.apply(results)

    def wire(self, voice: Voice | None, event: AnyEvent) -> bytes | None:
        """An event as it leaves; None when the client has it already. Durable ones are kept until acknowledged."""
        if voice is not None and voice.channel is not None:
            event = msgspec.structs.replace(event, channel=voice.channel)
        data = encode(event)
        if voice is None or not isinstance(event, Durable):
            return data
        voice.sent = event.seq
        if event.seq <= max(voice.suppress, voice.acked):
            return None
        self.kept.append((voice.channel or 0, event.seq, data))
        if len(self.kept) > KEPT_EVENTS:
            self.kept.popleft()
            self.lost_events = True
        return data

    def acknowledge(self, last_seq: LastSeq) -> None:
        """Durable events up to `last_seq` have arrived. InvalidJson when the numbers are not one a channel."""
        for voice, seq in zip(self.voices, self._numbers(last_seq), strict=True):
            voice.acked = max(voice.acked, min(seq, voice.sent))
        acked = [voice.acked for voice in self.voices]
        if acked:
            self.kept = deque(item for item in self.kept if item[1] > acked[item[0]])

    def _numbers(self, last_seq: LastSeq) -> list[int]:
        count = len(self.voices)
        numbers = last_seq if isinstance(last_seq, list) else [last_seq] * count
        if count and len(numbers) != count:
            raise InvalidJson(f"last_seq holds {len(numbers)} numbers; this session has {count} channel(s)", "last_seq")
        if count > 1 and isinstance(last_seq, int) and last_seq:
            raise InvalidJson("last_seq must be a list with one number a channel: each counts its own", "last_seq")
        return numbers if count else []

    def status(self) -> Status:
        """`processed_s` never passes what is stored: audio after it may be asked for again."""
        return status(self.view, self.busy_s, self.stored_s)

    def stored(self) -> Stored:
        """Everything that is needed to go on elsewhere, as of now."""
        self.revision += 1
        return Stored(
            session_id=self.id,
            token=self.token,
            config=self.config,
            audio_s=self.audio_s,
            voices=[voice.session.save() for voice in self.voices],
            kept=list(self.kept),
            lost_events=self.lost_events,
            failures=self.failures,
            owner=self.owner,
            revision=self.revision,
        )

    @classmethod
    def restore(cls, stored: Stored, contract: ModelContract) -> "Stream":
        """RecordInvalid or ConfigInvalid when this server cannot go on with it."""
        stream = cls(stored.session_id, stored.token, contract, stored.config)
        split = stored.config.channel_mode == "split"
        stream.voices = [
            Voice(channel if split else None, Session.restore(saved, contract))
            for channel, saved in enumerate(stored.voices)
        ]
        for voice in stream.voices:
            voice.sent = voice.session.next_seq - 1
            voice.closed = voice.session.finished and not voice.session.pending()
            voice.acked = min((s for c, s, _ in stored.kept if c == (voice.channel or 0)), default=voice.sent + 1) - 1
        stream.kept = deque(stored.kept)
        stream.lost_events, stream.failures = stored.lost_events, stored.failures
        stream.owner, stream.revision = stored.owner, stored.revision
        stream.accepted = round(stored.audio_s * stored.config.sample_rate)
        stream.stored_s = stored.audio_s
        stream.finishing = any(voice.session.finished for voice in stream.voices)
        return stream

    def rejoin(self, last_seq: LastSeq) -> list[bytes]:
        """A client has come back and has seen `last_seq`: the durable events that it has not."""
        for voice, seq in zip(self.voices, self._numbers(last_seq), strict=True):
            voice.suppress = seq
        self.acknowledge(last_seq)
        return [data for _, _, data in self.kept]

    @property
    def gap(self) -> bool:
        """Whether a client that came back misses events that are no longer kept."""
        first = {channel: seq for channel, seq, _ in reversed(self.kept)}
        return any(v.suppress + 1 < first.get(v.channel or 0, v.sent + 1) for v in self.voices)


def broke(results: Sequence[Result]) -> str | None:
    """What the model failed with, if it did."""
    return next((result.message for result in results if isinstance(result, Failed)), None)
