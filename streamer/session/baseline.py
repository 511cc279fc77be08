"""The speaker's baseline in a session: learnt at the end of each utterance, and constant during one."""

from dataclasses import dataclass
from typing import Literal

from emoscope.models.reading import Reading
from emoscope.models.speaker import SpeakerProfile, learn

from ..protocol.config import SAMPLE_RATE

Mode = Literal["off", "running", "enrolled"]


@dataclass
class BaselineState:
    """What is known of the speaker.

    mode       how the baseline is learnt
    profile    what readings are taken against; None as long as nothing is known
    wanted     samples of calm speech that an enrollment asks for; 0 when none is under way
    collected  how many of them were spoken
    waits_for  the request whose reading must be learnt before anything later is read
    """

    mode: Mode = "off"
    profile: SpeakerProfile | None = None
    wanted: int = 0
    collected: int = 0
    waits_for: int | None = None

    @property
    def learns(self) -> bool:
        """True when the next final will change the profile."""
        return self.mode == "running" or self.wanted > 0

    @property
    def applied(self) -> Mode:
        """The kind of baseline that a reading made now is taken against, as its event says it."""
        return self.mode if self.known is not None else "off"

    @property
    def known(self) -> SpeakerProfile | None:
        """The profile for a reading made now; None during an enrollment, too."""
        return None if self.mode == "off" or self.wanted else self.profile

    def enroll(self, samples: int) -> None:
        """Make a new baseline from the next `samples` of speech, which are taken to be calm."""
        self.mode, self.profile, self.wanted, self.collected = "enrolled", None, samples, 0

    def forget(self, mode: Mode) -> None:
        """Forget the speaker; learning goes on as `mode` says."""
        self.mode, self.profile, self.wanted, self.collected = mode, None, 0, 0

    def learn_from(self, reading: Reading | None, samples: int) -> float | None:
        """Learn from the final reading of an utterance of `samples`; None for a reading that was never made.

        Returns the seconds of speech that were learnt from, when they complete an enrollment.
        """
        self.waits_for = None
        if reading is None or reading.voice is None:
            return None
        if not self.wanted:
            seconds = samples / SAMPLE_RATE
            self.profile = learn(self.profile, reading.voice.embedding, reading.voice.calm, seconds)
            return None
        self.profile = learn(self.profile, reading.voice.embedding, 1.0, samples / SAMPLE_RATE)
        self.collected += samples
        if self.collected < self.wanted:
            return None
        self.wanted = 0
        return self.collected / SAMPLE_RATE
