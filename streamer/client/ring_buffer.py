"""A ring buffer of the newest audio, kept so that it can be sent again after a reconnect."""

from dataclasses import dataclass, field


@dataclass
class AudioRingBuffer:
    """Encoded frames (one sample of each channel), numbered since the client began. The oldest frames are overwritten.

    frame_bytes   size of one frame, in bytes
    capacity      largest number of frames held
    silence_byte  the byte that silence consists of in this encoding
    first         number of the oldest frame held
    """

    frame_bytes: int
    capacity: int
    silence_byte: int = 0
    first: int = 0
    data: bytearray = field(default_factory=bytearray)

    @property
    def head(self) -> int:
        """Number of the next frame to be appended."""
        return self.first + len(self.data) // self.frame_bytes

    def append(self, data: bytes) -> None:
        """Append whole frames at the head."""
        self.data += data
        surplus = len(self.data) // self.frame_bytes - self.capacity
        if surplus > 0:
            del self.data[: surplus * self.frame_bytes]
            self.first += surplus

    def read(self, start: int, count: int) -> bytes:
        """`count` frames from number `start`, all before the head. Frames no longer held are replaced by silence."""
        missing = min(count, max(0, self.first - start))
        begin = (start + missing - self.first) * self.frame_bytes
        held = self.data[begin : begin + (count - missing) * self.frame_bytes]
        return bytes([self.silence_byte]) * (missing * self.frame_bytes) + bytes(held)
