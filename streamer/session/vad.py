"""The voice detector: webrtcvad behind a level normaliser and a noise floor that speech must rise above."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import webrtcvad

from ..protocol.config import SAMPLE_RATE

Samples = npt.NDArray[np.float32]

FRAME = SAMPLE_RATE // 50
"""20 ms, the detector's frame."""

COUNT, LOWEST, HIGHEST = np.float32(FRAME), np.float32(-32_768.0), np.float32(32_767.0)

TARGET_DB = -20.0  # the level that speech is brought to before detection, dBFS
QUIETEST_DB = -80.0  # quieter sound is amplified no further: it is a muted microphone
GATE_DB = 35.0  # a frame this far below the tracked level is not voiced
SNR_DB = 15.0  # the level stays this far above the noise floor, so that noise alone is not amplified to speech
FIRST_FLOOR_DB = -60.0  # until the floor is known, it is not assumed to be above this
FIRST_FRAMES = 15  # 0.3 s, the time of the first estimate of the floor
EVEN_FRAMES = 60  # 1.2 s, longer than speech goes on without a dip
EVEN_DB = 4.0  # a sound whose level moves by less is steady noise; speech rises, falls and dips by more
FALL_DB = 4.0 / 50  # per frame: the level falls by 4 dB a second, so a quiet voice after a loud one is detected
RISE_DB = 1.0 / 50  # per frame: the floor rises by 1 dB a second
RISE_SCATTERS = 3.0  # the start of speech rises above the floor by this many times the scatter of the noise,
RISE_LEAST_DB, RISE_QUIET_DB, RISE_MOST_DB = 1.5, 8.0, 12.0  # by at least, by at least in a quiet room, by at most
ONSET_SHARE = 0.7  # of that rise, for the frames that precede the start


@dataclass
class VadState:
    """What the detector remembers; all of it is saved.

    webrtcvad keeps its noise model in C, where it cannot be saved. So the detectors are made anew at the end of each
    utterance and after ten seconds of silence, and a restore feeds them `fed` again.

    level_db   tracked level of speech, dBFS; None before the first frame
    floor_db   tracked noise floor, dBFS
    recent_db  levels of the newest frames, dBFS
    fed        16-bit samples that webrtcvad was given since it was made
    """

    level_db: float | None = None
    floor_db: float | None = None
    recent_db: list[float] = field(default_factory=list)
    fed: bytearray = field(default_factory=bytearray)


@dataclass(frozen=True)
class Voicing:
    """What the detector says about one frame.

    starts     enough such frames in a row begin an utterance
    continues  one such frame keeps an utterance going
    precedes   the frame belongs to an utterance that begins right after it
    """

    starts: bool
    continues: bool
    precedes: bool


NO_VOICE = Voicing(False, False, False)


class VoiceDetector:
    """Judges 20 ms frames at 16 kHz.

    Frames are brought to a common level first, by a slow peak tracker that stays above a slow noise floor: without it,
    the share of frames that webrtcvad took for speech moved from .38 to .68 over 40 dB of gain.
    """

    def __init__(self, threshold: float, state: VadState | None = None) -> None:
        self.state = VadState() if state is None else state
        self._loose_mode = min(3, int(threshold * 4))
        self._make()
        for start in range(0, len(self.state.fed), 2 * FRAME):
            self._ask(bytes(self.state.fed[start : start + 2 * FRAME]))

    def _make(self) -> None:
        self._loose = webrtcvad.Vad(self._loose_mode)
        self._strict = webrtcvad.Vad(min(3, self._loose_mode + 1))

    def reset(self) -> None:
        """Make webrtcvad anew, which forgets its noise model; the tracked levels stay."""
        self.state.fed.clear()
        self._make()

    def _ask(self, pcm: bytes) -> tuple[bool, bool]:
        """Whether webrtcvad takes a frame for speech: in a more aggressive mode, and in the mode of the threshold."""
        loose = self._loose.is_speech(pcm, SAMPLE_RATE)
        strict = self._strict.is_speech(pcm, SAMPLE_RATE)
        return strict and loose, loose

    def judge(self, frame: Samples) -> Voicing:
        """Voicing of one frame of 320 samples in [-1, 1]."""
        state = self.state
        frame = frame - np.add.reduce(frame) / COUNT  # remove a constant offset
        power = float(np.dot(frame, frame)) / FRAME
        loudness = max(-100.0, 10.0 * math.log10(power + 1e-12))
        level = loudness if state.level_db is None else state.level_db
        # A recording may begin in the middle of a word: if it begins loud, assume that the floor is lower.
        guess = min(loudness, max(loudness - SNR_DB, FIRST_FLOOR_DB))
        floor = guess if state.floor_db is None else state.floor_db
        # Speech dips and noise does not: what did not dip for a while is the noise floor, even if it is loud.
        state.recent_db = [*state.recent_db[1 - EVEN_FRAMES :], loudness]
        recent = state.recent_db
        if len(recent) in (FIRST_FRAMES, EVEN_FRAMES):
            floor = max(floor, min(recent) - (0.0 if _even(recent) else 3.0))
        floor = floor + 0.3 * (loudness - floor) if loudness < floor else floor + RISE_DB
        level = level + 0.5 * (loudness - level) if loudness > level else level - FALL_DB
        # Keep the level itself: after a siren that raised the floor, speech must still be detected.
        state.level_db, state.floor_db = level, floor
        level = max(level, floor + SNR_DB, QUIETEST_DB)
        scaled = frame * (32_768.0 * 10.0 ** ((TARGET_DB - level) / 20.0))
        pcm = np.minimum(np.maximum(scaled, LOWEST), HIGHEST).astype("<i2").tobytes()
        state.fed += pcm
        strict, loose = self._ask(pcm)
        # The very first frames count even where they dip: a recording may begin in the middle of a word.
        precedes = loose or len(recent) <= FIRST_FRAMES
        if not precedes or loudness < level - GATE_DB:
            return NO_VOICE
        room = self._room(floor)
        above, rise = loudness - room, self._rise(room)
        begins = len(recent) >= FIRST_FRAMES or not _even(recent)
        return Voicing(strict and begins and above >= rise, loose, precedes and above >= ONSET_SHARE * rise)

    def _room(self, floor: float) -> float:
        """The noise level that speech must rise above, dBFS; before the floor is known, a loud one is not trusted."""
        recent = self.state.recent_db
        known = len(recent) >= EVEN_FRAMES or (len(recent) >= FIRST_FRAMES and _even(recent[:FIRST_FRAMES]))
        return max(floor if known else min(floor, FIRST_FLOOR_DB), QUIETEST_DB)

    def _rise(self, room: float) -> float:
        """How far speech must rise above the noise, dB: more where it is restless, and in a quiet room."""
        ordered = sorted(self.state.recent_db)
        scatter = ordered[len(ordered) // 4] - ordered[0]
        least = min(RISE_QUIET_DB, max(RISE_LEAST_DB, (-50.0 - room) / 2))
        return max(least, min(RISE_MOST_DB, RISE_SCATTERS * scatter))


def _even(loudness: list[float]) -> bool:
    return max(loudness) - min(loudness) < EVEN_DB
