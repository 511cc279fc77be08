"""The session of one client: a `Session` a channel, and what is acknowledged in both directions. No I/O, no clock."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from emoscope.models.contract import ModelContract

from ..protocol.audio import decode_audio
from ..protocol.config import Config
from ..protocol.encoded import HEAD_BYTES, encoded_format
from ..protocol.errors import ConfigInvalid, InvalidAudio, RecordInvalid
from ..protocol.events import AnyEvent, Durable, Status, encode
from ..protocol.messages import LastSeq
from ..runtime.rules import ChannelView, StreamView, status
from ..session.intake import is_plausible
from ..session.requests import Result
from ..session.session import Output, Session
from .checkpoint import Checkpoint
from .session_config import channel_config
from .unacknowledged import UnacknowledgedEvents


@dataclass(eq=False)
class ChannelSession:
    """The session of one channel.

    index   position of the channel
    tagged  whether its events carry `channel`; false where all channels are mixed into one session
    closed  whether `session.closed` was emitted
    """

    index: int
    tagged: bool
    session: Session
    closed: bool = False


Outputs = list[tuple[ChannelSession, Output]]


class ClientSession:
    """One `ChannelSession` a channel in `split` mode, else a single one; none before the first audio.

    accepted  samples of each channel, at the client's rate
    stored_s  audio up to which another server could continue; infinite where nothing is stored while connected
    failures  how often in a row the model failed on this session
    outage    name of the outage of the engine in which the newest of them was, "" where it was in none
    """

    def __init__(self, session_id: str, token_hash: bytes, contract: ModelContract, config: Config) -> None:
        self.id, self.token_hash, self.contract, self.config = session_id, token_hash, contract, config
        self.channels: list[ChannelSession] = []
        self.unacknowledged = UnacknowledgedEvents()
        self.failures, self.outage = 0, ""
        self.accepted = 0
        self.stored_s = 0.0
        self._busy_s = 0.0
        self._head, self._encoded = b"", ""
        self._owner, self._revision = secrets.token_hex(8), 0

    @property
    def owner(self) -> str:
        """Name under which this holder of the session writes checkpoints."""
        return self._owner

    @property
    def begun(self) -> bool:
        """Whether audio has come, so that the config is fixed."""
        return bool(self.channels)

    @property
    def finished(self) -> bool:
        """Whether `finish` was called: no more audio is accepted."""
        return any(channel.session.finished for channel in self.channels)

    @property
    def speaking(self) -> bool:
        """Whether an utterance is open on any channel."""
        return any(channel.session.state.segmenter.speaking for channel in self.channels)

    @property
    def awaited(self) -> bool:
        """Whether a request has no result yet, so that events are still to come without any more audio."""
        return any(channel.session.pending() for channel in self.channels)

    @property
    def closed(self) -> bool:
        """Whether every channel has emitted `session.closed`."""
        for channel in self.channels:
            if not channel.closed:
                return False
        return self.begun

    @property
    def audio_s(self) -> float:
        """Audio accepted."""
        return self.accepted / self.config.sample_rate

    @property
    def view(self) -> StreamView:
        """How far each channel has got with the audio, for the rules of a stream."""
        return StreamView(audio_s=self.audio_s, channels=[ChannelView.of(channel.session) for channel in self.channels])

    # --- audio and commands

    def begin(self) -> None:
        """Make the sessions. They are made as late as possible, so that an idle connection holds none."""
        if self.channels:
            return
        split = self.config.channel_mode == "split"
        config = channel_config(self.config)
        for index in range(self.config.channels if split else 1):
            session = Session(self.contract, config, transcribe=config.transcript)
            self.channels.append(ChannelSession(index, split, session))
        self.unacknowledged.open(len(self.channels))

    def decode(self, frame: bytes, max_s: float) -> npt.NDArray[np.generic]:
        """Samples (n, channels) of a binary frame, at the client's rate.

        InvalidAudio when it is no whole number of samples, longer than `max_s`, holds a value that sound cannot have,
        or goes on a stream that began with compressed sound; then nothing of it is accepted.
        """
        self._check_encoding(frame)
        samples = decode_audio(frame, self.config, max_s)
        if samples.dtype == np.float32:
            usable = is_plausible(samples)  # type: ignore[arg-type]
            if not usable.all():
                at = self.audio_s + int(usable.argmin()) / self.config.sample_rate
                raise InvalidAudio(
                    f"the sample at {at:.3f} s is no number that sound can have (full scale is 1); the frame is refused"
                )
        return samples

    def _check_encoding(self, frame: bytes) -> None:
        """Look at the first bytes of the stream; InvalidAudio, then and ever after, when they are no samples."""
        if not self._encoded and len(self._head) < HEAD_BYTES:
            self._head += frame[: HEAD_BYTES - len(self._head)]
            self._encoded = encoded_format(self._head)
        if self._encoded:
            raise InvalidAudio(
                f"the audio is {self._encoded}, not samples as {self.config.encoding}: decode it before it is sent, "
                "and open a new session"
            )

    def feed(self, samples: npt.NDArray[np.generic]) -> Outputs:
        """Accept audio (n, channels) from `decode`."""
        self.begin()
        if self.channels[0].tagged:
            outputs = [(channel, channel.session.feed(samples[:, channel.index])) for channel in self.channels]
        else:
            outputs = [(self.channels[0], self.channels[0].session.feed(samples))]
        self.accepted += len(samples)  # last: what a session fails to take, its client has to send again
        return outputs

    def flush(self) -> Outputs:
        """End the current utterances."""
        return [(channel, channel.session.flush()) for channel in self.channels]

    def reset(self) -> Outputs:
        """End the current utterances, forget moods and baselines."""
        return [(channel, channel.session.reset()) for channel in self.channels]

    def enroll(self, seconds: float) -> Outputs:
        """Learn each speaker's baseline from the next `seconds` of speech.

        ConfigInvalid when the model learns no speaker, or `seconds` is out of range; then nothing has begun.
        """
        begun = self.begun
        self.begin()
        try:
            return [(channel, channel.session.enroll(seconds)) for channel in self.channels]
        except ConfigInvalid:
            if not begun:
                self.channels = []
                self.unacknowledged.open(0)
            raise

    def finish(self) -> Outputs:
        """Accept no more audio; `session.closed` comes when every request has its result."""
        self.begin()
        return [(channel, channel.session.finish()) for channel in self.channels]

    def apply(self, channel: ChannelSession, results: Sequence[Result], busy_s: float = 0.0) -> Output:
        """Results of one channel's requests, and how long the engine computed them."""
        self._busy_s += busy_s
        return channel.session.apply(results)

    # --- events

    @staticmethod
    def tag(channel: ChannelSession | None, event: AnyEvent) -> AnyEvent:
        """The event with the number of its channel, where each channel has a session of its own."""
        if channel is None or not channel.tagged:
            return event
        return msgspec.structs.replace(event, channel=channel.index)

    def encode(self, channel: ChannelSession | None, event: AnyEvent) -> bytes | None:
        """A tagged event as JSON; None when the client has it already. Durable ones are kept until acknowledged."""
        data = encode(event)
        if channel is not None and isinstance(event, Durable):
            return data if self.unacknowledged.add(channel.index, event.seq, data) else None
        return data

    def status(self) -> Status:
        """`processed_s` never passes what is stored, because audio after it may be asked for again."""
        return status(self.view, self._busy_s, self.stored_s)

    # --- checkpoints

    def checkpoint(self) -> Checkpoint:
        """Everything that is needed to continue elsewhere, at this moment."""
        self._revision += 1
        return Checkpoint(
            session_id=self.id,
            token_hash=self.token_hash,
            config=self.config,
            audio_s=self.audio_s,
            channels=[channel.session.save() for channel in self.channels],
            unacknowledged=list(self.unacknowledged.entries),
            events_lost=self.unacknowledged.lost,
            failures=self.failures,
            owner=self._owner,
            revision=self._revision,
            outage=self.outage,
        )

    @classmethod
    def restore(cls, checkpoint: Checkpoint, contract: ModelContract) -> "ClientSession":
        """RecordInvalid or ConfigInvalid when this server cannot continue the session."""
        restored = cls(checkpoint.session_id, checkpoint.token_hash, contract, checkpoint.config)
        split = checkpoint.config.channel_mode == "split"
        sessions = [Session.restore(saved, contract) for saved in checkpoint.channels]
        if any(session.audio_s != checkpoint.audio_s for session in sessions):
            raise RecordInvalid("a stored session whose channels have not taken the same audio; open a new session")
        restored.channels = [
            ChannelSession(index, split, session, closed=session.finished and not session.pending())
            for index, session in enumerate(sessions)
        ]
        produced = [session.next_seq - 1 for session in sessions]
        restored.unacknowledged.restore(checkpoint.unacknowledged, produced, lost=checkpoint.events_lost)
        restored.failures, restored.outage = checkpoint.failures, checkpoint.outage
        restored._owner, restored._revision = checkpoint.owner, checkpoint.revision
        restored.accepted = round(checkpoint.audio_s * checkpoint.config.sample_rate)
        restored.stored_s = checkpoint.audio_s
        restored._head = bytes(HEAD_BYTES)  # what comes next is no beginning
        return restored

    def resume(self, last_seq: LastSeq) -> list[bytes]:
        """The durable events that a returning client has not received; InvalidJson when `last_seq` does not fit."""
        return self.unacknowledged.resume(last_seq)
