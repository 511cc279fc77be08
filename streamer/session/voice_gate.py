"""Which frames begin an utterance and which keep it going: webrtcvad's decisions and Silero's probabilities, joined.

webrtcvad detects nearly every voice, whispers and laughs included, but takes music, rain and rooms for speech. Silero
knows speech from sounds, but loses laughs and the edges of words. With both, an utterance begins once Silero has found
a voice in it, and goes on as webrtcvad detects it for as long as Silero found a voice a moment ago. How long that
moment is depends on the room: where webrtcvad detects a voice although nobody speaks, it is short. A scream, which
Silero does not know, is found by a second look.
"""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from .second_look import LEAD, SecondLook, SecondLookState
from .vad import FRAME, Voicing

Backend = Literal["webrtc", "silero", "both"]

CERTAIN = 1.2  # of the configured threshold: a frame with that probability begins an utterance or keeps it going
MOST = 0.95  # ... which is never asked for with more certainty
SILERO_GO_ON = 0.15  # below the threshold by so much, an utterance of Silero alone goes on (its authors' hysteresis)
EXTRA = 6 * FRAME  # a beginning needs so much more than `min_speech_s` of frames that count
SLACK = 11 * FRAME  # ... which may be interrupted by so much
BACK = 5 * FRAME  # a voice begins at least so long before the first frame that counted
HOLD_QUIET = 50 * FRAME  # in a quiet room a laugh or a sob may last so long without a voice that Silero knows
HOLD_NOISY = 2 * FRAME  # where webrtcvad takes the room itself for speech
NOISY = 0.15  # share of frames without speech that webrtcvad takes for a voice, from which the room counts as noisy
ROOM_AFTER = 25  # frames after a voice, after which frames tell about the room
ROOM_FRAMES = 150.0  # time constant of that share: 3 s


class Decision(NamedTuple):
    """What one frame means for the utterances.

    begins  an utterance may begin with the frames up to this one
    voiced  the frame keeps an utterance going
    precedes  the frame may lead up to a beginning
    lead    samples from the first frame that showed the voice to this frame's end
    sure    the voice began at least so many samples before this frame's end, whatever `precedes` says; 0 if not known
    """

    begins: bool
    voiced: bool
    precedes: bool
    lead: int = 0
    sure: int = 0


@dataclass
class GateState:
    """What the gate remembers between frames; saved with the session.

    starts   samples of unbroken webrtcvad frames that may begin an utterance
    counted  which of the newest frames counted towards a beginning, newest last
    since    frames since the voice was last certain
    room     share of frames without speech that webrtcvad takes for a voice
    room_before  ... when the voice was last certain; frames since then may yet turn out to be speech
    look     what is known of the need for a second look
    """

    starts: int = 0
    counted: list[bool] = field(default_factory=list)
    since: int = 1_000
    room: float = 0.0
    room_before: float = 0.0
    look: SecondLookState = field(default_factory=SecondLookState)


def longest_lead(min_speech: int) -> int:
    """The largest `lead` of a decision, in samples."""
    return max(LEAD * FRAME, _window(min_speech))


def _window(min_speech: int) -> int:
    """Samples within which the frames that count must lie."""
    return max(FRAME, (min_speech + EXTRA) // FRAME * FRAME) + SLACK


class VoiceGate:
    """Judges frames in audio order, by webrtcvad's decisions and, unless `backend` is webrtc, by probabilities."""

    def __init__(self, backend: Backend, threshold: float, min_speech: int, state: GateState) -> None:
        self.backend, self.state = backend, state
        self._min_speech = min_speech
        self._begin_p = min(MOST, threshold if backend == "silero" else CERTAIN * threshold)
        self._go_on_p = max(0.01, threshold - SILERO_GO_ON) if backend == "silero" else self._begin_p
        self._need = max(1, (min_speech + EXTRA) // FRAME)
        self._window = _window(min_speech) // FRAME
        self.look = SecondLook(threshold, state.look)

    def doubts(self, webrtc: Voicing, probability: float | None) -> bool:
        """Whether the next frame needs a second look before it is judged. Changes nothing."""
        asked = self.backend == "both" and probability is not None
        return asked and self.look.due(webrtc.continues, self.state.room)

    def judge(self, webrtc: Voicing, probability: float | None, look: bool | None = None) -> Decision:
        """The next frame.

        probability  None where Silero does not run or gave no answer: webrtcvad then decides
        look         whether a second look found a voice; None where there was none
        """
        s = self.state
        s.starts = s.starts + FRAME if webrtc.starts else 0
        if self.backend == "webrtc" or probability is None:
            s.since = 0 if webrtc.continues else s.since + 1
            begins, lead = s.starts >= self._min_speech, min(s.starts, self._window * FRAME)
            return Decision(begins, webrtc.continues, webrtc.precedes, lead)
        counts = probability >= self._begin_p
        s.counted.append(counts)
        if len(s.counted) > self._window:
            del s.counted[0]
        s.since = 0 if probability >= self._go_on_p else s.since + 1
        if s.since > ROOM_AFTER:
            s.room += (float(webrtc.continues) - s.room) / ROOM_FRAMES
        begins = sum(s.counted) >= self._need
        lead = (len(s.counted) - s.counted.index(True)) * FRAME if begins else 0
        if self.backend == "silero":
            voiced = s.since == 0
            return Decision(begins and voiced, voiced, voiced, lead, lead + BACK if begins else 0)
        self.look.note(webrtc.continues, begins, look is not None)
        if s.since <= ROOM_AFTER:
            s.room_before = s.room
        if look and not begins:
            s.since, s.room = 0, s.room_before
            return Decision(True, True, True, self.look.lead, self.look.lead)
        hold = HOLD_NOISY if s.room >= NOISY else HOLD_QUIET
        voiced = counts or (webrtc.continues and s.since * FRAME <= hold)
        precedes = webrtc.precedes or s.since == 0
        return Decision(begins and (webrtc.continues or counts), voiced, precedes, lead, lead + BACK if begins else 0)

    def restart(self) -> None:
        """The audio was cut: frames before the cut begin no utterance after it."""
        self.state.starts = 0
        self.state.counted = []
        self.look.restart()
