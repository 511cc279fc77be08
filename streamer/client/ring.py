"""The newest audio, kept to be sent again."""

from dataclasses import dataclass, field


@dataclass
class AudioRing:
    """Encoded frames (one sample of each channel) by their number since the client began; the oldest make room.

    frame_bytes  of one frame
    capacity     frames held at most
    quiet        the byte that silence is made of in this encoding
    first        number of the oldest frame held
    """

    frame_bytes: int
    capacity: int
    quiet: int = 0
    first: int = 0
    held: bytearray = field(default_factory=bytearray)

    @property
    def head(self) -> int:
        """Number of the frame that comes next."""
        return self.first + len(self.held) // self.frame_bytes

    def append(self, data: bytes) -> None:
        """Whole frames at the head."""
        self.held += data
        surplus = len(self.held) // self.frame_bytes - self.capacity
        if surplus > 0:
            del self.held[: surplus * self.frame_bytes]
            self.first += surplus

    def read(self, at: int, count: int) -> bytes:
        """`count` frames from number `at`, all before the head; silence in place of those no longer held."""
        missing = min(count, max(0, self.first - at))
        begin = (at + missing - self.first) * self.frame_bytes
        data = self.held[begin : begin + (count - missing) * self.frame_bytes]
        return bytes([self.quiet]) * (missing * self.frame_bytes) + bytes(data)
