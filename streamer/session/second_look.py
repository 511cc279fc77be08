"""A second look at what webrtcvad takes for a long voice and Silero for none: does it hear one in slower audio?

Silero was trained on speech that nobody shouts. A scream lies above the pitches that it knows: of RAVDESS's clips it
refuses the loudest ones of a few women. Played slower, so that pitch and formants sink by a half, most of them pass,
and rain, engines and dogs still do not. So where webrtcvad hears a voice without a break and Silero has found none, the
newest audio is judged once more, slowed down, by the same network with an empty memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import soxr

from ..protocol.config import SAMPLE_RATE
from .vad import FRAME, Samples

HEARD = 35  # frames that webrtcvad must have heard without a beginning of an utterance: 0.7 s
SHARE = 0.9  # ... of which it must take this share for a voice
AUDIO = 47 * FRAME  # what is looked at; it is longer, because the network needs a moment until it can judge
SLOWER = 1.5  # so many times
CERTAINTY = 0.9  # of the configured threshold: the mean probability over those frames that shows a voice
EVERY = 25  # frames between two looks
ROOM = 0.6  # where webrtcvad takes a larger share of the room's frames for a voice, what it hears tells nothing
BREAK = 10  # frames that webrtcvad may miss within a voice
LEAD = 60  # an utterance that a look found began at most so many frames ago: the look before may have missed it


@dataclass
class SecondLookState:
    """What the looks remember between frames; saved with the session.

    heard   which of the newest frames webrtcvad took for a voice, newest last
    unsure  frames since Silero found a voice for the last time
    looked  frames since the last look
    """

    heard: list[bool] = field(default_factory=list)
    unsure: int = 0
    looked: int = EVERY


class SecondLook:
    """Says when to look again, makes the audio for it, and says what the answer means."""

    def __init__(self, threshold: float, state: SecondLookState) -> None:
        self.state = state
        self._least = CERTAINTY * threshold

    def due(self, voiced: bool, room: float) -> bool:
        """Whether to look after the next frame, which webrtcvad takes for a voice or not. Changes nothing."""
        s = self.state
        return (
            voiced
            and room < ROOM
            and s.looked + 1 >= EVERY
            and min(len(s.heard), s.unsure) + 1 >= HEARD
            and sum(s.heard[1 - HEARD :]) + 1 >= SHARE * HEARD
        )

    def note(self, voiced: bool, begins: bool, looked: bool) -> None:
        """Take the next frame: whether webrtcvad hears a voice, whether Silero does, and whether a look was made."""
        s = self.state
        s.heard.append(voiced)
        if len(s.heard) > LEAD:
            del s.heard[0]
        s.unsure = 0 if begins else s.unsure + 1
        s.looked = 0 if looked else s.looked + 1

    @property
    def lead(self) -> int:
        """Samples since webrtcvad began to hear the voice, up to the newest frame's end; short breaks belong to it."""
        count = unheard = 0
        for place, voiced in enumerate(reversed(self.state.heard), 1):
            unheard = 0 if voiced else unheard + 1
            count = place if voiced else count
            if unheard > BREAK:
                break
        return count * FRAME

    def shows_voice(self, probabilities: Sequence[float], chunk: int) -> bool:
        """Whether the probabilities of slowed audio, by chunks of so many samples, show a voice."""
        judged = probabilities[-round(HEARD * FRAME * SLOWER / chunk) :]
        return len(judged) > 0 and sum(judged) >= self._least * len(judged)

    def restart(self) -> None:
        """The audio was cut: nothing before the cut counts after it."""
        self.state.heard, self.state.unsure, self.state.looked = [], 0, EVERY


def slowed(audio: Samples, chunk: int) -> Samples:
    """The audio at the same rate, but `SLOWER`; its beginning is left out so that it fills whole chunks."""
    slow: Samples = soxr.resample(audio, SAMPLE_RATE, SAMPLE_RATE * SLOWER).astype(np.float32)
    return slow[len(slow) % chunk :]
