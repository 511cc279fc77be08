"""What the server must answer to a client's messages, by the protocol's page (streamer/protocol.md).

One object follows one connection. It is told each message in the order of sending, and says which answers are right:
"session.updated", "error CODE", "" for none. `status` is not among them, because it also comes by itself.
"""

from dataclasses import dataclass, field

import msgspec

from ...protocol.audio import decode_audio
from ...protocol.config import Config, checked
from ...protocol.errors import ConfigInvalid, InvalidAudio, ProtocolError
from ...protocol.events import Limits
from ...protocol.messages import Enroll, Finish, Flush, Keepalive, Reset, SessionResume, SessionUpdate, decode_client
from ...session.intake import is_plausible

NOTHING, UPDATED, TOO_LARGE = "", "session.updated", "error message_too_large"
ENROLL_S = (1.0, 120.0)


def refusal(code: str) -> str:
    """The answer that refuses a message."""
    return f"error {code}"


@dataclass
class ExpectedAnswers:
    """The protocol's side of one connection.

    greeted   whether a message has come, so that the session cannot be resumed any more
    begun     whether audio or a command has come that fixes the options
    finished  whether `finish` was sent
    closes    the close codes that are right from now on; empty while the connection stays open
    """

    config: Config
    limits: Limits = field(default_factory=Limits)
    greeted: bool = False
    begun: bool = False
    finished: bool = False
    closes: frozenset[int] = frozenset()

    def text(self, text: str) -> tuple[str, ...]:
        """The right answers to a text message."""
        try:
            message = decode_client(text)
        except ProtocolError as error:
            self.greeted = True
            return (refusal(error.code),)
        first, self.greeted = not self.greeted, True
        match message:
            case SessionResume():
                if first:
                    self.closes = frozenset({4404})
                    return (refusal("resume_unknown"),)
                return (refusal("config_locked"),)
            case SessionUpdate(config=values):
                return self._update(values)
            case Keepalive(last_seq=last_seq):
                return self._keepalive(last_seq)
            case Enroll(seconds=seconds):
                return self._enroll(seconds)
            case Finish():
                self.begun = self.finished = True
                self.closes = frozenset({1000})
            case Flush() | Reset():
                pass
        return (NOTHING,)

    def audio(self, frame: bytes) -> tuple[str, ...]:
        """The right answers to a binary message."""
        if len(frame) > self.limits.max_frame_bytes:
            self.closes = frozenset({1009})
            return (TOO_LARGE,)
        if self.finished:  # it is refused, or the session is closed already
            return (refusal("invalid_audio_frame"), NOTHING)
        try:
            samples = decode_audio(frame, self.config, self.limits.max_frame_s)
        except InvalidAudio:
            return (refusal("invalid_audio_frame"),)
        if samples.dtype.kind == "f" and not is_plausible(samples).all():  # type: ignore[arg-type]
            return (refusal("invalid_audio_frame"),)
        if len(samples):
            self.greeted = self.begun = True
        return (NOTHING,)

    def updated(self, config: Config) -> None:
        """The effective options, which the server named in `session.updated`."""
        self.config = config

    @property
    def _channels(self) -> int:
        return self.config.channels if self.config.channel_mode == "split" else 1

    def _update(self, values: dict[str, object]) -> tuple[str, ...]:
        if self.begun:
            return (refusal("config_locked"),)
        merged = {**msgspec.to_builtins(self.config), **values}
        if isinstance(vad := values.get("vad"), dict):
            merged["vad"] = {**msgspec.to_builtins(self.config.vad), **vad}
        try:
            asked = checked(merged)
        except ConfigInvalid:
            return (refusal("config_invalid"),)
        if asked.sample_rate > 48_000:
            return (refusal("config_invalid"),)
        return (UPDATED,)

    def _keepalive(self, last_seq: int | list[int]) -> tuple[str, ...]:
        if not self.begun:
            return (NOTHING,)
        several = isinstance(last_seq, list)
        if (several and len(last_seq) != self._channels) or (not several and last_seq and self._channels > 1):  # type: ignore[arg-type]
            return (refusal("invalid_json"),)
        return (NOTHING,)

    def _enroll(self, seconds: float) -> tuple[str, ...]:
        if self.finished:
            return (NOTHING,)
        if not ENROLL_S[0] <= seconds <= ENROLL_S[1]:
            return (refusal("config_invalid"),)
        self.begun = True
        return (NOTHING,)


def mismatch(received: list[str], expected: list[tuple[str, ...]]) -> str:
    """Where the answers differ from what is right, in words; "" where they do not.

    received  the answers in the order of their arrival
    expected  the right answers to each message, in the order of sending
    """
    left = list(received)
    if TOO_LARGE in left:  # it ends the connection at once, before what was sent earlier is answered
        overtaken = left.index(TOO_LARGE) + 1 == len(left) and expected[-1] == (TOO_LARGE,)
        if not overtaken:
            return "message_too_large is not the last answer, or nothing was too large"
        left.pop()
        expected = expected[:-1]
    else:
        overtaken = False
    for place, allowed in enumerate(expected):
        if left and left[0] in allowed:
            left.pop(0)
        elif overtaken and not left:
            return ""
        elif NOTHING not in allowed:
            return f"message {place} was answered by {left[0] if left else 'nothing'}, not by {' or '.join(allowed)}"
    return f"{left[0]} answers no message" if left else ""
