"""The send buffer: audio and commands in order, with flow control and retransmission after a reconnect."""

from dataclasses import dataclass, field

from ..protocol.audio import bytes_per_sample
from ..protocol.config import Config
from ..protocol.events import Limits
from ..protocol.messages import ClientMessage, Finish
from .ring_buffer import AudioRingBuffer

WINDOW_SHARE = 0.75  # of the backlog that the server allows
MESSAGE_S = {"realtime": 0.1, "fast": 0.5}  # audio in one message
MAX_MESSAGE_BYTES = 262_144


@dataclass
class SendBuffer:
    """Positions are frames since the client began; the session's own clock starts at `origin`.

    window        largest number of frames in flight: sent, but not acknowledged as processed
    message_size  largest number of frames in one message
    lossless      the window always applies (a file), not only while catching up (a microphone)
    sent          position of the next frame to send
    processed     position up to which the server will never ask for audio again
    commands      (position, message) pairs; those before index `next_command` were sent
    reported      stretches [begin, end) of lost audio that were reported and that the server may ask for again
    """

    ring: AudioRingBuffer
    window: int
    message_size: int
    lossless: bool
    origin: int = 0
    sent: int = 0
    processed: int = 0
    commands: list[tuple[int, ClientMessage]] = field(default_factory=list)
    next_command: int = 0
    catching_up: bool = False
    finishing: bool = False
    finish_sent: bool = False
    reported: list[tuple[int, int]] = field(default_factory=list)

    @property
    def head(self) -> int:
        """Position of the next frame to be appended."""
        return self.ring.head

    @property
    def room(self) -> int:
        """Number of frames that a lossless sender may append now."""
        return max(0, self.processed + self.window - self.head)

    @property
    def blocked(self) -> bool:
        """There is audio to send, but the window is full."""
        return self.sent < self.head and (self.lossless or self.catching_up) and self._window_end <= self.sent

    @property
    def _window_end(self) -> int:
        return max(self.processed, self.origin) + self.window

    @property
    def command_due(self) -> bool:
        """The next message to send is a command."""
        return self.next_command < len(self.commands) and self.commands[self.next_command][0] <= self.sent

    def apply_limits(self, limits: Limits, sample_rate: int) -> None:
        """Set the window and the ring buffer's capacity to what this server keeps."""
        backlog_s = limits.fast_backlog_s if self.lossless else limits.max_backlog_s
        self.window = max(self.message_size, round(WINDOW_SHARE * backlog_s * sample_rate))
        self.ring.capacity = max(self.ring.capacity, round((limits.resume_ttl_s + backlog_s) * sample_rate))

    def append(self, data: bytes) -> None:
        """Append encoded audio, whole frames."""
        self.ring.append(data)

    def append_command(self, message: ClientMessage) -> None:
        """Append a command after all audio so far."""
        self.commands.append((self.head, message))

    def acknowledge(self, position: int) -> None:
        """The server has processed and stored all audio before `position`."""
        self.processed = max(self.processed, min(position, self.sent))
        done = 0
        while done < self.next_command and self.commands[done][0] < self.processed:
            done += 1
        del self.commands[:done]
        self.next_command -= done

    def take_lost(self) -> list[tuple[int, int]]:
        """The stretches of unsent audio that the ring buffer lost and that were not reported yet.

        Silence is sent for them. Each is returned once, also where a server goes back before what was reported.
        """
        at, end = self.sent, self.ring.first
        if at >= end:
            return []
        lost = []
        for begin, until in [*self.reported, (end, end)]:
            if at < min(begin, end):
                lost.append((at, min(begin, end)))
            at = max(at, until)
        self.reported = sorted(one for one in [*self.reported, *lost] if one[1] > self.processed)
        return lost

    def next_message(self) -> bytes | ClientMessage | None:
        """The next message to send; None when there is nothing to send, or the window is full."""
        until = self.head
        if self.command_due:
            self.next_command += 1
            return self.commands[self.next_command - 1][1]
        if self.next_command < len(self.commands):
            until = self.commands[self.next_command][0]
        if self.lossless or self.catching_up:
            until = min(until, self._window_end)
        count = min(self.message_size, until - self.sent)
        if count > 0:
            data = self.ring.read(self.sent, count)
            self.sent += count
            return data
        if self.sent == self.head:
            self.catching_up = False
            if self.finishing and not self.finish_sent and self.next_command == len(self.commands):
                self.finish_sent = True
                return Finish()
        return None

    def resume(self, position: int) -> None:
        """Continue the session on a new connection: the server has all audio before `position`."""
        self.sent = position
        self._rewind()

    def restart(self, position: int) -> None:
        """Begin a new session, whose clock starts at `position`."""
        self.origin = self.sent = self.processed = position
        self.commands = [(at, message) for at, message in self.commands if at >= position]
        self._rewind()

    def _rewind(self) -> None:
        # The server may or may not have received a command at exactly `sent`. It is sent again: every command has the
        # same effect twice at one sample as once.
        self.next_command = sum(at < self.sent for at, _ in self.commands)
        self.catching_up, self.finish_sent = True, False


def send_buffer(config: Config) -> SendBuffer:
    """An empty buffer for a session, with the default limits until a server sends its own."""
    frame_bytes = bytes_per_sample(config.encoding) * config.channels
    silence_byte = 0xFF if config.encoding == "mulaw" else 0
    size = max(1, min(round(MESSAGE_S[config.pace] * config.sample_rate), MAX_MESSAGE_BYTES // frame_bytes))
    ring = AudioRingBuffer(frame_bytes, 1, silence_byte)
    buffer = SendBuffer(ring, window=1, message_size=size, lossless=config.pace == "fast")
    buffer.apply_limits(Limits(), config.sample_rate)
    return buffer
