"""What goes to the server: audio, with the commands at their samples, as often as the server needs to hear it."""

from dataclasses import dataclass, field

from ..protocol.messages import ClientMessage, Finish
from .ring import AudioRing


@dataclass
class Outgoing:
    """Positions are frames since the client began; the session's own clock starts at `origin`.

    window     frames that may be under way: sent, and not known to be processed
    piece      frames in one message, at most
    patient    keep to the window always (a file), not only while catching up (a microphone)
    sent       the next frame to send
    processed  up to here the server will never ask again
    commands   (position, message), those before `cursor` were sent
    told       up to here, audio that is no longer held was reported
    """

    ring: AudioRing
    window: int
    piece: int
    patient: bool
    origin: int = 0
    sent: int = 0
    processed: int = 0
    commands: list[tuple[int, ClientMessage]] = field(default_factory=list)
    cursor: int = 0
    catching_up: bool = False
    finishing: bool = False
    finish_sent: bool = False
    told: int = 0

    @property
    def head(self) -> int:
        return self.ring.head

    @property
    def room(self) -> int:
        """Frames that a patient sender may add now."""
        return max(0, self.processed + self.window - self.head)

    @property
    def held_up(self) -> bool:
        """There is audio to send, but no room in the window."""
        return self.sent < self.head and (self.patient or self.catching_up) and self._limit <= self.sent

    @property
    def _limit(self) -> int:
        return max(self.processed, self.origin) + self.window

    @property
    def commands_due(self) -> bool:
        """The next thing to send is a command."""
        return self.cursor < len(self.commands) and self.commands[self.cursor][0] <= self.sent

    def append(self, data: bytes) -> None:
        self.ring.append(data)

    def command(self, message: ClientMessage) -> None:
        """A command after all audio so far."""
        self.commands.append((self.head, message))

    def acknowledge(self, position: int) -> None:
        """The server has stored what it needs of everything before `position`."""
        self.processed = max(self.processed, min(position, self.sent))
        done = 0
        while done < self.cursor and self.commands[done][0] < self.processed:
            done += 1
        del self.commands[:done]
        self.cursor -= done

    def lost(self) -> tuple[int, int] | None:
        """Audio still to be sent that is no longer held, and was not reported yet; it goes out as silence."""
        begin, end = max(self.sent, self.told), self.ring.first
        if begin >= end:
            return None
        self.told = end
        return begin, end

    def next(self) -> bytes | ClientMessage | None:
        """The next thing to send, or nothing for now."""
        until = self.head
        if self.commands_due:
            self.cursor += 1
            return self.commands[self.cursor - 1][1]
        if self.cursor < len(self.commands):
            until = self.commands[self.cursor][0]
        if self.patient or self.catching_up:
            until = min(until, self._limit)
        count = min(self.piece, until - self.sent)
        if count > 0:
            data = self.ring.read(self.sent, count)
            self.sent += count
            return data
        if self.sent == self.head:
            self.catching_up = False
            if self.finishing and not self.finish_sent and self.cursor == len(self.commands):
                self.finish_sent = True
                return Finish()
        return None

    def resume(self, position: int) -> None:
        """The session goes on, and has everything before `position`."""
        self.sent = position
        self._again()

    def renew(self, position: int) -> None:
        """Another session begins, whose clock starts at `position`."""
        self.origin = self.sent = self.processed = position
        self.told = max(self.told, position)
        self.commands = [(at, message) for at, message in self.commands if at >= position]
        self._again()

    def _again(self) -> None:
        # A command at the very sample that the server stopped at may have been heard or not; all of them may come twice
        # there without a difference.
        self.cursor = sum(at < self.sent for at, _ in self.commands)
        self.catching_up, self.finish_sent = True, False
