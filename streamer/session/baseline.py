"""The voice's own baseline in a session: learnt at the end of each utterance, frozen while one is heard."""

from dataclasses import dataclass
from typing import Literal

from emoscope.models.reading import Reading
from emoscope.models.speaker import SpeakerProfile, learn

from ..protocol.config import SAMPLE_RATE

Mode = Literal["off", "running", "enrolled"]


@dataclass
class BaselineState:
    """What is known of the voice.

    mode     how it is learnt
    profile  what readings are taken against; None as long as nothing is known
    wanted   samples of calm speech that an enrolment asks for, 0 when there is none
    heard    samples of them so far
    waits    the request whose reading must be learnt before anything later is read
    """

    mode: Mode = "off"
    profile: SpeakerProfile | None = None
    wanted: int = 0
    heard: int = 0
    waits: int | None = None

    @property
    def learns(self) -> bool:
        """True when the next final will change the profile."""
        return self.mode == "running" or self.wanted > 0

    @property
    def applied(self) -> Mode:
        """What a reading made now is taken against."""
        return self.mode if self.known is not None else "off"

    @property
    def known(self) -> SpeakerProfile | None:
        """The profile for a reading made now; a sample that is still being taken is no baseline yet."""
        return None if self.mode == "off" or self.wanted else self.profile

    def enrol(self, samples: int) -> None:
        """The next `samples` of speech are calm, and become the baseline."""
        self.mode, self.profile, self.wanted, self.heard = "enrolled", None, samples, 0

    def forget(self, mode: Mode) -> None:
        """Nothing is known any more; learning goes on as `mode` says."""
        self.mode, self.profile, self.wanted, self.heard = mode, None, 0, 0

    def hear(self, reading: Reading | None, samples: int) -> float | None:
        """Learn from a final over `samples`, None if nothing was read; seconds when this ends an enrolment."""
        self.waits = None
        if reading is None or reading.voice is None:
            return None
        if not self.wanted:
            seconds = samples / SAMPLE_RATE
            self.profile = learn(self.profile, reading.voice.embedding, reading.voice.calm, seconds)
            return None
        self.profile = learn(self.profile, reading.voice.embedding, 1.0, samples / SAMPLE_RATE)
        self.heard += samples
        if self.heard < self.wanted:
            return None
        self.wanted = 0
        return self.heard / SAMPLE_RATE
